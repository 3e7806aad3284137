"""Making the sums of a day anew, and with them those of its week and month. Marks go in the same transaction.

Counting reads and may take its time; storing writes, and is refused when the marks are not those that were there
before it was counted. So of two processes at the same day one is refused, and nothing old replaces anything new.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, func, insert, literal, select

from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.metrics import counting
from cogmill.domain.metrics.counting import Counts, Which
from cogmill.domain.metrics.spans import DAY, Span, end_of, start_of
from cogmill.models.access import enterprise, organization
from cogmill.models.metrics import (
    COUNTERS,
    metric_activity,
    metric_category,
    metric_mark,
    metric_person,
    metric_sum,
    metric_user,
)

Rows = list[dict[str, Any]]
SUMMED: dict[Table, tuple[Span, ...]] = {metric_sum: ("m",), metric_category: ("m",), metric_user: ("w", "m")}
"""Which spans beside days are kept."""


class Changed(Exception):
    """The day was changed, or summed up by somebody else, meanwhile."""


@dataclass(frozen=True, slots=True)
class Day:
    """The sums of one day of one organization."""

    scope: Scope
    day: int
    last_mark: int
    marks: int
    rows: dict[Table, Rows] = field(default_factory=dict)


def pending(db: Connection, before: int, most: int) -> list[tuple[Scope, int]]:
    """Days that are marked and over, those of the latest time first."""
    columns = metric_mark.c
    query = select(organization.c.enterprise_id, columns.org_id, columns.day).distinct().where(columns.day < before)
    query = query.join_from(metric_mark, organization, organization.c.org_id == columns.org_id)
    rows = db.execute(query.order_by(columns.day.desc(), columns.org_id).limit(most))
    return [(Scope(row.enterprise_id, row.org_id), row.day) for row in rows]


def count(db: Connection, scope: Scope, day: int) -> Day:
    """The marks first, then what they are about."""
    columns = metric_mark.c
    marks = owned(metric_mark, scope).where(columns.day == day)
    many, last = db.execute(marks.with_only_columns(func.count(), func.coalesce(func.max(columns.id), 0))).one()
    purged = owned(organization, scope, organization.c.purge_begun_at).where(organization.c.purge_begun_at.is_not(None))
    if db.execute(purged).first() is not None:
        return Day(scope, day, last, many, {table: [] for table in SUMMED})
    return Day(scope, day, last, many, rows_of(db, scope, day))


def rows_of(db: Connection, scope: Scope, day: int) -> dict[Table, Rows]:
    """What the tables should hold of a day."""
    times = day, day + DAY
    groups = counting.session_groups(db, scope, Which(), times)
    requests = counting.pull_request_groups(db, scope, Which(), times)
    whole = counting.of_sessions(groups) + counting.of_pull_requests(requests)
    whole += counting.searches(db, scope, Which(), times)
    same = {"org_id": scope.one_org, "span": "d", "start": day}
    pairs = defaultdict[tuple[str, str], Counts](Counter)
    for part, counted in ((groups, counting.of_sessions), (requests, counting.of_pull_requests)):
        for one in part:
            pairs[one.playbook_id or "", one.service_user_id or ""].update(counted([one]))
    sums = [_sum(same, "all", ("", ""), whole)] if whole.total() else []
    sums += [_sum(same, "pair", pair, found) for pair, found in pairs.items()]
    kinds = defaultdict[tuple[str, str], Counts](Counter)
    for one in groups:
        amounts = {"sessions": one.sessions, "acus_micro": int(one.acus_micro)}
        kinds[one.category or "", one.subcategory or ""].update(amounts)
    categories = [
        same | {"category": kind[0], "subcategory": kind[1], "sessions": found["sessions"]}
        | {"acus_micro": found["acus_micro"]}
        for kind, found in kinds.items()
    ]  # fmt: skip
    people = [
        same | {"user_id": row.user_id, "sessions": int(row.sessions), "searches": int(row.searches)}
        for row in db.execute(counting.activity(scope, Which(), times))
    ]
    return {metric_sum: sums, metric_category: categories, metric_user: people}


def _sum(same: dict[str, Any], part: str, pair: tuple[str, str], found: Counts) -> dict[str, Any]:
    row = same | {"part": part, "playbook_id": pair[0], "service_user_id": pair[1]}
    return row | {name: found[name] for name in COUNTERS}


def store(db: Connection, one: Day) -> None:
    """Replace a day's sums and all that is made of them. One at a time in an enterprise, for people are in common."""
    top = Scope(one.scope.enterprise_id, None)
    db.execute(of_enterprise(enterprise, top, enterprise.c.enterprise_id).with_for_update(key_share=True))
    marks = metric_mark.c
    mine = (marks.org_id == one.scope.one_org, marks.day == one.day, marks.id <= one.last_mark)
    if db.execute(delete(metric_mark).where(*mine)).rowcount != one.marks:
        raise Changed
    for table, rows in one.rows.items():
        _replace(db, table, one.scope.one_org, "d", one.day)
        if rows:
            db.execute(insert(table), rows)
        for span in SUMMED[table]:
            _sum_up(db, table, one.scope, span, start_of(span, one.day))
    for kind in ("d", "w", "m"):
        start = start_of(kind, one.day)
        _people(db, one.scope, kind, start)
        _together(db, top, kind, start)
        _people(db, top, kind, start)


