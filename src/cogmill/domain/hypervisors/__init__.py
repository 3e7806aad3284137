"""Processes that run sessions: what they say of themselves, and whether they shall take more."""
