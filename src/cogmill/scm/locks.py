"""Locks between server processes: a file, held as long as we or the git we started live."""

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def file_lock(path: Path, timeout: float) -> AsyncIterator[int]:
    """Hold the lock; gives its descriptor. Hand that to git: after kill -9 of the server the lock then lasts until
    the orphaned git is done, so that nobody clears its half-written files under it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        async with asyncio.timeout(timeout):
            pause = 0.005
            # Asking again instead of blocking in a thread: a cancelled waiter must not get the lock later.
            while not _try(descriptor):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.1)
        yield descriptor
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def clear_stale_locks(repository: Path, *, older_than: float = 0.0) -> None:
    """Remove git's own lock files. Only while holding the file lock, so that no git of ours is at work.

    Git killed by a crash of the machine leaves them, and every later write to that branch would fail.
    """
    latest = time.time() - older_than
    for found in [*repository.glob("*.lock"), *(repository / "refs").rglob("*.lock")]:
        with contextlib.suppress(OSError):
            if found.stat().st_mtime <= latest:
                found.unlink()