def _replace(db: Connection, table: Table, org_id: str, span: Span, start: int) -> None:
    columns = table.c
    db.execute(delete(table).where(columns.org_id == org_id, columns.span == span, columns.start == start))


def _sum_up(db: Connection, table: Table, scope: Scope, span: Span, start: int) -> None:
    """The sum of a longer span, from its days."""
    _replace(db, table, scope.one_org, span, start)
    same = {"org_id", "span", "start"}
    keys = [one for one in table.primary_key.columns if one.name not in same]
    amounts = [one for one in table.c if not one.primary_key]
    days = owned(table, scope).where(table.c.span == "d", table.c.start >= start, table.c.start < end_of(span, start))
    made = days.with_only_columns(
        table.c.org_id, literal(span), literal(start), *keys, *(func.sum(one) for one in amounts)
    )
    names = ["org_id", "span", "start", *(one.name for one in keys), *(one.name for one in amounts)]
    db.execute(insert(table).from_select(names, made.group_by(table.c.org_id, *keys)))


def people_of(scope: Scope, span: Span, start: int) -> Select[Any]:
    """What each person did in a span, in all organizations of the scope that are not deleted."""
    user = metric_user.c
    each = owned(metric_user, scope).where(user.span == span, user.start == start).group_by(user.user_id)
    sums = func.sum(user.sessions).label("sessions"), func.sum(user.searches).label("searches")
    return each.with_only_columns(user.user_id, *sums)


def _together(db: Connection, top: Scope, span: Span, start: int) -> None:
    columns = metric_person.c
    mine = (columns.enterprise_id == top.enterprise_id, columns.span == span, columns.start == start)
    db.execute(delete(metric_person).where(*mine))
    each = people_of(top, span, start).subquery().c
    made = select(literal(top.enterprise_id), literal(span), literal(start), each.user_id, each.sessions, each.searches)
    names = ["enterprise_id", "span", "start", "user_id", "sessions", "searches"]
    db.execute(insert(metric_person).from_select(names, made))


def _people(db: Connection, scope: Scope, span: Span, start: int) -> None:
    """How many people did how much, in the organization, or in all that are not deleted."""
    columns, place = metric_activity.c, scope.org_id or ""
    of = (columns.enterprise_id == scope.enterprise_id, columns.org_id == place)
    db.execute(delete(metric_activity).where(*of, columns.span == span, columns.start == start))
    did = people_of(scope, span, start).subquery().c
    made = select(
        literal(scope.enterprise_id), literal(place), literal(span), literal(start), did.sessions, did.searches,
        func.count(),
    ).group_by(did.sessions, did.searches)  # fmt: skip
    names = ["enterprise_id", "org_id", "span", "start", "sessions", "searches", "users"]
    db.execute(insert(metric_activity).from_select(names, made))
