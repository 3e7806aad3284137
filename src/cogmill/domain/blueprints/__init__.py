"""Blueprints: what the environment of sessions is made of."""
