"""The agents: given history, workspace and tools, they yield steps."""
