"""One organization moves to another instance, beside others: whole, without keys, and without acting in two places."""

import json
from io import BytesIO

import pytest
from sqlalchemy import create_engine, select
from typer.testing import CliRunner

from cogmill.domain.attachments.service import stored_file
from cogmill.kit.db import sqlite_engine
from cogmill.main import app
from cogmill.models import metadata
from cogmill.transfer.archive import Archive, Writer, unpacked
from tests.administration.conftest import Outcome

from .conftest import OTHER, content, parsed


@pytest.fixture
def target(empty_site, database_kind):
    """Another instance, on the other database, with an organization and a person of its own."""
    at = empty_site(OTHER[database_kind])
    at.done("init")
    created = _input(at, "accounts", "create", "somebody@example.org")
    assert created.code == 0, created.err
    return at


def _input(at, *arguments):
    environment = {"COGMILL_DATA": str(at.data), "COGMILL_DATABASE_URL": at.url}
    result = CliRunner().invoke(app, list(arguments), env=environment, input="a long enough password\n")
    return Outcome(result.exit_code, result.stdout, result.stderr)


def rows(at, name):
    url = at.url.replace("postgresql://", "postgresql+psycopg://")
    engine = sqlite_engine(url) if url.startswith("sqlite") else create_engine(url)
    table = metadata.tables[name]
    with engine.connect() as db:
        found = [dict(row) for row in db.execute(select(table).order_by(*table.primary_key)).mappings()]
    engine.dispose()
    return found


async def test_an_organization_moves(site, target, things, server, tmp_path):
    world, file = server.world, tmp_path / "org.cogmill"
    told = site.done("export", file, "--org", world.org)
    assert (told["scope"], told["name"]) == ("organization", "main")
    done = target.done("import", file)
    assert (done["org_id"], done["secrets_to_set"], done["schedules_off"]) == (world.org, 1, 1)
    own, moved = sorted(rows(target, "organization"), key=lambda row: row["name"])
    assert (own["name"], moved["name"]) == ("default", "main")
    assert own["enterprise_id"] == moved["enterprise_id"]
    for command in (("audit", "verify"), ("usage", "verify")):
        assert target(*command, "--json").code == 0, command
    before = parsed(content(file)[0]["session_event"])
    assert [row["contents"] for row in rows(target, "session_event")] == [row["contents"] for row in before]
    (person,) = [row for row in rows(target, "user_account") if row["email"] == "somebody@example.org"]
    known = {row["user_id"]: row for row in rows(target, "user_account")}
    (account,) = things["user_id"]
    assert known.keys() > {account}
    assert known[account]["user_id"] != person["user_id"]
    (kept,) = rows(target, "secret")
    assert (kept["key"], kept["sealed"], kept["note"]) == ("K", "", "[to be set again] ")
    assert [(row["enabled"], row["due_at"]) for row in rows(target, "schedule")] == [(False, None)]
    assert [row["enabled"] for row in rows(target, "automation")] == [False]
    assert rows(target, "automation_trigger") == rows(target, "webhook") == []
    (record,) = [row for row in rows(target, "audit_log") if row["action"] == "import_org"]
    assert record["org_id"] == world.org
    assert record["data"]["people_known"] >= 1
    again = target("import", file)
    assert (again.code, "is here already" in again.err) == (1, True)
    assert (target.data / "forge" / world.org / "own" / "app.git" / "HEAD").exists()


@pytest.mark.one_database
async def test_nothing_secret_and_nobody_else_is_in_it(site, things, server, tmp_path):
    """No hash, no sealed value, no row of another organization, not even in parts."""
    world, file = server.world, tmp_path / "org.cogmill"
    foreign = await (await server.client("stranger")).post(
        f"/v3/organizations/{world.second_org}/sessions", json={"prompt": "Of others."}
    )
    site.done("export", file, "--org", world.org)
    tables, files = content(file)
    everything = b"".join(line for lines in tables.values() for line in lines) + b"".join(files.values())
    hidden = [row["token_hash"] for row in rows(site, "api_key")]
    hidden += [row[name] for table, name in (("secret", "sealed"), ("webhook", "sealed"), ("blueprint_file", "sealed"))
               for row in rows(site, table)]  # fmt: skip
    hidden += [row["hook_secret"] for row in rows(site, "automation")]
    hidden += [world.second_org, foreign.json()["session_id"], world.ids["stranger"], world.ids["outsider"]]
    assert len(hidden) > 10
    assert [one for one in hidden if one and one.encode() in everything] == []


async def test_people_are_known_by_their_address(site, target, things, server, tmp_path):
    """Whoever has an account there keeps it: what was theirs here is theirs there."""
    world, file = server.world, tmp_path / "org.cogmill"
    (email,) = [row["email"] for row in rows(site, "user_account") if row["user_id"] == world.ids["person"]]
    _input(target, "accounts", "create", email)
    (there,) = [row["user_id"] for row in rows(target, "user_account") if row["email"] == email]
    site.done("export", file, "--org", world.org)
    assert target.done("import", file)["people_known"] >= 1
    assert len([row for row in rows(target, "user_account") if row["email"] == email]) == 1
    assert there in {row["user_id"] for row in rows(target, "session")}
    assert world.ids["person"] not in json.dumps(rows(target, "role_assignment"))
    assert target("usage", "verify").code == 0


