"""Metrics, over HTTP and against a slow computation."""
