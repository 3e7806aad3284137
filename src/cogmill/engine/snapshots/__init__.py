"""Building the snapshots that sessions start from, and starting sessions from them."""
