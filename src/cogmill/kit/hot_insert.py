"""Inserts of the hottest paths, compiled once per database: a row costs little more than the driver's own work."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

Processor = Callable[[Any], Any]


class HotInsert:
    """An insert of whole rows into one table: every row names every column but the returned one."""

    def __init__(self, table: Table, *, returning: str | None = None) -> None:
        self._table = table
        self._returning = returning
        self._columns = [column.name for column in table.c if column.name != returning]
        self._ready: dict[str, tuple[str, list[tuple[str, Processor | None]], bool]] = {}

    def __call__(self, db: Connection, rows: list[dict[str, Any]]) -> Any:
        """Insert the rows; with `returning`, one row, whose value of that column is the answer."""
        sql, columns, is_positional = self._ready.get(db.dialect.name) or self._compile(db.dialect)
        values: list[Any]
        if is_positional:
            values = [tuple(_bound(row[name], process) for name, process in columns) for row in rows]
        else:
            values = [{name: _bound(row[name], process) for name, process in columns} for row in rows]
        result = db.exec_driver_sql(sql, values if len(values) > 1 else values[0])
        return result.scalar_one() if self._returning else None

    def _compile(self, dialect: Dialect) -> tuple[str, list[tuple[str, Processor | None]], bool]:
        statement = insert(self._table)
        if self._returning is not None:
            statement = statement.returning(self._table.c[self._returning])
        compiled = statement.compile(dialect=dialect, column_keys=self._columns)
        names = list(compiled.positiontup or []) if compiled.positional else self._columns
        columns: list[tuple[str, Processor | None]] = [
            (name, self._table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names
        ]
        self._ready[dialect.name] = str(compiled), columns, bool(compiled.positional)
        return self._ready[dialect.name]


def _bound(value: Any, process: Processor | None) -> Any:
    return value if process is None else process(value)
