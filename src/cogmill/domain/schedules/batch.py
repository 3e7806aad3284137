"""Runs that are due together, in one transaction: they share its commit and its turn at the audit chain."""

from collections.abc import Callable, Sequence

from sqlalchemy.exc import InterfaceError, OperationalError

from cogmill.access.context import Context
from cogmill.domain.audit_logs import chain
from cogmill.domain.schedules.firing import Fired, fail, fire
from cogmill.kit.db import savepoint
from cogmill.kit.errors import Refusal
from cogmill.kit.logs import logger

log = logger("schedules")
Due = tuple[int, float]


def fire_all(ctx: Context, due: Sequence[Due]) -> int:
    """Do these runs; answers how many were ours to do. One that fails undoes nothing of the others."""
    ctx.known = {}
    fired = [one for row_id, due_at in due if (one := _one(ctx, row_id, due_at)) is not None]
    records = [one.record for one in fired if one.record is not None]
    chain.append_all(ctx.db, ctx.runtime.keyring, records)  # one for all writers of the enterprise: held shortly
    return len(fired)


def _one(ctx: Context, row_id: int, due_at: float) -> Fired | None:
    before: list[Callable[[], None]] = list(ctx.after_commit)
    afterwards: Callable[[Context], None] | None = None
    try:
        with savepoint(ctx.db):
            return fire(ctx, row_id, due_at)
    except Refusal as refusal:
        error, afterwards = refusal.detail, refusal.afterwards
    except (OperationalError, InterfaceError):
        raise  # the database is away: nothing was done, and nothing can be written down
    except Exception as failure:
        log.exception("schedule_failed", schedule=row_id)
        error = f"The server failed in this run ({type(failure).__name__}). Its log has the cause."
    ctx.after_commit[:] = before
    if afterwards is not None:
        afterwards(ctx)
    return fail(ctx, row_id, due_at, error)
