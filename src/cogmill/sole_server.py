"""One server for each data folder and database: two engines would drive the same sessions."""

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from sqlalchemy.exc import OperationalError

from cogmill.kit.database_lock import DatabaseLock
from cogmill.kit.logs import logger
from cogmill.kit.settings import Settings, SettingsError
from cogmill.preconditions import make_data_folder

PATIENCE = 20.0
"""Seconds to wait for a server that is just stopping."""
BETWEEN_LOOKS = 2.0
log = logger("server")


class Hold:
    """A data folder and, on PostgreSQL, a database that are this process's alone until it ends."""

    def __init__(self, folder: IO[bytes], database: DatabaseLock | None) -> None:
        self._folder = folder
        self._database = database

    @contextmanager
    def watched(self, lost: Callable[[], None]) -> Iterator[None]:
        """For the length of a block, call `lost` once, from another thread, if another server has the database."""
        if self._database is None:
            yield
            return
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(self._database, ended, lost), name="sole-server", daemon=True)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join()

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *_: object) -> None:
        if self._database is not None:
            self._database.give_back()
        self._folder.close()


def take_over(settings: Settings, patience: float = PATIENCE) -> Hold:
    """Hold data folder and database for this process alone; a server that is just stopping is waited for."""
    make_data_folder(settings)
    until = time.monotonic() + patience
    folder = (settings.data / "serve.lock").open("ab")
    try:
        text = f"Another cogmill server uses {settings.data}. Stop it, or name another --data."
        _wait(lambda: _take_folder(folder), until, text)
        if settings.database.startswith("sqlite"):
            return Hold(folder, None)
        lock = DatabaseLock(settings.database)
        text = "Another cogmill server, of another data folder, uses this database. Stop it, or name another database."
        _wait(lock.take, until, text)
        return Hold(folder, lock)
    except BaseException:
        folder.close()
        raise


def _take_folder(folder: IO[bytes]) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(attempt: Callable[[], bool], until: float, otherwise: str) -> None:
    pause = 0.05
    while not attempt():
        if time.monotonic() > until:
            raise SettingsError(otherwise)
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)


def _watch(lock: DatabaseLock, ended: threading.Event, lost: Callable[[], None]) -> None:
    is_away = False
    while not ended.wait(BETWEEN_LOOKS):
        try:
            is_ours = lock.is_ours()
        except OperationalError:
            if not is_away:
                log.warning("database_away", advice="the server goes on when PostgreSQL answers again")
            is_away = True
            continue
        if is_away and is_ours:
            log.info("database_back")
        is_away = False
        if not is_ours:
            log.error("database_taken", advice="another server uses this database; this one stops")
            lost()
            return
