"""The audit log: one record for every change, linked into a chain."""
