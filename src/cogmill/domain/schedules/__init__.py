"""Schedules: sessions that begin, or are written to, at set times."""
