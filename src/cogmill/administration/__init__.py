"""Commands of the administrator that work on a data folder directly, with or without a server on it."""
