"""The addresses that callers of an enterprise may come from: read in one place, remembered for a moment."""

import time
from dataclasses import dataclass, field

from sqlalchemy import Connection

from cogmill.access.scope import Scope, of_enterprise
from cogmill.kit.db import Database, SqliteDatabase
from cogmill.kit.errors import Unauthenticated
from cogmill.kit.networks import Ranges, address
from cogmill.models.access import ip_range

LIFETIME = 1.0
"""Seconds after which another process's change of a list is seen at the latest, as with keys."""


def read_ranges(db: Connection, enterprise_id: str) -> list[str]:
    """An enterprise's list in the order in which it was given; empty: any address may call."""
    everywhere = Scope(enterprise_id, None)
    return list(
        db.execute(of_enterprise(ip_range, everywhere, ip_range.c.range).order_by(ip_range.c.position)).scalars()
    )


@dataclass(slots=True)
class AddressLists:
    """What each enterprise's list lets in; a change in this process is seen at once."""

    _known: dict[str, tuple[float, Ranges | None]] = field(default_factory=dict)
    _changes: int = 0

    async def require(self, database: Database, enterprise_id: str, caller: str) -> None:
        """Refuse a caller whose address is not on the enterprise's list; an address that cannot be told is on none."""
        known = self._known.get(enterprise_id)
        if known is None or time.monotonic() - known[0] >= LIFETIME:
            known = await self._read(database, enterprise_id)
        if known[1] is None:
            return
        found = address(caller)
        if found not in known[1]:
            who = f"address {found}" if found else "unknown address"
            raise Unauthenticated(
                f"Your {who} is not on the IP access list of this enterprise. Call from one that is, or ask an "
                "administrator; on the server 'cogmill ip-access clear' lets everybody in again."
            )

    def forget(self) -> None:
        """Called after any change of a list."""
        self._changes += 1
        self._known.clear()

    async def _read(self, database: Database, enterprise_id: str) -> tuple[float, Ranges | None]:
        changes, at = self._changes, time.monotonic()

        def unit(db: Connection) -> list[str]:
            return read_ranges(db, enterprise_id)

        # A few rows of one index: on SQLite quicker than a hop to a thread.
        texts = database.read_now(unit) if isinstance(database, SqliteDatabase) else await database.read(unit)
        read = at, Ranges(texts) if texts else None
        if changes == self._changes:  # else it may have been read before the change
            self._known[enterprise_id] = read
        return read
