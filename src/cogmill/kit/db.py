"""The database behind one unit of work: `read(unit)` and `write(unit)`, each one transaction on either database."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from cogmill.kit.json_text import compact

T = TypeVar("T")
Unit = Callable[[Connection], T]
"""A function of one connection: reads and changes, neither commits nor waits for anything outside the database.

It may be run a second time when the transaction it shared was undone for another unit's sake.
"""
Waiting = tuple[Unit[Any], asyncio.Future[Any]]
Outcome = tuple[Any, Exception | None]
ENGINE: dict[str, Any] = {"hide_parameters": True, "json_serializer": compact}
"""Errors, which are logged, hide values."""


OF_THE_MOMENT = {"23503", "23505", "40001", "40P01"}
"""PostgreSQL's states of keys that met another transaction, of serialisation and of deadlocks."""
AGAIN = 2


class Database(Protocol):
    """SQLite in this process or PostgreSQL; the rest of the program cannot tell."""

    engine: Engine

    async def read(self, unit: Unit[T]) -> T: ...

    async def write(self, unit: Unit[T]) -> T: ...

    @property
    def waiting(self) -> int:
        """Writes that are not answered yet: how busy the database is."""

    def mislaid(self) -> str | None:
        """Why the next start would not find what is committed now; None when it would."""

    async def close(self) -> None: ...


def open_database(url: str) -> Database:
    """The database of a SQLAlchemy URL (`sqlite:///…` or `postgresql+psycopg://…`)."""
    return SqliteDatabase(url) if url.startswith("sqlite") else PostgresDatabase(url)


def sqlite_engine(url: str) -> Engine:
    """WAL with full fsync at commit: an answered write survives a power cut."""
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 0}, **ENGINE)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        connection.execute("PRAGMA busy_timeout=5000")
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-8000", "temp_store=2"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA busy_timeout=0")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN")

    return engine


class SqliteDatabase:
    """One writing connection whose waiting units share a commit (one fsync for many), readers on a few threads.

    Units run on the event loop: a hop to a thread and back costs more than the statements do (docs/decisions/0003).
    Only the commit, which waits for the disk, happens on a thread; meanwhile the loop reads the next requests.
    """

    BATCH = 64

    def __init__(self, url: str) -> None:
        self.engine = sqlite_engine(url)
        self._writer: Connection | None = None
        self._waiting: list[Waiting] = []
        self._in_batch = 0
        self._flushing: asyncio.Task[None] | None = None
        self._committer = ThreadPoolExecutor(1, "sqlite-commit")
        self._readers = ThreadPoolExecutor(2, "sqlite-read")
        self._file = _identity(self.engine.url.database)

    async def read(self, unit: Unit[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, unit)

    def read_now(self, unit: Unit[T]) -> T:
        """Read on the calling thread; for look-ups of one row."""
        with self.engine.begin() as connection:
            return unit(connection)

    async def write(self, unit: Unit[T]) -> T:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await done

    @property
    def waiting(self) -> int:
        return len(self._waiting) + self._in_batch

    def mislaid(self) -> str | None:
        file, found = self.engine.url.database, _identity(self.engine.url.database)
        if found == self._file:
            return None
        if found is None:
            return f"{file} cannot be read any more"
        return f"{file} is another file than the one that was opened; stop the server before you put one back"

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self.BATCH], self._waiting[self.BATCH :]
            self._in_batch = len(batch)
            try:
                await self._run(batch)
            except BaseException as error:
                _rollback(self._writer)
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            finally:
                self._in_batch = 0

    async def _run(self, batch: list[Waiting]) -> None:
        writer = await self._begin()
        outcomes = _together(writer, batch)
        if outcomes is None:  # a unit was refused: undo all, and run each so that it fails alone
            writer.exec_driver_sql("ROLLBACK")
            await self._begin()
            outcomes = [_alone(writer, unit) for unit, _ in batch]
        await asyncio.get_running_loop().run_in_executor(self._committer, writer.exec_driver_sql, "COMMIT")
        for (_, done), (result, failure) in zip(batch, outcomes, strict=True):
            if done.done():
                continue
            if failure is None:
                done.set_result(result)
            else:
                done.set_exception(failure)

    async def _begin(self) -> Connection:
        """Take the write lock without blocking the loop while another process holds it."""
        if self._writer is None:
            self._writer = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        for attempt in range(600):
            try:
                self._writer.exec_driver_sql("BEGIN IMMEDIATE")
                return self._writer
            except OperationalError as error:
                if "locked" not in str(error.orig) or attempt == 599:
                    raise
                await asyncio.sleep(0.001 if attempt < 100 else 0.02)
        raise AssertionError

    async def close(self) -> None:
        while self._flushing is not None and not self._flushing.done():
            await asyncio.wait([self._flushing])
        self._readers.shutdown()
        self._committer.shutdown()
        if self._writer is not None:
            self._writer.close()
        self.engine.dispose()


def _identity(file: str | None) -> tuple[int, int] | None:
    """Which file it is; None when there is none that can be read."""
    try:
        with Path(file or "").open("rb") as opened:
            found = os.fstat(opened.fileno())
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _together(writer: Connection, batch: list[Waiting]) -> list[Outcome] | None:
    """Run all units of a batch; None as soon as one of them is refused."""
    try:
        return [(unit(writer), None) for unit, _ in batch]
    except Exception:
        return None


def _alone(writer: Connection, unit: Unit[Any]) -> Outcome:
    """Run one unit so that its failure undoes nothing but itself."""
    writer.exec_driver_sql("SAVEPOINT unit")
    try:
        result, failure = unit(writer), None
    except Exception as error:
        writer.exec_driver_sql("ROLLBACK TO unit")
        result, failure = None, error
    writer.exec_driver_sql("RELEASE unit")
    return result, failure


@contextmanager
def savepoint(db: Connection) -> Iterator[None]:
    """A part of a unit that a failure undoes alone."""
    db.exec_driver_sql("SAVEPOINT part")
    try:
        yield
    except Exception:
        db.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
        db.exec_driver_sql("RELEASE SAVEPOINT part")
        raise
    db.exec_driver_sql("RELEASE SAVEPOINT part")


def _rollback(writer: Connection | None) -> None:
    try:
        if writer is not None:
            writer.exec_driver_sql("ROLLBACK")
    except OperationalError:
        pass  # no transaction is open: there is nothing to undo


class PostgresDatabase:
    """A pool of threads, each unit on a pooled connection.

    A unit that another one came in between of is run again, and finds what that one has written.
    """

    def __init__(self, url: str) -> None:
        size = min(16, 4 * (os.cpu_count() or 2))
        self.engine = create_engine(url, pool_size=size, max_overflow=0, pool_pre_ping=True, **ENGINE)
        self._threads = ThreadPoolExecutor(size, "postgres")

    async def read(self, unit: Unit[T]) -> T:
        return await self.write(unit)

    async def write(self, unit: Unit[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, unit)

    @property
    def waiting(self) -> int:
        return self._threads._work_queue.qsize()

    def mislaid(self) -> str | None:
        return None

    def _transact(self, unit: Unit[T]) -> T:
        for _ in range(AGAIN):
            try:
                return self._once(unit)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in OF_THE_MOMENT:
                    raise
        return self._once(unit)

    def _once(self, unit: Unit[T]) -> T:
        with self.engine.begin() as connection:
            return unit(connection)

    async def close(self) -> None:
        self._threads.shutdown()
        self.engine.dispose()
