"""The keys of stored secrets: in the database, wrapped by the master key, opened once per process."""

import secrets
import time
from collections.abc import Callable

from sqlalchemy import URL, Connection, NullPool, create_engine, insert, select, update

from cogmill.access.key_services import KeyService
from cogmill.models.installation import data_key

FRESH_SECONDS = 1.0
"""So long a process may go on sealing with the key before the newest one."""


class StoredDataKeys:
    """Data keys by number. A number that is not known yet is looked up: another process may have made it."""

    def __init__(self, url: URL, service: Callable[[], KeyService]) -> None:
        # A connection of its own: who seals is in a transaction already, and the pool's may all be taken by such.
        self._engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        self._service = service
        self._opened: dict[int, bytes] = {}
        self._read_at = float("-inf")

    def newest(self) -> tuple[int, bytes]:
        """What seals now, a second late at most."""
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            self._read()
        number = max(self._opened)
        return number, self._opened[number]

    def numbered(self, number: int) -> bytes:
        if number not in self._opened:
            self._read()
        return self._opened[number]

    def _read(self) -> None:
        with self._engine.connect() as db:
            rows = db.execute(select(data_key.c.number, data_key.c.wrapped)).all()
        for row in rows:
            if row.number not in self._opened:
                self._opened[row.number] = self._service().unwrap(row.wrapped)
        self._read_at = time.monotonic()


def ensure(db: Connection, service: KeyService, now: float) -> None:
    """The first data key of a database that has none."""
    if db.execute(select(data_key.c.number).limit(1)).first() is None:
        add(db, service, now)


def add(db: Connection, service: KeyService, now: float) -> int:
    """One more data key, which seals from now on; answers its number."""
    number = (db.execute(select(data_key.c.number).order_by(data_key.c.number.desc()).limit(1)).scalar() or 0) + 1
    wrapped = service.wrap(secrets.token_bytes(32))
    db.execute(insert(data_key).values(number=number, wrapped=wrapped, created_at=now))
    return number


def rewrap(db: Connection, service: KeyService) -> None:
    """Every data key under the master key that wraps now."""
    for row in db.execute(select(data_key)).all():
        wrapped = service.wrap(service.unwrap(row.wrapped))
        db.execute(update(data_key).where(data_key.c.number == row.number).values(wrapped=wrapped))
