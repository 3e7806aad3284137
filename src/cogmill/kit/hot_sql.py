"""Statements of the hottest paths: on SQLite the driver runs them itself, which takes a third of the time."""

import sqlite3
from typing import Any

from sqlalchemy import Connection

Values = Any
"""What the driver binds: one tuple or mapping, or for `run_many` a list of them."""


def fetch(db: Connection, sql: str, values: Values) -> list[tuple[Any, ...]]:
    """All rows of compiled SQL."""
    driver = _driver(db)
    if driver is not None:
        try:
            return driver.execute(sql, values).fetchall()
        except sqlite3.Error:
            pass  # run again below, to fail as every other statement does
    return [tuple(row) for row in db.exec_driver_sql(sql, values)]


def run_many(db: Connection, sql: str, values: list[Values]) -> None:
    """Run compiled SQL, which answers no rows, once for each set of values."""
    driver = _driver(db) if len(values) == 1 else None  # several may have been done in part when one fails
    if driver is not None:
        try:
            driver.execute(sql, values[0])
        except sqlite3.Error:
            pass
        else:
            return
    db.exec_driver_sql(sql, values if len(values) > 1 else values[0])


def _driver(db: Connection) -> sqlite3.Connection | None:
    """The connection below, if it is SQLite's and a transaction has begun on it."""
    below = db.connection.dbapi_connection if db.in_transaction() else None
    return below if isinstance(below, sqlite3.Connection) else None
