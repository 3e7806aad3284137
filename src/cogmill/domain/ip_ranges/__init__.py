"""The IP access list of an enterprise."""
