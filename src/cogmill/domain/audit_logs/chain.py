"""Appends records to an enterprise's audit chain: each is bound to the one before by a keyed hash."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from cogmill.kit.crypto import Keyring
from cogmill.kit.hot_insert import HotInsert
from cogmill.kit.ids import new_id
from cogmill.models.audit import audit_log

_INSERT = HotInsert(audit_log, returning="id")
_LAST = "SELECT chain FROM audit_log WHERE enterprise_id = %s ORDER BY id DESC LIMIT 1"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:enterprise_id, 7))")
HASHED = [column.name for column in audit_log.c if column.name not in {"id", "chain"}]
"""The columns that a link covers."""


def link(keyring: Keyring, before: str, record: Mapping[str, Any]) -> str:
    """The chain value of a record (all columns of HASHED) behind the record whose chain value is `before`."""
    covered = json.dumps([record[name] for name in HASHED], sort_keys=True, separators=(",", ":"))
    return keyring.sign("audit", f"{before}\n{covered}")


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
    if db.dialect.name == "postgresql":
        # Taken last and held until the commit, so that records get their ids in the order of the chain.
        db.execute(_LOCK, {"enterprise_id": enterprise_id})
        before = db.exec_driver_sql(_LAST, (enterprise_id,)).scalar()
    else:
        before = db.exec_driver_sql(_LAST.replace("%s", "?"), (enterprise_id,)).scalar()
    _INSERT(db, [{**record, "chain": link(keyring, before or "", record)}])
    return str(record["audit_log_id"])
