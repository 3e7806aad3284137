"""Keys: those of service users, personal access tokens, and legacy keys for the old APIs."""
