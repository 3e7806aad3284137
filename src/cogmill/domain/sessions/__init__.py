"""Sessions: create, find, message, end; their state machine and event log."""
