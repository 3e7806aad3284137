"""What must be as it should for the process to do its work; looked at anew each time somebody asks."""

import asyncio
import shutil

from sqlalchemy.exc import DBAPIError

from cogmill.access.context import Context
from cogmill.migrations.upgrade import HEAD, current
from cogmill.web.call import Call

PATIENCE = 5.0
"""Seconds for the database to answer."""
LEAST_DISK = 64 * 1024**2
"""Free bytes below which the disk counts as full: a commit or a step of a session may find no place."""


async def looked_at(call: Call) -> dict[str, str]:
    """What is wrong, by the name of the part; empty when all is well."""
    if call.runtime.hub.closing:
        return {"server": "it is shutting down"}
    found = {"database": await _database(call), "disk": _disk(call), "engine": call.runtime.signals.trouble()}
    return {name: text for name, text in found.items() if text is not None}


async def _database(call: Call) -> str | None:
    mislaid = call.runtime.database.mislaid()
    if mislaid is not None:
        return mislaid
    try:
        at = await asyncio.wait_for(call.read(_revision), PATIENCE)
    except TimeoutError:
        return f"it has not answered for {PATIENCE:.0f} seconds"
    except Exception as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        return f"it does not answer ({type(cause).__name__})"
    if at != HEAD:
        return f"it is at revision {at or 'none'}, this server works with {HEAD}; 'cogmill init' migrates it"
    return None


def _revision(ctx: Context) -> str | None:
    return current(ctx.db)


def _disk(call: Call) -> str | None:
    place = call.runtime.settings.data
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return f"{place} cannot be looked at ({error.strerror})"
    if free < LEAST_DISK:
        return f"{place} has {free // 1024**2} MiB left; free some"
    return None
