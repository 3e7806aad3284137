"""Runs sessions: queue, runner, agents, background loops."""
