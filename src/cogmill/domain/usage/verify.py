"""Adding up the ledger anew and comparing every sum with it, both read as streams in the same order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, literal, select, true
from sqlalchemy import func as sql
from sqlalchemy.sql.elements import ColumnElement

from cogmill.domain.usage.ledger import AMOUNTS
from cogmill.models.access import organization
from cogmill.models.sessions import session
from cogmill.models.usage import usage_day, usage_record, usage_session_day

MOST_SHOWN = 20
Key = tuple[Any, ...]
Row = tuple[Key, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One sum that is not what the ledger says."""

    of: str
    key: Key
    kept: tuple[int, ...] | None
    """None: the sum is missing."""
    ledger: tuple[int, ...] | None
    """None: the ledger has nothing for it."""


@dataclass(slots=True)
class Checked:
    """What a check found."""

    records: int = 0
    sums: int = 0
    different: int = 0
    first: list[Difference] = field(default_factory=list)


def check(db: Connection) -> Checked:
    """Compare sessions, their days, and the days of organizations, principals and enterprises with the ledger."""
    found = Checked(records=db.execute(select(sql.count()).select_from(usage_record)).scalar_one())
    db = db.execution_options(stream_results=True, yield_per=1000)
    two = AMOUNTS[:2]
    record, booked = usage_record.c, [session.c[name] for name in two]
    of_sessions = select(session.c.id, *booked).where((booked[0] != 0) | (booked[1] != 0)).order_by(session.c.id)
    of_ledger = _sums([record.session], two, (record.acus_micro != 0) | (record.usd_micro != 0))
    _compare(found, "session", _rows(db, of_sessions, 1), _rows(db, of_ledger, 1))
    keys = [usage_session_day.c[name] for name in ("session", "day", "product")]
    kept = select(*keys, *(usage_session_day.c[name] for name in AMOUNTS)).order_by(*keys)
    ledger = _sums([record.session, record.day, record.product], AMOUNTS)
    _compare(found, "usage_session_day", _rows(db, kept, 3), _rows(db, ledger, 3))
    group = record.enterprise_id.concat("/").concat(record.group_name)
    scopes: dict[str, ColumnElement[Any]] = {
        "org": record.org_id, "org_group": group, "user": record.user_id, "service_user": record.service_user_id
    }  # fmt: skip
    for scope, column in scopes.items():
        _compare(found, f"usage_day of {scope}", *_of_scope(db, scope, column))
    _compare(found, "usage_day of enterprise", *_of_enterprise(db))
    return found


def _sums(keys: list[Any], names: tuple[str, ...], *where: ColumnElement[bool]) -> Select[Any]:
    sums = (sql.sum(usage_record.c[name]) for name in names)
    return select(*keys, *sums).where(true(), *where).group_by(*keys).order_by(*keys)


def _of_scope(db: Connection, scope: str, column: ColumnElement[Any]) -> tuple[Iterator[Row], Iterator[Row]]:
    """Without purged organizations, whose records are gone."""
    purged = select(organization.c.org_id).where(organization.c.purge_begun_at.is_not(None))
    ledger = _sums(
        [column, usage_record.c.day, usage_record.c.org_id, usage_record.c.product], AMOUNTS,
        column.is_not(None), usage_record.c.org_id.not_in(purged),
    )  # fmt: skip
    kept = _kept(scope).where(usage_day.c.org_id.not_in(purged))
    return _rows(db, kept, 4), _rows(db, ledger, 4)


def _of_enterprise(db: Connection) -> tuple[Iterator[Row], Iterator[Row]]:
    """What purged organizations used is in the enterprise's days; their own days, which stay, tell how much."""
    purged = select(organization.c.org_id).where(organization.c.purge_begun_at.is_not(None))
    record, day = usage_record.c, usage_day.c
    lasting = select(record.enterprise_id, record.day, record.product, *(record[name] for name in AMOUNTS)).where(
        record.org_id.not_in(purged)
    )
    of_purged = (
        select(organization.c.enterprise_id, day.day, day.product, *(day[name] for name in AMOUNTS))
        .join(organization, organization.c.org_id == day.scope_id)
        .where(day.scope == "org", day.org_id.in_(purged))
    )
    both = lasting.union_all(of_purged).subquery().c
    keys = [both.enterprise_id, both.day, literal("").label("org_id"), both.product]
    grouped = select(*keys, *(sql.sum(both[name]) for name in AMOUNTS)).group_by(
        both.enterprise_id, both.day, both.product
    )
    ledger = grouped.order_by(both.enterprise_id, both.day, both.product)
    return _rows(db, _kept("enterprise"), 4), _rows(db, ledger, 4)


def _kept(scope: str) -> Select[Any]:
    keys = [usage_day.c[name] for name in ("scope_id", "day", "org_id", "product")]
    return select(*keys, *(usage_day.c[name] for name in AMOUNTS)).where(usage_day.c.scope == scope).order_by(*keys)


def _rows(db: Connection, query: Select[Any], keys: int) -> Iterator[Row]:
    for row in db.execute(query):
        yield tuple(row[:keys]), tuple(int(one) for one in row[keys:])


def _compare(found: Checked, of: str, kept: Iterator[Row], ledger: Iterator[Row]) -> None:
    """Merge two streams of sums. Keys are told apart by equality and put in order by the database."""
    left, right = _Stream(kept), _Stream(ledger)
    while left.row is not None or right.row is not None:
        found.sums += 1
        if left.row is not None and right.row is not None and left.row[0] == right.row[0]:
            if left.row[1] != right.row[1]:
                _note(found, Difference(of, left.row[0], left.row[1], right.row[1]))
            left.next()
            right.next()
        elif right.row is None or (left.row is not None and left.row[0] < right.row[0]):
            assert left.row is not None  # noqa: S101 - one of the two is there
            _note(found, Difference(of, *left.row, None))
            left.next()
        else:
            _note(found, Difference(of, right.row[0], None, right.row[1]))
            right.next()


class _Stream:
    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.row = next(rows, None)

    def next(self) -> None:
        self.row = next(self._rows, None)


def _note(found: Checked, one: Difference) -> None:
    found.different += 1
    if len(found.first) < MOST_SHOWN:
        found.first.append(one)
