"""Connections to git providers, and which of their repositories organizations may use."""
