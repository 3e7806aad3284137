"""What belongs to the database as a whole."""

from sqlalchemy import Column, Integer, String, Table

from cogmill.models.metadata import metadata

installation = Table(
    "installation",
    metadata,
    Column("installation_id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("keys_fingerprint", String, nullable=False, comment="of the keys that hashes and secrets were made with"),
)
