"""What was used: the append-only ledger, and its sums by day, which are written with it."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table

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
    Column("group_name", String, comment="of the organization's group, as it was then"),
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
    Column("scope", String, primary_key=True, comment="enterprise, org, org_group, user or service_user"),
    Column("scope_id", String, primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("org_id", String, primary_key=True, comment="of a principal's use; empty for the enterprise as a whole"),
    Column("product", String, primary_key=True),
    *_amounts(),
    comment="sums of the ledger; those of purged organizations stay, for bills are made of them",
    sqlite_with_rowid=False,
)

cycle_limit = Table(
    "cycle_limit",
    metadata,
    Column("scope", String, primary_key=True, comment="user or enterprise; those of organizations stand in their rows"),
    Column("scope_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("max_cycle_acus", BigInteger, nullable=False, comment="0: nothing may run"),
    Column("updated_at", Float(53), nullable=False),
    Index(None, "enterprise_id"),
    sqlite_with_rowid=False,
)

usage_reservation = Table(
    "usage_reservation",
    metadata,
    Column("session", BigId, ForeignKey("session.id"), primary_key=True),
    Column("holder", String, primary_key=True, comment="run, or insights"),
    Column("cycle", BigInteger, nullable=False, comment="against whose limits it counts"),
    Column("acus_micro", BigInteger, nullable=False, comment="what may still be used"),
    Column("enterprise_id", String, nullable=False),
    Column("org_id", String, nullable=False),
    Column("group_name", String),
    Column("user_id", String),
    comment="what is set aside of limits for steps under way; gone when a run is over",
    sqlite_with_rowid=False,
)

limit_notice = Table(
    "limit_notice",
    metadata,
    Column("scope", String, primary_key=True, comment="user, org, org_group or enterprise"),
    Column("scope_id", String, primary_key=True),
    Column("cycle", BigInteger, primary_key=True, autoincrement=False),
    Column("threshold", Integer, primary_key=True, autoincrement=False, comment="hundredths of the limit"),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("at", Float(53), nullable=False),
    comment="warnings that were given: once for each limit, cycle and threshold",
    sqlite_with_rowid=False,
)
