"""Metrics: who uses sessions, how many there are, of which kind, and what becomes of their pull requests."""
