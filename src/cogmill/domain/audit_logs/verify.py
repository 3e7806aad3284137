"""Checks audit chains record by record, and says which one is the first that is not as it was written, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.engine import Row

from cogmill.domain.audit_logs.chain import UNLINKED, link, number_of
from cogmill.kit.crypto import Keyring
from cogmill.models.audit import audit_log

CHANGED, MISSING, INSERTED, REORDERED = "changed", "missing", "inserted", "reordered"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first record that is wrong; `missing`: the one behind the gap."""

    reason: str
    number: int
    """The place in the chain where it was found, from 1."""
    audit_log_id: str
    action: str
    created_at: float


@dataclass(slots=True)
class Checked:
    """What became of one enterprise's chain."""

    enterprise_id: str
    count: int = 0
    head: str = ""
    """Chain value of the last record, or of the last one before the break."""
    unlinked: int = 0
    """Records from before there was a chain; the first link covers them."""
    broken: Broken | None = None
    passed: set[str] = field(default_factory=set)
    """Which of the heads asked for were met."""


def enterprises(db: Connection) -> list[str]:
    """Whose records there are."""
    return list(db.execute(select(audit_log.c.enterprise_id).distinct().order_by("enterprise_id")).scalars())


def records(
    enterprise_id: str, since: float | None = None, until: float | None = None, last: int | None = None
) -> Select[Any]:
    """An enterprise's records in the order of their chain, as a stream; of a time, where one is given."""
    columns = audit_log.c
    mine = select(audit_log).where(columns.enterprise_id == enterprise_id)
    if since is not None:
        mine = mine.where(columns.created_at + 0 >= since)
    if until is not None:
        mine = mine.where(columns.created_at + 0 < until)
    if last is not None:
        mine = mine.where(columns.id <= last)
    return mine.order_by(columns.id).execution_options(yield_per=1000)


def head(db: Connection, enterprise_id: str) -> tuple[int, str]:
    """Row id and chain value of the last record."""
    mine = select(audit_log.c.id, audit_log.c.chain).where(audit_log.c.enterprise_id == enterprise_id)
    last = db.execute(mine.order_by(audit_log.c.id.desc()).limit(1)).one_or_none()
    return (0, "") if last is None else (last.id, last.chain)


def check(db: Connection, keyring: Keyring, enterprise_id: str, heads: frozenset[str] = frozenset()) -> Checked:
    """Follow a chain from its beginning to its end or its first break; notes which of `heads` it comes by."""
    result, before = Checked(enterprise_id), ""
    with db.execute(records(enterprise_id)) as rows:
        for row in rows:
            is_unlinked = not row.chain and result.unlinked == result.count
            expected = link(keyring, before or (UNLINKED if is_unlinked else ""), row._asdict())
            if not is_unlinked and row.chain != expected:
                reason = _reason(db, keyring, before, row, follows_unlinked=0 < result.unlinked == result.count)
                number = number_of(before) + 1
                result.broken = Broken(reason, number, row.audit_log_id, row.action, row.created_at)
                break
            before = expected
            result.count += 1
            result.unlinked += is_unlinked
            if before in heads:
                result.passed.add(before)
    result.head = before if result.count > result.unlinked else ""
    return result


def _reason(db: Connection, keyring: Keyring, before: str, row: Row[Any], *, follows_unlinked: bool) -> str:
    """Why a record does not follow the one before: its number, and where the record is that belongs here, tell."""
    number, own = number_of(before) + 1, number_of(row.chain)
    if follows_unlinked:
        return CHANGED if own == number else INSERTED if own < number else MISSING
    if any(one.chain == row.chain for one in _numbered(db, row, own) if one.id != row.id):
        return INSERTED  # a copy
    if any(one.chain == _link(keyring, before, one) for one in _numbered(db, row, number)):
        # What belongs here is further back: this one came in between, or the two changed places.
        behind = [""] if own == 1 else [one.chain for one in _numbered(db, row, own - 1)]
        return REORDERED if any(row.chain == _link(keyring, one, row) for one in behind) else INSERTED
    is_followed = any(one.id > row.id for one in _numbered(db, row, number + 1))
    return MISSING if own > number and not is_followed else CHANGED


def _link(keyring: Keyring, before: str, row: Row[Any]) -> str:
    return link(keyring, before, row._asdict())


def _numbered(db: Connection, row: Row[Any], number: int) -> Sequence[Row[Any]]:
    """Records of the same chain with this number; found without an index, as only a break asks for them."""
    columns, begin = audit_log.c, f"{number}."
    found = select(audit_log).where(columns.enterprise_id == row.enterprise_id)
    return db.execute(found.where(func.substr(columns.chain, 1, len(begin)) == begin).limit(10)).all()
