"""The HTTP interface: the table of operations, and the application made of it."""
