"""Sessions that run on workers of outposts: the agent here, its commands and files there."""
