"""What happens to sessions and pull requests, told to whoever asked for it."""
