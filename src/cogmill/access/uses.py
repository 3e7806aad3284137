"""When each key was last used: noted in memory on every request, written to the database now and then."""

from sqlalchemy import BindParameter, Connection, bindparam, update

from cogmill.access.noted import Noted
from cogmill.kit.db import Database, Unit
from cogmill.models.access import api_key

_KEY: BindParameter[str] = bindparam("key")
_AT: BindParameter[float] = bindparam("at")
_USED = api_key.c.last_used_at
_WRITE = update(api_key).where(api_key.c.api_key_id == _KEY, _USED.is_(None) | (_USED < _AT)).values(last_used_at=_AT)


class Uses(Noted):
    """The uses since the last write. A request costs one entry in a dictionary."""

    INTERVAL = 60.0
    """No key is written more often."""
    NOT_WRITTEN = "last_use_not_written"

    def __init__(self) -> None:
        self._noted: dict[str, float] = {}

    def note(self, api_key_id: str, at: float) -> None:
        self._noted[api_key_id] = at

    def latest(self, api_key_id: str, stored: float | None) -> float | None:
        """The last use, whether it is written already or not."""
        noted = self._noted.get(api_key_id)
        return max((at for at in (noted, stored) if at is not None), default=None)

    async def flush(self, database: Database) -> None:
        noted = sorted(self._noted.items())
        for start in range(0, len(noted), self.AT_ONCE):
            part = noted[start : start + self.AT_ONCE]
            await database.write(_writer(part))
            for key, at in part:
                if self._noted.get(key) == at:
                    del self._noted[key]


def _writer(part: list[tuple[str, float]]) -> Unit[None]:
    def unit(db: Connection) -> None:
        db.execute(_WRITE, [{"key": key, "at": at} for key, at in part])

    return unit
