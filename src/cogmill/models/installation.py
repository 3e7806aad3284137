"""What belongs to the database as a whole."""

from sqlalchemy import Column, Float, Integer, String, Table, Text

from cogmill.models.metadata import metadata

installation = Table(
    "installation",
    metadata,
    Column("installation_id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("keys_fingerprint", String, nullable=False, comment="of the keys that hashes and secrets were made with"),
)

data_key = Table(
    "data_key",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("wrapped", Text, nullable=False, comment="by the master key"),
    Column("created_at", Float(53), nullable=False),
    comment="keys that stored secrets are sealed with; the newest seals",
)
