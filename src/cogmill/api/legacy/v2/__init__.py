"""The old API v2: the whole enterprise, for its admins."""
