"""Outposts: named queues of sessions that run on machines of the customer's, and the state of each session there."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, String, Table, Text, UniqueConstraint, text

from cogmill.models.metadata import BigId, Json, metadata

outpost = Table(
    "outpost",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("outpost_id", String(44), nullable=False, unique=True, comment="outpost_env- and 32 hex digits"),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("name", String, nullable=False),
    Column("platform", String, comment="of its machines, as whoever made it calls it"),
    Column("description", Text),
    Column("allowed_org_ids", Json, comment="null: all organizations of the enterprise"),
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("enterprise_id", "name"),
)

outpost_entry = Table(
    "outpost_entry",
    metadata,
    Column("session", BigId, ForeignKey("session.id"), primary_key=True, autoincrement=False),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("enterprise_id", String, nullable=False),
    Column("outpost_id", ForeignKey("outpost.outpost_id"), nullable=False, index=True),
    Column("kind", String, nullable=False, comment="new or resume"),
    Column("acceptor_id", String, comment="who has claimed it; null: nobody"),
    Column("claim_deadline", Float(53), comment="until when its worker has to connect"),
    Column("token_hash", String, comment="keyed; of the one token that the next connection is made with"),
    Column("connection", String, comment="of the socket that its worker holds; null: none"),
    Column("workspace", String, comment="name that the worker gave the files which the last run left"),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("gone_at", Float(53), comment="since when the session is over; kept a while for those who watch"),
    Column("version", BigInteger, nullable=False, comment="of the enterprise's feed, at its last change"),
    Index(None, "enterprise_id", "version"),
    Index(
        "ix_outpost_entry_claim_deadline",
        "claim_deadline",
        sqlite_where=text("acceptor_id IS NOT NULL AND connection IS NULL"),
        postgresql_where=text("acceptor_id IS NOT NULL AND connection IS NULL"),
    ),
)

outpost_feed = Table(
    "outpost_feed",
    metadata,
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), primary_key=True),
    Column("version", BigInteger, nullable=False, comment="grows with every change, in the order of the commits"),
    sqlite_with_rowid=False,
)
