"""Adapters to the shapes of older versions of the API."""
