"""What metrics are made of: sums by day and by month of what sessions, pull requests and searches say."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from cogmill.models.metadata import BigId, metadata

ORIGINS = ("api", "automation", "desktop", "jira", "linear", "slack", "teams", "webapp")
"""Origins that metrics tell apart; sessions of others count in the sums alone."""
SIZES = ("xs", "s", "m", "l", "xl")
PR_COUNTERS = tuple(f"prs_{who}{what}" for who in ("", "taken_over_") for what in ("opened", "closed", "merged"))
COUNTERS = (
    "sessions", "acus_micro", *(f"origin_{one}" for one in ORIGINS), *(f"size_{one}" for one in SIZES),
    *(f"merged_{one}" for one in SIZES), "with_playbook", "with_search", *PR_COUNTERS, "searches",
)  # fmt: skip

metric_sum = Table(
    "metric_sum",
    metadata,
    Column("org_id", String, primary_key=True),
    Column("part", String, primary_key=True, comment="all; or pair: of a playbook and a service user, either empty"),
    Column("span", String, primary_key=True, comment="d: day, m: month; both begin at 00:00 UTC"),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("playbook_id", String, primary_key=True),
    Column("service_user_id", String, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in COUNTERS),
    Index(None, "org_id", "part", "playbook_id", "span", "start"),
    Index(None, "org_id", "part", "service_user_id", "span", "start"),
    comment="of what was created in the span, as it stands now",
    sqlite_with_rowid=False,
)

metric_category = Table(
    "metric_category",
    metadata,
    Column("org_id", String, primary_key=True),
    Column("span", String, primary_key=True, comment="d: day, m: month"),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("category", String, primary_key=True, comment="empty: not known yet"),
    Column("subcategory", String, primary_key=True),
    Column("sessions", BigInteger, nullable=False),
    Column("acus_micro", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

metric_user = Table(
    "metric_user",
    metadata,
    Column("org_id", String, primary_key=True),
    Column("span", String, primary_key=True, comment="d: day, w: week from Monday, m: month"),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", String, primary_key=True),
    Column("sessions", Integer, nullable=False),
    Column("searches", Integer, nullable=False),
    comment="people who had sessions made or who searched",
    sqlite_with_rowid=False,
)

metric_person = Table(
    "metric_person",
    metadata,
    Column("enterprise_id", String, primary_key=True),
    Column("span", String, primary_key=True, comment="d: day, w: week from Monday, m: month"),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", String, primary_key=True),
    Column("sessions", Integer, nullable=False),
    Column("searches", Integer, nullable=False),
    comment="the same of all organizations that are not deleted together",
    sqlite_with_rowid=False,
)

metric_activity = Table(
    "metric_activity",
    metadata,
    Column("enterprise_id", String, primary_key=True),
    Column("org_id", String, primary_key=True, comment="empty: all organizations that are not deleted together"),
    Column("span", String, primary_key=True, comment="d: day, w: week from Monday, m: month"),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("sessions", Integer, primary_key=True, autoincrement=False),
    Column("searches", Integer, primary_key=True, autoincrement=False),
    Column("users", Integer, nullable=False, comment="how many people had just so many sessions and searches"),
    sqlite_with_rowid=False,
)

metric_mark = Table(
    "metric_mark",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("day", BigInteger, nullable=False, comment="its sums are to be made anew; until then it is counted"),
    Index(None, "org_id", "day"),
)
