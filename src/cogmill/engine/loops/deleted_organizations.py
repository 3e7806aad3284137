"""Removes the data of organizations that were deleted longer ago than the retention time, rows and files."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.domain.attachments.service import stored_file
from cogmill.domain.audit_logs.service import record
from cogmill.domain.organizations import purge
from cogmill.domain.snapshot_builds.service import log_file
from cogmill.engine.loops.workspaces import remove as remove_folder
from cogmill.kit.logs import logger
from cogmill.models.content import attachment
from cogmill.models.environments import snapshot_build
from cogmill.models.sessions import session
from cogmill.web.call import Call

log = logger("engine")
EVERY_SECONDS = 3600.0
_AT_ONCE = 200
_LONGEST_PAUSE = 1.0
FOLDERS = ("forge", "indexes", "mirrors")
"""Folders of the data folder with a part for each organization, under its id."""


async def run_once(call: Call, data: Path, retention_seconds: float) -> int:
    """Purge what is due; answers how many organizations. Goes on where a killed process stopped."""
    done = 0
    for one in await call.read(lambda ctx: purge.due(ctx, retention_seconds)):
        if one.is_begun or await call.write(partial(_recorded, purge.begin, one)):
            for table, where in purge.pieces(one.org_id):
                await _remove(call, data, table, where)
            for name in FOLDERS:
                await asyncio.to_thread(remove_folder, data / name / one.org_id)
            done += await call.write(partial(_recorded, purge.finish, one))
            log.info("organization_purged", org_id=one.org_id)
    return done


def _recorded(step: Any, one: purge.Due, ctx: Context) -> bool:
    """The step and its audit record in one transaction; whether it was for us to do."""
    said = step(ctx, one)
    if said is None:
        return False
    record(ctx, "purge_org", said, org_id=one.org_id)
    return True


async def _remove(call: Call, data: Path, table: Table, where: ColumnElement[bool]) -> None:
    """Remove rows with what hangs on them and their files, a few in a transaction; files first: rows name them."""
    while rows := await call.read(lambda ctx: purge.chunk(ctx, table, where, _AT_ONCE)):
        began = time.monotonic()
        for column, of in purge.hanging_on(table):
            hanging = column.in_([row._mapping[of.name] for row in rows])
            if column.nullable:
                await call.write(partial(purge.forget, column, hanging))
            else:
                await _remove(call, data, column.table, hanging)
        await asyncio.to_thread(_remove_files, data, table, rows)
        await call.write(partial(purge.remove, table, rows))
        await asyncio.sleep(min(time.monotonic() - began, _LONGEST_PAUSE))  # requests get at least half of the time


def _remove_files(data: Path, table: Table, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        if table is session:
            remove_folder(data / "sessions" / row.session_id)
        elif table is attachment:
            stored_file(data, row.attachment_id).unlink(missing_ok=True)
        elif table is snapshot_build:
            for name in ("snapshots", "builds"):
                remove_folder(data / name / row.build_id)
            log_file(data, row.build_id).unlink(missing_ok=True)
