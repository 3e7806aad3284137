"""Keeps the state of open pull requests fresh, and closes those that shall be, by asking their providers when due."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import select, update

from cogmill.access.context import Context
from cogmill.access.scope import Scope
from cogmill.domain.git_providers.credentials import provider_of
from cogmill.domain.git_providers.use import may_write
from cogmill.domain.pull_requests.closing import AGAIN_AFTER, tell_failure
from cogmill.domain.pull_requests.service import set_state
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.models.git import git_connection
from cogmill.models.sessions import pull_request, session
from cogmill.scm.provider import ProviderError, PullRequestFact, close_open
from cogmill.web.call import Call

log = logger("engine")
LEASE = 120.0
"""Seconds for which a process alone asks for a pull request."""
AT_ONCE = 20
SELDOM = 6 * 3600.0
"""The longest time between two questions."""
Connections = dict[str, Any]
Answer = PullRequestFact | str
"""How a pull request stands, or why nobody can say."""


async def run_once(call: Call) -> float | None:
    """Ask for what is due; answers when the next one will be."""
    while claimed := await call.write(_claim):
        connections = await call.read(partial(_connections, claimed))
        answers = await asyncio.gather(*(_ask(call, row, connections.get(row.git_connection_id)) for row in claimed))
        crash_point("pull_requests_asked")
        await call.write(partial(_settle, claimed, answers, connections))
    return await call.read(_next_due)


def _claim(ctx: Context) -> Sequence[Any]:
    columns = pull_request.c
    ids = select(columns.id).where(columns.check_at <= ctx.now).order_by(columns.check_at).limit(AT_ONCE)
    claim = update(pull_request).where(columns.check_at <= ctx.now, columns.id.in_(ids))
    return ctx.db.execute(claim.values(check_at=ctx.now + LEASE).returning(*columns)).all()


def _connections(claimed: Sequence[Any], ctx: Context) -> Connections:
    ids = {row.git_connection_id for row in claimed}
    found = ctx.db.execute(select(git_connection).where(git_connection.c.git_connection_id.in_(ids)))
    return {row.git_connection_id: row for row in found}


async def _ask(call: Call, row: Any, connection: Any) -> Answer:
    if connection is None:
        return "The connection to its provider is gone."
    try:
        async with asyncio.timeout(LEASE / 2):
            return await _asked(call, row, connection)
    except ProviderError as error:
        reason = str(error)
    except Exception as error:  # one connection that cannot be used must not stop the others
        reason = f"{type(error).__name__}."
    log.warning("pull_request_not_checked", pull_request=row.pull_request_id, reason=reason)
    return reason


async def _asked(call: Call, row: Any, connection: Any) -> PullRequestFact:
    provider = provider_of(call.runtime.keyring, connection)
    if row.close_attempts is None:
        return await provider.pull_request(row.provider_path, row.number)
    if not await call.read(partial(_may_close, row, connection)):
        raise ProviderError("The organization's git permissions do not allow it to write there.")
    return await close_open(provider, row.provider_path, row.number)


def _may_close(row: Any, connection: Any, ctx: Context) -> bool:
    return may_write(replace(ctx, scope=Scope("", row.org_id)), connection, row.provider_path)


def _settle(claimed: Sequence[Any], answers: Sequence[Answer], connections: Connections, ctx: Context) -> None:
    # Whoever archives a session holds its row before those of its pull requests; so does this.
    theirs = select(session.c.id).where(session.c.id.in_({row.session for row in claimed})).order_by(session.c.id)
    ctx.db.execute(theirs.with_for_update())
    for row, answer in zip(claimed, answers, strict=True):
        if isinstance(answer, str):
            _not_answered(ctx, row, answer, is_known=row.git_connection_id in connections)
        else:
            _note(ctx, row, _usual(ctx, row) if answer.state == "open" else None, None)
            if row.close_attempts is not None:  # also if a webhook came meanwhile, as it does when one is closed
                done = update(pull_request).where(pull_request.c.id == row.id)
                ctx.db.execute(done.values(close_attempts=None))
            set_state(ctx, row.id, answer.state)


def _not_answered(ctx: Context, row: Any, reason: str, *, is_known: bool) -> None:
    check_at, attempts = _usual(ctx, row) if is_known else None, None
    if row.close_attempts is not None and is_known and row.close_attempts < len(AGAIN_AFTER):
        check_at, attempts = ctx.now + AGAIN_AFTER[row.close_attempts], row.close_attempts + 1
    if _note(ctx, row, check_at, attempts) and row.close_attempts is not None and attempts in {None, 1}:
        tell_failure(ctx, row, reason, is_final=attempts is None)


def _usual(ctx: Context, row: Any) -> float:
    """When its state is asked for next: the older it is, the later."""
    shortest = ctx.runtime.settings.pull_request_check_seconds
    return float(ctx.now + min(max(shortest, (ctx.now - row.created_at) / 20), SELDOM))


def _note(ctx: Context, row: Any, check_at: float | None, close_attempts: int | None) -> bool:
    """Unless somebody else has it by now: the lease ended, a webhook came, or somebody wants it closed."""
    mine = (pull_request.c.id == row.id, pull_request.c.check_at == row.check_at)
    values = {"check_at": check_at, "close_attempts": close_attempts}
    return bool(ctx.db.execute(update(pull_request).where(*mine).values(values)).rowcount)


def _next_due(ctx: Context) -> float | None:
    columns = pull_request.c
    waiting = select(columns.check_at).where(columns.check_at.is_not(None)).order_by(columns.check_at).limit(1)
    return ctx.db.execute(waiting).scalar()
