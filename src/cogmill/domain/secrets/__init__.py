"""Secrets of organizations, of people and of repositories, for sessions to use."""
