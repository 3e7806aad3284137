"""Removes the files of sessions that ended long ago; their log, diff and pull requests stay."""

import asyncio
from pathlib import Path

from sqlalchemy import select

from cogmill.domain.sessions.states import ENDED
from cogmill.kit.logs import logger
from cogmill.models.sessions import session
from cogmill.sandbox import folders
from cogmill.web.call import Call

log = logger("engine")
EVERY_SECONDS = 3600.0
_AT_ONCE = 200


async def run_once(call: Call, folder: Path, keep_seconds: float) -> int:
    """Remove what may go from the folder of all workspaces; answers how many were removed."""
    found = await asyncio.to_thread(lambda: [path.name for path in folder.iterdir()] if folder.is_dir() else [])
    removed = 0
    for start in range(0, len(found), _AT_ONCE):
        over = await _over(call, found[start : start + _AT_ONCE], keep_seconds)
        for name in over:
            await asyncio.to_thread(remove, folder / name)
        removed += len(over)
    if removed:
        log.info("workspaces_removed", count=removed)
    return removed


async def _over(call: Call, names: list[str], keep_seconds: float) -> list[str]:
    """Those of the named sessions that ended that long ago, and can never run again."""
    limit = call.runtime.clock() - keep_seconds
    query = select(session.c.session_id).where(
        session.c.session_id.in_(names), session.c.status.in_(ENDED), session.c.updated_at < limit
    )
    return await call.read(lambda ctx: list(ctx.db.execute(query).scalars()))


def remove(folder: Path) -> None:
    """Remove a workspace; what cannot be removed is logged and left."""
    folders.remove(folder)
    if folder.exists():
        log.warning("workspace_not_removed", path=str(folder))
