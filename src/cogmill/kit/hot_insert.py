"""Inserts of the hottest paths, compiled once per database: a row costs little more than the driver's own work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

from cogmill.kit.hot_sql import fetch, run_many

Processor = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    names: list[str]
    is_positional: bool
    processors: Sequence[tuple[int, Processor]]
    """Of the columns, by their places, whose values the driver does not take as they are."""

    def bound(self, row: dict[str, Any]) -> Any:
        values = [row[name] for name in self.names]
        for place, process in self.processors:
            values[place] = process(values[place])
        return values if self.is_positional else dict(zip(self.names, values, strict=True))


class HotInsert:
    """An insert of whole rows into one table: every row names every column but the returned one."""

    def __init__(self, table: Table, *, returning: str | None = None) -> None:
        self._table = table
        self._returning = returning
        self._columns = [column.name for column in table.c if column.name != returning]
        self._ready: dict[str, _Compiled] = {}

    def __call__(self, db: Connection, rows: list[dict[str, Any]]) -> Any:
        """Insert the rows; with `returning`, one row, whose value of that column is the answer."""
        ready = self._ready.get(db.dialect.name) or self._compile(db.dialect)
        if self._returning is None:
            run_many(db, ready.sql, [ready.bound(row) for row in rows])
            return None
        [[value]] = fetch(db, ready.sql, ready.bound(rows[0]))
        return value

    def _compile(self, dialect: Dialect) -> _Compiled:
        statement = insert(self._table)
        if self._returning is not None:
            statement = statement.returning(self._table.c[self._returning])
        compiled = statement.compile(dialect=dialect, column_keys=self._columns)
        names = list(compiled.positiontup or []) if compiled.positional else self._columns
        made = [self._table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
        processors = [(place, process) for place, process in enumerate(made) if process is not None]
        self._ready[dialect.name] = _Compiled(str(compiled), names, bool(compiled.positional), processors)
        return self._ready[dialect.name]
