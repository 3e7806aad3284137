"""The built-in coding agent: a model with tools, driven from the session's log."""
