"""Files that came with prompts, and playbooks."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, String, Table

from cogmill.models.metadata import metadata

attachment = Table(
    "attachment",
    metadata,
    Column("attachment_id", String, primary_key=True, comment="a UUID; the file lies under it in the data folder"),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("content_type", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("created_at", Float(53), nullable=False),
)
