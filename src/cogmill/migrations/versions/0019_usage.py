"""The usage ledger and its sums by day; what sessions consumed before becomes one record each."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

AMOUNTS = ("acus_micro", "usd_micro", "active_ms", "input_tokens", "output_tokens", "cached_tokens")
DAY = "(CAST(FLOOR((updated_at - 28800) / 86400) AS BIGINT) * 86400 + 28800)"
SQLITE_DAY = "((CAST(updated_at AS INTEGER) - 28800) / 86400 * 86400 + 28800)"
CYCLE = (
    "CAST(EXTRACT(EPOCH FROM date_trunc('month', to_timestamp(updated_at - 28800) AT TIME ZONE 'UTC')"
    " AT TIME ZONE 'UTC') AS BIGINT) + 28800"
)
SQLITE_CYCLE = "CAST(strftime('%s', updated_at - 28800, 'unixepoch', 'start of month') AS INTEGER) + 28800"


def _amounts() -> list[sa.Column[int]]:
    notes = {"input_tokens": "cached ones included"}
    return [sa.Column(name, sa.BigInteger(), nullable=False, comment=notes.get(name)) for name in AMOUNTS]


def upgrade() -> None:
    big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "usage_record",
        sa.Column("session", big_id, nullable=False),
        sa.Column(
            "seq", sa.Integer(), autoincrement=False, nullable=False, comment="of the event that booked it; 0: older"
        ),
        sa.Column(
            "at", sa.Float(53), nullable=False, comment="when it was used, which may be before it was written down"
        ),
        sa.Column("day", sa.BigInteger(), nullable=False, comment="beginning of its day, 08:00 UTC"),
        sa.Column(
            "cycle", sa.BigInteger(), nullable=False, comment="beginning of the cycle whose limits it counts against"
        ),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True, comment="whose use it is"),
        sa.Column("service_user_id", sa.String(), nullable=True, comment="that made the session"),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=True),
        *_amounts(),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_usage_record_session")),
        sa.PrimaryKeyConstraint("session", "seq", name=op.f("pk_usage_record")),
        comment="one row for each event that booked anything; never changed",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_session_day",
        sa.Column("session", big_id, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        *_amounts(),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_usage_session_day_session")),
        sa.PrimaryKeyConstraint("session", "day", "product", name=op.f("pk_usage_session_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_day",
        sa.Column("scope", sa.String(), nullable=False, comment="enterprise, org, user or service_user"),
        sa.Column("scope_id", sa.String(), nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "org_id", sa.String(), nullable=False, comment="of a principal's use; empty for the enterprise as a whole"
        ),
        sa.Column("product", sa.String(), nullable=False),
        *_amounts(),
        sa.PrimaryKeyConstraint("scope", "scope_id", "day", "org_id", "product", name=op.f("pk_usage_day")),
        comment="sums of the ledger; those of purged organizations stay, for bills are made of them",
        sqlite_with_rowid=False,
    )
    _fill()


def _fill() -> None:
    """One record for each session that consumed anything, at the time it was last changed; then the sums."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    day, cycle = (SQLITE_DAY, SQLITE_CYCLE) if is_sqlite else (DAY, CYCLE)
    names = ", ".join(AMOUNTS)
    op.execute(
        "INSERT INTO usage_record (session, seq, at, day, cycle, enterprise_id, org_id, user_id, service_user_id,"  # noqa: S608 - our own words only
        f" product, model, {names})"
        f" SELECT id, 0, session.updated_at, {day.replace('updated_at', 'session.updated_at')},"
        f" {cycle.replace('updated_at', 'session.updated_at')}, organization.enterprise_id, session.org_id, user_id,"
        " service_user_id, 'devin', NULL, acus_micro, usd_micro, 0, 0, 0, 0"
        " FROM session JOIN organization ON organization.org_id = session.org_id"
        " WHERE acus_micro <> 0 OR usd_micro <> 0"
    )
    sums = ", ".join(f"SUM({name})" for name in AMOUNTS)
    op.execute(
        f"INSERT INTO usage_session_day (session, day, product, {names})"  # noqa: S608
        f" SELECT session, day, product, {sums} FROM usage_record GROUP BY session, day, product"
    )
    for scope, key, org_id in (
        ("enterprise", "enterprise_id", "''"),
        ("org", "org_id", "org_id"),
        ("user", "user_id", "org_id"),
        ("service_user", "service_user_id", "org_id"),
    ):
        op.execute(
            f"INSERT INTO usage_day (scope, scope_id, day, org_id, product, {names})"  # noqa: S608
            f" SELECT '{scope}', {key}, day, {org_id}, product, {sums} FROM usage_record"
            f" WHERE {key} IS NOT NULL GROUP BY {key}, day, {'org_id, ' if org_id == 'org_id' else ''}product"
        )


def downgrade() -> None:
    op.drop_table("usage_day")
    op.drop_table("usage_session_day")
    op.drop_table("usage_record")
