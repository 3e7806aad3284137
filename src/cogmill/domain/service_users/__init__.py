"""Making service users, which get their first key at once."""
