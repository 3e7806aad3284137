"""Background work of the server, one file for each loop."""
