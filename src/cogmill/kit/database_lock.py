"""One server for each PostgreSQL database: a lock of the database's own, held by one connection."""

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

NUMBER = int.from_bytes(b"cogmill")
"""Of the advisory lock; it is the database's own, so several databases of one server do not meet."""
DEAD_AFTER = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
"""Seconds, seconds, attempts: then PostgreSQL gives up a holder whose machine is gone without a word."""

TAKE = text("SELECT pg_try_advisory_lock(:number)").bindparams(number=NUMBER)
OURS = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 1 "
    "AND classid = :high AND objid = :low AND granted"
).bindparams(high=NUMBER >> 32, low=NUMBER & 0xFFFFFFFF)


class DatabaseLock:
    """Held from `take` until `give_back` or the end of the connection or of the process, however it ends."""

    def __init__(self, url: str) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in DEAD_AFTER.items())
        connecting = {"options": options, "connect_timeout": 5, "application_name": "cogmill lock"}
        self._engine = create_engine(
            url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=connecting, hide_parameters=True
        )
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Whether the lock is ours now; OperationalError when the database cannot be asked."""
        connection = self._engine.connect()
        try:
            if connection.scalar(TAKE):
                self._connection = connection
                return True
        finally:
            if self._connection is not connection:
                connection.close()
        return False

    def is_ours(self) -> bool:
        """Whether we still hold it. After a lost connection it is taken anew, unless another was quicker.

        OperationalError while the database cannot be asked: then nobody else can take it either.
        """
        if self._connection is not None:
            try:
                if self._connection.scalar(OURS):
                    return True
            except OperationalError:
                pass
            self.give_back()
        return self.take()

    def give_back(self) -> None:
        """End the connection, and with it the lock."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
