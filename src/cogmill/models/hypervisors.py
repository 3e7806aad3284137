"""Processes that run sessions, each under an identity that its data folder keeps over restarts."""

from sqlalchemy import Column, Float, Integer, String, Table

from cogmill.models.metadata import BigId, metadata

hypervisor = Table(
    "hypervisor",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("hypervisor_id", String, nullable=False, unique=True),
    Column("instance_id", String, comment="of its machine at the cloud provider, as the settings name it"),
    Column("state", String, nullable=False, comment="restarting, available or terminated, as it said last itself"),
    Column("capacity", Integer, nullable=False, comment="sessions that it runs at once"),
    Column("running", Integer, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("last_heartbeat", Float(53), nullable=False),
    Column("drained_at", Float(53), comment="since when it is to take no sessions; null: it takes them"),
)
