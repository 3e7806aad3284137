"""Automations: what waits for an event and does something then."""
