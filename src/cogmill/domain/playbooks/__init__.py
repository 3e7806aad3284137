"""Playbooks: texts that tell sessions how to work."""
