"""Outposts: queues of sessions that run on machines of the customer's (contract/live-sessions.md, section 4)."""
