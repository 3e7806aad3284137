"""Measures a real server from outside, on this machine only."""
