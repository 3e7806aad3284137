"""Mails that wait to be handed to the mail server; each was written in the transaction of its cause."""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text

from cogmill.models.metadata import BigId, metadata

mail = Table(
    "mail",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("message_id", String, nullable=False, comment="the header: the same at every attempt"),
    Column("org_id", ForeignKey("organization.org_id"), comment="on whose behalf; null: the server's"),
    Column("recipient", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("state", String, nullable=False, comment="waiting, sent or given_up"),
    Column("due_at", Float(53), nullable=False, comment="of the next attempt; of one that is over, when it was"),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Index(None, "state", "due_at", "id"),
)