async def test_numbers_come_behind_those_that_are_there(site, target, things, server, tmp_path):
    world, file = server.world, tmp_path / "org.cogmill"
    site.done("export", file, "--org", world.org)
    first = tmp_path / "second.cogmill"
    site.done("export", first, "--org", world.second_org)
    target.done("import", file)
    made = rows(target, "session")
    target.done("import", first)
    assert rows(target, "session")[: len(made)] == made
    assert target("usage", "verify").code == 0


@pytest.mark.one_database
async def test_running_sessions_are_not_handed_over(site, things, server, sessions, tmp_path):
    made = await sessions.create()
    refused = site("export", tmp_path / "e", "--org", server.world.org)
    assert (refused.code, made["session_id"] in refused.err) == (1, True)
    assert list(tmp_path.glob("*e*")) == []
    await (await server.client("enterprise_admin")).delete(f"/v3/enterprise/organizations/{server.world.org}")
    await sessions.change(made["session_id"], run_state="idle")
    assert site("export", tmp_path / "e", "--org", server.world.org).code == 0


@pytest.mark.one_database
async def test_a_forged_file_reaches_nobody_else(site, things, server, empty_site, tmp_path):
    """Rows and files of others in a file that is whole: refused before anything is written, or with it undone."""
    world, file = server.world, tmp_path / "org.cogmill"
    site.done("export", file, "--org", world.org)
    target = empty_site("sqlite")
    own = target.done("init")["org_id"]
    forged = {
        "service_user": {"org_id": own}, "session": {"id": -5}, "role": {"role_type": "enterprise"},
        "usage_day": {"scope": "enterprise"}, "knowledge_note": {"place": own},
        "snapshot_build": {"context": {"clones": [{"name": "a/b", "folder": "b", "mirror": f"mirrors/{own}/a"}]}},
    }  # fmt: skip
    for name, change in forged.items():
        _forge(file, tmp_path / "forged.cogmill", name, change)
        refused = target("import", tmp_path / "forged.cogmill")
        assert (refused.code, "belongs to somebody else" in refused.err) == (1, True), (name, refused.err)
        target = empty_site("sqlite")
        own = target.done("init")["org_id"]
    for name in ("forge/org-1/a/b.git/hooks/post-receive", "../keys.json", "attachments/../keys.json", "keys.json"):
        _forge(file, tmp_path / "forged.cogmill", "", {}, extra=name)
        refused = target("import", tmp_path / "forged.cogmill")
        assert (refused.code, "cannot be imported" in refused.err) == (1, True), name
    assert target.done("import", file)["org_id"] == world.org


@pytest.mark.one_database
async def test_ids_are_no_paths_and_nothing_runs_by_itself(site, things, server, empty_site, tmp_path):
    """Folders and files are named by ids: a forged one would lead out of the data folder."""
    file, forged, away = tmp_path / "org.cogmill", tmp_path / "forged.cogmill", str(tmp_path / "away")
    site.done("export", file, "--org", server.world.org)
    for name, column in (("session", "session_id"), ("attachment", "attachment_id"), ("snapshot_build", "build_id")):
        for value in (away, "../../away", ".."):
            _forge(file, forged, name, {column: value})
            target = empty_site("sqlite")
            target.done("init")
            refused = target("import", forged)
            assert (refused.code, "is no id" in refused.err) == (1, True), (name, refused.err)
    _forge(file, forged, "", {}, org_id=away)
    refused = target("import", forged)
    assert (refused.code, "is no id of an organization" in refused.err) == (1, True), refused.err
    _forge(file, forged, "session", {"run_state": "queued", "active_since": 1.0})
    target = empty_site("sqlite")
    target.done("init")
    target.done("import", forged)
    assert {(one["run_state"], one["active_since"]) for one in rows(target, "session")} == {("idle", None)}
    for named in (away, "../../keys.json", ".."):  # as messages and requests of a forged log may name files
        with pytest.raises(FileNotFoundError):
            stored_file(tmp_path, named)


def _forge(source, path, table, change, extra=None, **manifest):
    """The same file with other values in the first row of a table, and checksums that fit."""
    with Archive(source) as archive:
        list(archive.check())
        writer, done = Writer(path, archive.manifest | manifest), False
        for part, window in archive.parts():
            if part.table is None:
                continue
            lines = unpacked(window).splitlines(keepends=True)
            if part.table == table and not done:
                lines[0], done = json.dumps(json.loads(lines[0]) | change).encode() + b"\n", True
            writer.add_rows(part.table, lines)
        if extra is not None:
            writer.add_file(extra, BytesIO(b"x"), 1)
        assert done or not table
        writer.finish()
