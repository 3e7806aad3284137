"""A data folder opened without its server: settings, keys, database, and changes that leave an audit record.

A command of the administrator is a typer function that imports this module inside itself, so that the command line
starts quickly, and does its work in one block:

    with opened(data, json_=json_) as place:
        with place.read() as db:
            ...
        with place.change("restore_org", org_id, {"name": name}) as db:
            ...

`opened` tells every failure that an operator can meet in one block and turns it into the exit code: 2 for settings
that cannot be used, 1 for the rest, refusals of services (`cogmill.kit.errors`) included. A server may run on the
same data folder: it sees the change at once, but for callers, whom it remembers for up to a second.
"""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from cogmill.cli.output import FAILED, USAGE, fail
from cogmill.domain.audit_logs import chain
from cogmill.domain.identity.service import fits_database
from cogmill.kit.clock import system_clock
from cogmill.kit.crypto import Keyring
from cogmill.kit.db import sqlite_engine
from cogmill.kit.errors import Refusal
from cogmill.kit.ids import new_id
from cogmill.kit.settings import Settings, SettingsError, load
from cogmill.migrations.upgrade import HEAD, current, is_import_unfinished
from cogmill.models.access import enterprise
from cogmill.preconditions import (
    IMPORT_UNFINISHED,
    KEYS_FOREIGN,
    Unusable,
    check_database_url,
    explain_database,
    read_keys,
)

PATIENCE = 10
"""Seconds to wait for a server that is just writing to SQLite."""


@dataclass(frozen=True, slots=True)
class Place:
    """An opened data folder."""

    settings: Settings
    keyring: Keyring
    engine: Engine
    enterprise_id: str
    """The installation's enterprise; the oldest, should there be several."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction for looking."""
        with self.engine.begin() as db:
            yield db

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction for looking all of whose queries see the same moment."""
        level = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with self.engine.connect().execution_options(**level) as db, db.begin():
            yield db

    @contextmanager
    def change(self, action: str, org_id: str | None, data: dict[str, Any]) -> Iterator[Connection]:
        """A transaction whose commit includes the audit record: no record, no change.

        The record is written at the end of the block, so that the block may still add to `data`. It names no
        principal of the API but the account of the operating system that ran the command.
        """
        with self.writing() as db:
            yield db
            chain.append(
                db, self.keyring,
                enterprise_id=self.enterprise_id, org_id=org_id, action=action, at=system_clock(), user_id=None,
                service_user_id=None, request_id=new_id("command"), data={**data, "command_line_user": account()},
            )  # fmt: skip

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction without a record, for what follows a recorded change."""
        if self.engine.dialect.name != "sqlite":
            with self.engine.begin() as db:
                yield db
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql(f"PRAGMA busy_timeout={PATIENCE * 1000}")
            db.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield db
                db.exec_driver_sql("COMMIT")
            except BaseException:
                if db.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
                    db.exec_driver_sql("ROLLBACK")
                raise


@contextmanager
def opened(data: Path | None, *, json_: bool = False) -> Iterator[Place]:
    """The data folder `data` (None: that of the settings), for the length of a block."""
    with loaded(data, json_=json_) as settings:
        place = open_place(settings)
        try:
            yield place
        finally:
            place.engine.dispose()


@contextmanager
def loaded(data: Path | None, *, json_: bool = False) -> Iterator[Settings]:
    """The settings of a data folder, which need not be there yet; failures of the block are told as said above."""
    settings: Settings | None = None
    try:
        settings = load({"data": data})
        yield settings
    except SettingsError as error:
        raise fail(str(error), USAGE, json_=json_) from None
    except Unusable as error:
        raise fail(str(error), FAILED, json_=json_) from None
    except Refusal as error:
        raise fail(str(error), FAILED, json_=json_) from None
    except SQLAlchemyError as error:
        if settings is None:
            raise
        raise fail(explain_database(settings, error), FAILED, json_=json_) from None
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        raise fail(f"{about}{error.strerror or error}", FAILED, json_=json_) from None


def open_place(settings: Settings, *, importing: bool = False) -> Place:
    """`importing`: also one that an import was cut in. The caller disposes of its engine."""
    check_database_url(settings)
    url = make_url(settings.database)
    is_sqlite = url.get_backend_name() == "sqlite"
    if not settings.keys_file.exists() or (is_sqlite and not Path(url.database or "").exists()):
        raise Unusable(f"{settings.data} is not initialised. Name another one with --data, or run 'cogmill init'.")
    keyring = read_keys(settings)
    engine = sqlite_engine(settings.database) if is_sqlite else create_engine(settings.database, hide_parameters=True)
    try:
        with engine.begin() as db:
            found = _enterprise(db, importing)
            if not fits_database(db, keyring):
                raise Unusable(f"{settings.keys_file} {KEYS_FOREIGN}")
            return Place(settings, keyring, engine, found)
    except BaseException:
        engine.dispose()
        raise


def _enterprise(db: Connection, importing: bool) -> str:
    if is_import_unfinished(db) and not importing:
        raise Unusable(IMPORT_UNFINISHED)
    at = current(db)
    if at is not None and at != HEAD:
        todo = "install the newer Cogmill" if at > HEAD else "run 'cogmill init', which migrates it"
        raise Unusable(f"The database is at revision {at}, this Cogmill works with {HEAD}: {todo}.")
    oldest = select(enterprise.c.enterprise_id).order_by(enterprise.c.created_at, enterprise.c.enterprise_id).limit(1)
    found = db.execute(oldest).scalar() if at is not None else None
    if found is None:
        raise Unusable("The database is empty. Run 'cogmill init' first.")
    return str(found)


def account() -> str:
    """The account of the operating system that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "unknown"
