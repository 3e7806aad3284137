"""Cogmill: autonomous software-engineering sessions on your own machines, compatible with the Devin API."""

__version__ = "0.1.0"
