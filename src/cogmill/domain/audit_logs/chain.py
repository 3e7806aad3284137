"""Appends records to an enterprise's audit chain: each is bound to the one before by a keyed hash."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, literal_column, select, text

from cogmill.kit.crypto import Keyring
from cogmill.kit.hot_insert import HotInsert
from cogmill.kit.hot_select import HotSelect
from cogmill.kit.ids import new_id
from cogmill.models.audit import audit_log

_INSERT = HotInsert(audit_log, returning="id")
_LAST = HotSelect(
    select(audit_log.c.chain, audit_log.c.created_at)
    .where(audit_log.c.enterprise_id == bindparam("enterprise_id"))
    .order_by(audit_log.c.id.desc())
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:enterprise_id, 7))")
HASHED = [column.name for column in audit_log.c if column.name not in {"id", "chain"}]
"""The columns that a link covers. `id` is no more than the order, which the number inside the link covers."""
_COVERED = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
UNLINKED = "0.unlinked"
"""Where the links begin that stand for records from before there was a chain."""
SLACK = 60.0
"""Seconds by which a record may be earlier than the one before it, as transactions overlap, and is put level with it.

So times never fall along the chain, and lists find a time by its record's id; a clock that was set back shows as such.
"""


def link(keyring: Keyring, before: str, record: Mapping[str, Any]) -> str:
    """The chain value of a record behind the one whose value is `before` ("" at the beginning): number and hash."""
    number = number_of(before) + 1
    covered = _COVERED([number, *[record[name] for name in HASHED]])
    return f"{number}.{keyring.sign('audit', before + covered)}"


def number_of(chain: str) -> int:
    """The place of a record in its chain, from 1; 0 for what is no chain value."""
    number = chain.partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0


def append(
    db: Connection,
    keyring: Keyring,
    *,
    enterprise_id: str,
    org_id: str | None,
    action: str,
    at: float,
    user_id: str | None,
    service_user_id: str | None,
    request_id: str,
    data: dict[str, Any],
) -> str:
    """Write one record in the transaction of the change; answers its audit_log_id."""
    record = {
        "audit_log_id": new_id("audit_log"), "enterprise_id": enterprise_id, "org_id": org_id, "action": action,
        "created_at": at, "user_id": user_id, "service_user_id": service_user_id, "request_id": request_id,
        "data": data,
    }  # fmt: skip
    _write(db, keyring, record, _last(db, keyring, enterprise_id))
    return str(record["audit_log_id"])


def append_all(db: Connection, keyring: Keyring, records: Sequence[Mapping[str, Any]]) -> None:
    """Write records of one transaction, each with the fields that `append` names."""
    ends: dict[str, tuple[str, float]] = {}
    for given in sorted(records, key=_enterprise):  # in one order, so that two writers wait at the first one of both
        enterprise_id = given["enterprise_id"]
        record = {**given, "audit_log_id": new_id("audit_log"), "created_at": given["at"]}
        end = ends.get(enterprise_id) or _last(db, keyring, enterprise_id)
        ends[enterprise_id] = _write(db, keyring, record, end)


def _write(db: Connection, keyring: Keyring, record: dict[str, Any], end: tuple[str, float]) -> tuple[str, float]:
    """Write a record behind the chain's end, its value and its time; answers the new one."""
    before, last = end
    if record["created_at"] < last <= record["created_at"] + SLACK:
        record["created_at"] = last
    record["chain"] = link(keyring, before, record)
    _INSERT(db, [record])
    return record["chain"], record["created_at"]


def _enterprise(record: Mapping[str, Any]) -> str:
    return str(record["enterprise_id"])


def _last(db: Connection, keyring: Keyring, enterprise_id: str) -> tuple[str, float]:
    """Chain value and time of the last record.

    Read every time: the index has it at hand, and no rollback can leave a remembered value wrong.
    """
    if db.dialect.name == "postgresql":
        # Taken last and held until the commit, so that records get their ids in the order of the chain.
        db.execute(_LOCK, {"enterprise_id": enterprise_id})
    found = _LAST(db, {"enterprise_id": enterprise_id})
    if not found:
        return "", 0.0
    return found[0].chain or unlinked(db, keyring, enterprise_id), found[0].created_at


def unlinked(db: Connection, keyring: Keyring, enterprise_id: str) -> str:
    """What the first link hangs on where records were made before there was a chain: the link of the last of them."""
    before = UNLINKED
    mine = select(audit_log).where(audit_log.c.enterprise_id == enterprise_id).order_by(audit_log.c.id)
    for row in db.execute(mine.execution_options(yield_per=1000)):
        before = link(keyring, before, row._asdict())
    return before
