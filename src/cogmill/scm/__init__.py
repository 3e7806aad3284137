"""Git on the host side: mirrors, the built-in forge, and the session's clone seen through its sandbox."""
