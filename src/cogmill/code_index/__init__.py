"""The code index: what repositories define and say, one SQLite file for each repository."""
