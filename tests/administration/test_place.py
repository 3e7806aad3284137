"""A data folder opened without its server: what it gives, what it refuses, and that a change has its record."""

import sqlite3

import pytest
import typer
from sqlalchemy import select, update

from cogmill.administration.place import opened
from cogmill.domain.audit_logs.chain import HASHED, link
from cogmill.kit.errors import NotFound
from cogmill.models.access import organization
from cogmill.models.audit import audit_log


@pytest.fixture
def place(settings, world, monkeypatch):
    monkeypatch.setenv("COGMILL_DATABASE_URL", settings.database_url.get_secret_value())
    with opened(settings.data) as place:
        assert place.enterprise_id == world.enterprise
        yield place


def names(place):
    with place.read() as db:
        return db.execute(select(organization.c.name).order_by(organization.c.name)).scalars().all()


def rename(db, org_id, name):
    db.execute(update(organization).where(organization.c.org_id == org_id).values(name=name))


def records(place):
    with place.read() as db:
        return db.execute(select(audit_log).order_by(audit_log.c.id)).all()


def test_changes_and_their_records_are_linked(place, world):
    for name in ("one", "two"):
        data = {}
        with place.change("update_org", world.org, data) as db:
            rename(db, world.org, name)
            data["name"] = name
    first, second = records(place)
    assert [one.data["name"] for one in (first, second)] == ["one", "two"]
    before = ""
    for one in (first, second):
        assert one.chain == link(place.keyring, before, {name: getattr(one, name) for name in HASHED})
        before = one.chain
    assert "two" in names(place)


@pytest.mark.parametrize("failure", [NotFound("no"), KeyboardInterrupt()])
def test_a_refused_change_leaves_nothing(place, world, failure):
    def attempt():
        with place.change("update_org", world.org, {}) as db:
            rename(db, world.org, "half done")
            raise failure

    with pytest.raises(type(failure)):
        attempt()
    assert "half done" not in names(place)
    assert records(place) == []


def test_no_record_no_change(place, world, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError

    monkeypatch.setattr("cogmill.domain.audit_logs.chain.append", fail)
    with pytest.raises(RuntimeError), place.change("update_org", world.org, {}) as db:
        rename(db, world.org, "unrecorded")
    assert "unrecorded" not in names(place)


@pytest.mark.one_database
def test_a_writing_server_is_waited_for(place, world, monkeypatch):
    """A writer that does not end is told of in one sentence."""
    monkeypatch.setattr("cogmill.administration.place.PATIENCE", 0.05)
    other = sqlite3.connect(place.settings.data / "cogmill.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(typer.Exit), opened(place.settings.data) as late, late.change("x", None, {}):
        pass
    other.execute("ROLLBACK")
    other.close()
    with place.change("x", None, {}):
        pass


@pytest.mark.one_database
def test_folders_that_cannot_be_opened(cogmill, settings, tmp_path, monkeypatch):
    monkeypatch.delenv("COGMILL_DATABASE_URL")
    empty = cogmill("organizations", "list", "--data", tmp_path / "none", "--json")
    assert (empty.code, empty.out) == (1, "")
    assert "is not initialised" in empty.error["message"]
    (settings.data / "keys.json").chmod(0o644)
    readable = cogmill("organizations", "list", "--json")
    assert readable.code == 2
    assert "can be read by others" in readable.error["message"]
    (settings.data / "keys.json").chmod(0o600)
    monkeypatch.setenv("COGMILL_DATABASE_URL", "mysql://x")
    assert cogmill("organizations", "list").code == 2
    monkeypatch.setenv("COGMILL_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none")
    unreachable = cogmill("organizations", "list")
    assert unreachable.code == 1
    assert "PostgreSQL at 127.0.0.1:1/none cannot be used" in unreachable.err
    assert "secret" not in unreachable.err


@pytest.mark.one_database
def test_an_older_database_is_not_touched(cogmill, settings):
    database = sqlite3.connect(settings.data / "cogmill.db")
    database.execute("UPDATE alembic_version SET version_num = '0001'")
    database.commit()
    database.close()
    refused = cogmill("organizations", "list")
    assert refused.code == 1
    assert "cogmill init" in refused.err
