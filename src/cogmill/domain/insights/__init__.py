"""Insights: what a session's log says of how it went."""
