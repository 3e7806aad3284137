"""Records of refused calls: each in a transaction of its own, never at the cost of the answer."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from cogmill.access.context import Runtime
from cogmill.access.principals import Principal, holder
from cogmill.domain.audit_logs import chain
from cogmill.domain.audit_logs.service import is_of_enterprise
from cogmill.kit.errors import Invalid, Refusal
from cogmill.kit.logs import logger
from cogmill.models.access import enterprise

log = logger("audit")
PATIENCE = 1.0
"""Seconds for which an answer waits for its record; the record is written all the same."""
SUMMARY_SECONDS = 60.0
"""After so long one record says how many were left out."""
_SECRETS = re.compile(r"(cog_|apk_)\w+|(?<=://)[^/@\s]+(?=@)|(?i:bearer)\s+\S+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_tasks: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call that was refused: who wanted what."""

    action: str
    request_id: str
    caller: Principal | None
    org_id: str | None = None
    """The organization that it named, wherever that belongs."""
    subject: Mapping[str, str] | None = None
    """Names in the path, or for a sign-in the account."""
    sent_key: str | None = None
    """The key that did not work, if one was sent. The record says whose it is, never the key."""


async def note(runtime: Runtime, attempt: Attempt, refusal: Refusal) -> None:
    """Write the record of a refused call. Never fails, and never takes long.

    What anybody can cause without end, calls without a working key or beyond a limit, passes `runtime.floods`.
    """
    caller = attempt.caller
    if caller is None or refusal.status in {401, 429}:
        source = caller.principal_id if caller else ""
        held = runtime.floods.holds(source)
        if held:
            if held == 1:
                _summarise_later(runtime, attempt, source)
            return
    said = {"status": refusal.status, "detail": _detail(refusal)}
    await asyncio.wait({_start(runtime, attempt, said)}, timeout=PATIENCE)


def _start(runtime: Runtime, attempt: Attempt, said: dict[str, Any]) -> asyncio.Task[None]:
    task = asyncio.create_task(_write(runtime, attempt, said))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


def _summarise_later(runtime: Runtime, attempt: Attempt, source: str) -> None:
    log.warning("refusals_left_out", source=source or "nobody", request_id=attempt.request_id)
    about = Attempt("refused_calls", attempt.request_id, attempt.caller)

    def summarise() -> None:
        left_out = runtime.floods.left_out(source)
        _start(runtime, about, {"left_out": left_out})

    asyncio.get_running_loop().call_later(SUMMARY_SECONDS, summarise)


async def _write(runtime: Runtime, attempt: Attempt, said: dict[str, Any]) -> None:
    try:
        await runtime.database.write(lambda db: _record(runtime, db, attempt, said))
    except Exception:
        log.exception("refusal_not_recorded", action=attempt.action, request_id=attempt.request_id)


def _record(runtime: Runtime, db: Connection, attempt: Attempt, said: dict[str, Any]) -> None:
    caller, org_id = attempt.caller, attempt.org_id
    sent = attempt.sent_key if caller is None else None
    known = holder(db, runtime.keyring.token_hash(sent)) if sent else None
    owner = caller.enterprise_id if caller else known[0] if known else only_enterprise(db)
    if owner is None:
        return  # nobody knows whose log it belongs in; the server's log has the request
    data: dict[str, Any] = {name: clean(value, 200) for name, value in (attempt.subject or {}).items()}
    data |= caller.nobody_but_key if caller else {}
    if org_id is not None and not is_of_enterprise(db, org_id, owner):
        data["org_id"], org_id = clean(org_id, 64), None
    chain.append(
        db, runtime.keyring,
        enterprise_id=owner, org_id=org_id, action=attempt.action, at=runtime.clock(),
        user_id=caller.user_id if caller else None, service_user_id=caller.service_user_id if caller else None,
        request_id=attempt.request_id, data=data | ({"key": known[1]} if known else {}) | {"refused": said},
    )  # fmt: skip


def only_enterprise(db: Connection) -> str | None:
    """The enterprise of an installation that has one."""
    found = db.execute(select(enterprise.c.enterprise_id).limit(2)).scalars().all()
    return found[0] if len(found) == 1 else None


def _detail(refusal: Refusal) -> str:
    """What was wrong, without what was sent: of malformed input only where and what kind of mistake."""
    if isinstance(refusal, Invalid):
        places = [f"{'.'.join(str(part) for part in one['loc'][:2])}: {one['type']}" for one in refusal.problems[:5]]
        return clean("; ".join(places), 300)
    return clean(refusal.detail, 300)


def clean(text: str, length: int) -> str:
    """A text for the log: no control characters, nothing that looks like a secret, not long."""
    return _CONTROLS.sub("", _SECRETS.sub(lambda found: f"{found.group(1) or ''}…", text[: 4 * length]))[:length]
