"""Removes snapshots that no session starts from any more, and what builds that were cut left behind."""

import asyncio
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path

from cogmill.domain.snapshot_builds import runs
from cogmill.engine.loops.workspaces import remove
from cogmill.kit.logs import logger
from cogmill.web.call import Call

log = logger("snapshots")
EVERY_SECONDS = 3600.0


async def run_once(call: Call, data: Path, keep_seconds: float, running: AbstractSet[str]) -> int:
    """Remove what may go; answers how many snapshots were removed. `running` is looked at anew for each folder."""
    removed, before = 0, call.runtime.clock() - keep_seconds
    for build_id in await asyncio.to_thread(_names, data / "snapshots"):
        if await call.write(partial(runs.discard, build_id=build_id, before=before)):
            await asyncio.to_thread(remove, data / "snapshots" / build_id)
            removed += 1
    for build_id in await asyncio.to_thread(_names, data / "builds"):
        if build_id not in running:
            await asyncio.to_thread(remove, data / "builds" / build_id)
    if removed:
        log.info("snapshots_removed", count=removed)
    return removed


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []
