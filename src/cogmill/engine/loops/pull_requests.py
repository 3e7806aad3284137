"""Keeps the state of open pull requests fresh: asks their provider when one is due. Closed ones are not asked for."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import select, update

from cogmill.access.context import Context
from cogmill.domain.git_providers.credentials import provider_of
from cogmill.domain.pull_requests.service import set_state
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.models.git import git_connection
from cogmill.models.sessions import pull_request
from cogmill.scm.provider import ProviderError, PullRequestFact
from cogmill.web.call import Call

log = logger("engine")
LEASE = 120.0
"""Seconds for which a process alone asks for a pull request."""
AT_ONCE = 20
SELDOM = 6 * 3600.0
"""The longest time between two questions."""


async def run_once(call: Call) -> float | None:
    """Ask for what is due; answers when the next one will be."""
    while claimed := await call.write(_claim):
        connections = await call.read(partial(_connections, claimed))
        facts = await asyncio.gather(*(_ask(call, row, connections.get(row.git_connection_id)) for row in claimed))
        crash_point("pull_requests_asked")
        await call.write(partial(_settle, claimed, facts, connections))
    return await call.read(_next_due)


def _claim(ctx: Context) -> Sequence[Any]:
    columns = pull_request.c
    ids = select(columns.id).where(columns.check_at <= ctx.now).order_by(columns.check_at).limit(AT_ONCE)
    claim = update(pull_request).where(columns.check_at <= ctx.now, columns.id.in_(ids))
    return ctx.db.execute(claim.values(check_at=ctx.now + LEASE).returning(*columns)).all()


def _connections(claimed: Sequence[Any], ctx: Context) -> dict[str, Any]:
    ids = {row.git_connection_id for row in claimed}
    found = ctx.db.execute(select(git_connection).where(git_connection.c.git_connection_id.in_(ids)))
    return {row.git_connection_id: row for row in found}


async def _ask(call: Call, row: Any, connection: Any) -> PullRequestFact | None:
    if connection is None:
        return None
    try:
        async with asyncio.timeout(LEASE / 2):
            return await provider_of(call.runtime.keyring, connection).pull_request(row.provider_path, row.number)
    except ProviderError as error:
        reason = str(error)
    except Exception as error:  # one connection that cannot be used must not stop the others
        reason = type(error).__name__
    log.warning("pull_request_not_checked", pull_request=row.pull_request_id, reason=reason)
    return None


def _settle(
    claimed: Sequence[Any], facts: Sequence[PullRequestFact | None], connections: dict[str, Any], ctx: Context
) -> None:
    shortest = ctx.runtime.settings.pull_request_check_seconds
    for row, fact in zip(claimed, facts, strict=True):
        check_at: float | None = ctx.now + min(max(shortest, (ctx.now - row.created_at) / 20), SELDOM)
        if row.git_connection_id not in connections or (fact is not None and fact.state != "open"):
            check_at = None
        # Unless somebody else has it by now: the lease ended, or a webhook came.
        mine = (pull_request.c.id == row.id, pull_request.c.check_at == row.check_at)
        ctx.db.execute(update(pull_request).where(*mine).values(check_at=check_at))
        if fact is not None:
            set_state(ctx, row.id, fact.state)


def _next_due(ctx: Context) -> float | None:
    columns = pull_request.c
    waiting = select(columns.check_at).where(columns.check_at.is_not(None)).order_by(columns.check_at).limit(1)
    return ctx.db.execute(waiting).scalar()
