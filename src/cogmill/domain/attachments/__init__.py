"""Files that users upload for sessions."""
