"""Limits on what is used in a cycle: of the enterprise, its organizations, their groups and users."""
