"""Changes of the hottest paths, as SQL text that both databases understand, compiled once per database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from cogmill.kit.hot_sql import fetch


class HotChange:
    """A change that answers rows (RETURNING), and whose parameters are plain texts and numbers."""

    def __init__(self, sql: str) -> None:
        self._text = text(sql)
        self._ready: dict[str, tuple[str, list[str] | None]] = {}

    def __call__(self, db: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows that it returns."""
        sql, order = self._ready.get(db.dialect.name) or self._compile(db)
        return fetch(db, sql, tuple(values[name] for name in order) if order is not None else dict(values))

    def _compile(self, db: Connection) -> tuple[str, list[str] | None]:
        compiled = self._text.compile(dialect=db.dialect)
        order = list(compiled.positiontup or []) if compiled.positional else None
        self._ready[db.dialect.name] = str(compiled), order
        return self._ready[db.dialect.name]
