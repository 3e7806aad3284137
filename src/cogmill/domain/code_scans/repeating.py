"""Repeating scans: each repetition once, in the transaction that moves its scan on to its next time."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import InterfaceError, OperationalError

from cogmill.access.context import Context
from cogmill.access.permissions import Permission as P
from cogmill.access.principals import principal_by_id
from cogmill.access.scope import Scope, owned
from cogmill.domain.audit_logs import chain
from cogmill.domain.code_scans import profiles
from cogmill.domain.code_scans.schemas import AutoScanIn, CodeScanOut
from cogmill.domain.code_scans.service import LOOP, begin, check_backlog, find, present, repository_of
from cogmill.domain.code_scans.states import UNFINISHED
from cogmill.domain.schedules.times import check_cron, following, next_after
from cogmill.kit.db import savepoint
from cogmill.kit.errors import BadRequest, Forbidden, Invalid, NotFound, Refusal
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.models.access import organization
from cogmill.models.code_scans import code_scan

log = logger("code_scans")
_C = code_scan.c
NEEDED = (P.USE_CODE_SCANS,)
"""What starting a scan takes; asked again at every repetition."""


def schedule(ctx: Context, scan_id: str, data: AutoScanIn) -> CodeScanOut:
    """Have a scan repeated, by default once a week from now on, as the one who asks for it; or no longer."""
    row = find(ctx, scan_id, lock=True)
    if row.mode != "discover":
        raise BadRequest("Reports that were taken over cannot be repeated; send the next ones to …/ingestion.")
    values: dict[str, Any] = {"frequency": None, "due_at": None}
    if data.enabled:
        frequency = _checked(data.frequency or row.frequency or _weekly(ctx.now))
        values = {"frequency": frequency, "due_at": next_after(frequency, ctx.now)}
        values |= {"user_id": ctx.principal.user_id, "service_user_id": ctx.principal.service_user_id}
    changed = update(code_scan).where(_C.id == row.id).values(values | {"updated_at": ctx.now}).returning(*_C)
    row = ctx.db.execute(changed).one()
    ctx.audited |= {"frequency": row.frequency}
    ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))
    return present(row)


def due(ctx: Context) -> list[tuple[int, float]]:
    """Scans whose repetition is due, with its time."""
    query = _waiting(_C.id, _C.due_at).where(_C.due_at <= ctx.now).limit(20)
    return [(row.id, row.due_at) for row in ctx.db.execute(query)]


def next_due(ctx: Context) -> float | None:
    return ctx.db.execute(_waiting(_C.due_at).limit(1)).scalar()


def repeat(ctx: Context, row_id: int, due_at: float) -> bool:
    """Do the repetition that was due then. False: another process did, or the scan was changed.

    What refuses it (a right that is gone, a full backlog) is written into the scan; the next one has its time.
    """
    row = ctx.db.execute(select(code_scan).where(_C.id == row_id, _C.due_at == due_at).with_for_update()).one_or_none()
    if row is None or row.frequency is None:
        return False
    next_at, _ = following(row.frequency, 1, due_at, ctx.now)
    crash_point("code_scan_claimed")
    values: dict[str, Any] = {"due_at": next_at}
    before = list(ctx.after_commit)
    try:
        with savepoint(ctx.db):
            if (made := _run(ctx, row)) is not None:
                values["last_repeat_id"] = made
    except Refusal as refusal:
        ctx.after_commit[:] = before
        values["error"] = f"The repetition could not begin: {refusal.detail}"[:2000]
        if refusal.afterwards is not None:
            refusal.afterwards(ctx)
    except (OperationalError, InterfaceError):
        raise  # the database is away: nothing was done, and nothing can be written down
    except Exception as failure:
        log.exception("code_scan_not_repeated", scan_id=row.scan_id)
        ctx.after_commit[:] = before
        values["error"] = f"The server failed in a repetition ({type(failure).__name__}). Its log has the cause."
    ctx.db.execute(update(code_scan).where(_C.id == row.id).values(values))
    return True


def _run(ctx: Context, row: Any) -> str | None:
    """Start the next scan, unless the one before still works."""
    inner = _act(ctx, row)
    query = owned(code_scan, inner.scope, _C.status).where(_C.scan_id == (row.last_repeat_id or row.scan_id))
    if ctx.db.execute(query).scalar() in {one.value for one in UNFINISHED}:
        return None
    profile = None if row.profile_id is None else profiles.if_there(inner, row.profile_id)
    if row.profile_id is not None and profile is None:
        raise NotFound(f"profile {row.profile_name!r} is gone. Give the scan another one.")
    repository_of(inner, row.repository, None)
    check_backlog(inner)
    wanted = {name: getattr(row, name) for name in ("repo_name", "repository", "host", "scan_type")}
    made = begin(inner, wanted, profile, repeated_scan_id=row.scan_id)
    who = inner.principal
    chain.append(
        ctx.db, ctx.runtime.keyring, enterprise_id=inner.scope.enterprise_id, org_id=row.org_id,
        action="create_code_scan", at=ctx.now, user_id=who.user_id, service_user_id=who.service_user_id,
        request_id=ctx.request_id,
        data={"scan_id": made.scan_id, "session_id": made.session_id, "repeated_scan_id": row.scan_id},
    )  # fmt: skip
    return str(made.scan_id)


def _act(ctx: Context, row: Any) -> Context:
    """The same transaction in the name, and with the rights of now, of the one who has the scan repeated."""
    named = {"user_id": row.user_id} if row.user_id is not None else {"service_user_id": row.service_user_id}
    caller = principal_by_id(ctx.db, ctx.now, f"code scan {row.scan_id}", **named)
    if caller is None:
        raise Forbidden("the one who has it repeated was removed or switched off. Set the repetition again.")
    inner = replace(
        ctx, scope=Scope(caller.enterprise_id, row.org_id), caller=caller, held=caller.in_org(row.org_id), audited={}
    )
    inner.require(*NEEDED, when="repeating a code scan")
    return inner


def _waiting(*columns: Any) -> Any:
    """Those of deleted organizations wait until these come back."""
    query = select(*columns).join(organization, organization.c.org_id == _C.org_id)
    live = query.where(_C.due_at.is_not(None), _C.frequency.is_not(None), organization.c.deleted_at.is_(None))
    return live.order_by(_C.due_at, _C.id)


def _weekly(now: float) -> str:
    at = datetime.fromtimestamp(now, UTC)
    return f"{at.minute} {at.hour} * * {at.isoweekday() % 7}"


def _checked(frequency: str) -> str:
    try:
        return check_cron(frequency)
    except ValueError as problem:
        raise Invalid.at("body", "frequency", msg=str(problem)) from None
