"""What was used: the append-only ledger, and its sums by day, which are written with it."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Integer, String, Table

from cogmill.models.metadata import BigId, metadata


def _amounts() -> list[Column[int]]:
    return [
        Column("acus_micro", BigInteger, nullable=False),
        Column("usd_micro", BigInteger, nullable=False),
        Column("active_ms", BigInteger, nullable=False),
        Column("input_tokens", BigInteger, nullable=False, comment="cached ones included"),
        Column("output_tokens", BigInteger, nullable=False),
        Column("cached_tokens", BigInteger, nullable=False),
    ]


usage_record = Table(
    "usage_record",
    metadata,
    Column("session", BigId, ForeignKey("session.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="of the event that booked it; 0: older"),
    Column("at", Float(53), nullable=False, comment="when it was used, which may be before it was written down"),
    Column("day", BigInteger, nullable=False, comment="beginning of its day, 08:00 UTC"),
    Column("cycle", BigInteger, nullable=False, comment="beginning of the cycle whose limits it counts against"),
    Column("enterprise_id", String, nullable=False),
    Column("org_id", String, nullable=False),
    Column("user_id", String, comment="whose use it is"),
    Column("service_user_id", String, comment="that made the session"),
    Column("product", String, nullable=False),
    Column("model", String),
    *_amounts(),
    comment="one row for each event that booked anything; never changed",
    sqlite_with_rowid=False,
)

usage_session_day = Table(
    "usage_session_day",
    metadata,
    Column("session", BigId, ForeignKey("session.id"), primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("product", String, primary_key=True),
    *_amounts(),
    sqlite_with_rowid=False,
)

usage_day = Table(
    "usage_day",
    metadata,
    Column("scope", String, primary_key=True, comment="enterprise, org, user or service_user"),
    Column("scope_id", String, primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("org_id", String, primary_key=True, comment="of a principal's use; empty for the enterprise as a whole"),
    Column("product", String, primary_key=True),
    *_amounts(),
    comment="sums of the ledger; those of purged organizations stay, for bills are made of them",
    sqlite_with_rowid=False,
)
