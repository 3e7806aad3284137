"""Which legacy operation each key calls, by day: counted in memory at once, added to the database now and then."""

import asyncio
from collections import Counter
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from cogmill.access.noted import Noted
from cogmill.kit.db import Database, Unit
from cogmill.models.access import api_key, legacy_call

DAY = 86_400
KEPT_DAYS = 90
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
Call = tuple[str, str, int]
"""Key, operation, day."""


class LegacyCalls(Noted):
    """The calls since the last write. A call costs one entry in a dictionary; a kill loses those of a few seconds."""

    INTERVAL = 5.0
    NOT_WRITTEN = "legacy_calls_not_written"

    def __init__(self) -> None:
        self._counted: Counter[Call] = Counter()
        self._latest: dict[Call, float] = {}
        self._swept = 0
        self._flushing = asyncio.Lock()

    def note(self, api_key_id: str, operation: str, at: float) -> None:
        call = api_key_id, operation, int(at // DAY)
        self._counted[call] += 1
        self._latest[call] = at

    async def flush(self, database: Database) -> None:
        """Add what was counted to the rows; what could not be written is counted still."""
        async with self._flushing:
            while self._counted:
                part = {call: self._counted[call] for call in sorted(self._counted)[: self.AT_ONCE]}
                await asyncio.shield(self._add(database, part))

    async def _add(self, database: Database, part: dict[Call, int]) -> None:
        await database.write(self._writer(part))
        for call, calls in part.items():
            self._counted[call] -= calls  # more may have come meanwhile
            if self._counted[call] == 0:
                del self._counted[call], self._latest[call]

    def _writer(self, part: dict[Call, int]) -> Unit[None]:
        rows: list[dict[str, Any]] = [
            {"api_key_id": key, "operation": operation, "day": day, "calls": calls, "last_at": self._latest[one]}
            for one, calls in part.items()
            for key, operation, day in [one]
        ]
        today = max(row["day"] for row in rows)

        def unit(db: Connection) -> None:
            added = _INSERTS[db.dialect.name](legacy_call)
            counted = legacy_call.c.calls + added.excluded.calls
            keys = ["api_key_id", "operation", "day"]
            change = {"calls": counted, "last_at": added.excluded.last_at}
            known = select(api_key.c.api_key_id).where(api_key.c.api_key_id.in_({row["api_key_id"] for row in rows}))
            there = set(db.execute(known).scalars())  # a purged organization's keys are gone
            if kept := [row for row in rows if row["api_key_id"] in there]:
                db.execute(added.on_conflict_do_update(index_elements=keys, set_=change), kept)
            if today != self._swept:
                db.execute(delete(legacy_call).where(legacy_call.c.day < today - KEPT_DAYS))
                self._swept = today

        return unit
