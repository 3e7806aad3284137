"""Pull requests that sessions opened, and what a session changed."""
