"""The providers that connections lead to, each through its own HTTP API."""
