"""Organizations, their limits, tags and groups."""
