"""Look-ups of the hottest paths, compiled once per database."""

from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select

from cogmill.kit.hot_sql import fetch


class HotSelect:
    """A query whose parameters are plain texts and numbers, and whose columns need no conversion."""

    def __init__(self, query: Select[Any] | CompoundSelect[Any]) -> None:
        self._query = query
        self._ready: dict[str, tuple[str, list[str] | None]] = {}
        names = [str(column.key) for column in query.selected_columns]
        row: Any = namedtuple("row", names)  # type: ignore[misc] # the names are the query's
        self._named: Callable[[tuple[Any, ...]], Any] = row._make

    def __call__(self, db: Connection, values: Mapping[str, Any], known: dict[Any, Any] | None = None) -> list[Any]:
        """All rows, as named tuples. Of what is `known`, a transaction that keeps such, those that it read first."""
        if known is None:
            return self._read(db, values)
        key = (self, *values.items())
        if key not in known:
            known[key] = self._read(db, values)
        found: list[Any] = known[key]
        return found

    def _read(self, db: Connection, values: Mapping[str, Any]) -> list[Any]:
        sql, order = self._ready.get(db.dialect.name) or self._compile(db)
        given = tuple([values[name] for name in order]) if order is not None else dict(values)
        return list(map(self._named, fetch(db, sql, given)))

    def _compile(self, db: Connection) -> tuple[str, list[str] | None]:
        compiled = self._query.compile(dialect=db.dialect)
        order = list(compiled.positiontup or []) if compiled.positional else None
        self._ready[db.dialect.name] = str(compiled), order
        return self._ready[db.dialect.name]
