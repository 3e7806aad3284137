"""Who the caller is, and the first principals of a new installation."""
