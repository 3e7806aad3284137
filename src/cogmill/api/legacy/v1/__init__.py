"""The old API v1: the organization comes from the key."""
