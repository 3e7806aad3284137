"""One server for each data folder and for each PostgreSQL database, with real processes."""

import shutil
import time

import psycopg
import pytest

from cogmill.kit.database_lock import DatabaseLock
from cogmill.kit.settings import Settings, SettingsError
from cogmill.sole_server import take_over

from .serving import Served

HOLDERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'cogmill lock' AND datname = current_database()"


@pytest.fixture
def url(cluster):
    made = cluster.create()
    yield made
    cluster.drop(made)


@pytest.fixture
def served(tmp_path, url):
    server = Served(tmp_path / "one", COGMILL_DATABASE_URL=url)
    server.start()
    yield server
    server.close()


def settings(data, url):
    return Settings(data=data, database_url=url)


def test_a_second_server_on_the_database_is_refused_until_the_first_has_ended(served, url, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(served.data / "keys.json", other)
    with pytest.raises(SettingsError, match="of another data folder, uses this database"):
        take_over(settings(other, url), patience=0.2)
    with pytest.raises(SettingsError, match=r"uses .*one\."):
        take_over(settings(served.data, url), patience=0.2)
    served.end(9)
    take_over(settings(other, url), patience=5).__exit__()


def test_a_lost_lock_is_taken_anew(served, url):
    with psycopg.connect(url, autocommit=True) as db:
        lost = db.execute(HOLDERS).fetchall()
        assert len(lost) == 1
        db.execute("SELECT pg_terminate_backend(%s)", lost[0])
        until = time.monotonic() + 15
        while (found := db.execute(HOLDERS).fetchall()) in ([], lost):
            assert time.monotonic() < until
            time.sleep(0.05)
    assert len(found) == 1
    assert served.client.get("/readyz").status_code == 200


def test_a_server_whose_database_was_taken_stops(served, url):
    thief = DatabaseLock(url.replace("postgresql://", "postgresql+psycopg://"))
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"SELECT pg_terminate_backend(pid) FROM ({HOLDERS}) AS holder")
    until = time.monotonic() + 2
    while not thief.take():
        assert time.monotonic() < until
    try:
        assert served.process.wait(15) == 1
        assert "has taken the database" in (served.data / "serve.log").read_text()
    finally:
        thief.give_back()
