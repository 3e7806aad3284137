"""Statements of the hottest paths: on SQLite the driver runs them itself, which takes a third of the time."""

import sqlite3
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Values = Any
"""What the driver binds: one tuple or mapping, or for `run_many` a list of them."""


def fetch(db: Connection, sql: str, values: Values) -> list[tuple[Any, ...]]:
    """All rows of compiled SQL. DBAPIError: as of every other statement."""
    driver = _driver(db)
    if driver is None:
        return [tuple(row) for row in db.exec_driver_sql(sql, values)]
    try:
        return driver.execute(sql, values).fetchall()
    except sqlite3.Error as error:
        raise _known(db, sql, error) from error


def run_many(db: Connection, sql: str, values: list[Values]) -> None:
    """Run compiled SQL, which answers no rows, once for each set of values. DBAPIError: as of every other statement."""
    driver = _driver(db)
    if driver is None:
        db.exec_driver_sql(sql, values if len(values) > 1 else values[0])
        return
    try:
        driver.executemany(sql, values)
    except sqlite3.Error as error:
        raise _known(db, sql, error) from error


def _known(db: Connection, sql: str, error: sqlite3.Error) -> BaseException:
    """The driver's error as SQLAlchemy raises it."""
    return DBAPIError.instance(sql, (), error, sqlite3.Error, hide_parameters=True, dialect=db.dialect)


def _driver(db: Connection) -> sqlite3.Connection | None:
    """The connection below, if it is SQLite's and a transaction has begun on it."""
    below = db.connection.dbapi_connection if db.in_transaction() else None
    return below if isinstance(below, sqlite3.Connection) else None
