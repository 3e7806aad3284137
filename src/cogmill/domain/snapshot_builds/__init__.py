"""Builds of snapshots: what sessions of an organization start from."""
