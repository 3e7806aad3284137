"""An instance moves from one database to the other and back, and everything in it is as it was."""

import sqlite3

import pytest
from sqlalchemy import text

import cogmill.server
from cogmill.kit.crypto import load_keys
from cogmill.kit.settings import Settings

from .conftest import OTHER, content, parsed

MADE_ANEW = {"audit_log", "index_job", "indexed_branch", "snapshot_build"}
"""The first grows by records of exports and imports; the others stand for files that are made anew."""


def same(one, other):
    """Equal, table by table, so that a difference is told by its name."""
    assert one[0].keys() == other[0].keys()
    for name, lines in one[0].items():
        if name not in MADE_ANEW:
            assert lines == other[0][name], name
    assert one[1] == other[1]


async def test_there_and_back_again(site, things, empty_site, database_kind, tmp_path):
    files = [tmp_path / f"{number}.cogmill" for number in range(3)]
    told = site.done("export", files[0])
    assert (told["scope"], files[0].stat().st_mode & 0o777) == ("instance", 0o600)
    before, at = content(files[0]), site
    for number, kind in enumerate((OTHER[database_kind], database_kind)):
        at = empty_site(kind, site.data / "keys.json")
        done = at.done("import", files[number])
        assert done["rows"] == sum(len(lines) for lines in content(files[number])[0].values())
        for command in (("audit", "verify"), ("usage", "verify"), ("metrics", "verify")):
            assert at(*command, "--json").code == 0, command
        at.done("export", files[number + 1])
        same(before, content(files[number + 1]))
    assert len(before[0]["session_event"]) > 10
    assert len(before[0]["usage_record"]) >= 3
    assert {name.split("/")[0] for name in before[1]} == {"attachments", "forge"}
    actions = [row["action"] for row in parsed(content(files[2])[0]["audit_log"])]
    assert actions[-4:] == ["import_instance", "export_instance", "import_instance", "export_instance"]


async def test_an_imported_instance_serves(site, things, server, empty_site, database_kind, tmp_path, monkeypatch):
    """Keys work, notes are found, secrets open, new rows get new numbers."""
    import httpx

    file = tmp_path / "e.cogmill"
    site.done("export", file)
    at = empty_site(OTHER[database_kind], site.data / "keys.json")
    at.done("import", file)
    settings = Settings(data=at.data, database_url=at.url)
    installation = cogmill.server.prepare(settings)
    assert installation.first_keys is None
    app, _runtime = cogmill.server.build(settings, installation)
    headers = {"authorization": f"Bearer {server.world.tokens['org_admin']}"}
    base = f"/v3/organizations/{server.world.org}"
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", headers=headers) as client,
    ):
        found = (await client.get(f"{base}/knowledge/notes?search=zebras")).json()
        made = await client.post(f"{base}/sessions", json={"prompt": "Again"})
        assert made.status_code == 200, made.text
        listed = (await client.get(f"{base}/sessions")).json()["items"]
        file = await client.get(f"{base}/attachments/{things['uuid'][1]}/a.bin", follow_redirects=True)
    assert [one["note_id"] for one in found["items"]] == things["zebras"]
    assert listed[0]["session_id"] == made.json()["session_id"]
    assert file.content == bytes(range(256)) * 5000


async def test_without_the_keys_file(site, things, empty_site, database_kind, tmp_path):
    """Refused in words; with --new-keys the rest comes, under a chain that the new keys prove."""
    file = tmp_path / "e.cogmill"
    site.done("export", file)
    at = empty_site(database_kind)
    refused = at("import", file, "--json")
    assert (refused.code, "keys.json is missing" in refused.error["message"]) == (1, True)
    done = at.done("import", file, "--new-keys")
    assert done["enterprise_key"].startswith("cog_")
    assert done["secrets_to_set"] == 1
    assert at.done("audit", "verify")["sound"]
    assert at.done("usage", "verify")["equal"]
    at.done("export", tmp_path / "again.cogmill")
    tables, _ = content(tmp_path / "again.cogmill")
    (kept,) = parsed(tables["secret"])
    assert (kept["key"], kept["sealed"]) == ("K", "")
    assert kept["note"].startswith("[to be set again]")
    assert len(tables["api_key"]) == 1
    assert {"webhook", "git_connection", "session_secret", "blueprint_file"} & set(tables) == set()


@pytest.mark.one_database
async def test_keys_that_do_not_fit_are_refused(site, things, empty_site, tmp_path, monkeypatch):
    site.done("export", tmp_path / "e.cogmill")
    at = empty_site("sqlite", site.data / "keys.json")
    kept = (at.data / "keys.json").read_text()
    monkeypatch.setenv("COGMILL_MASTER_KEY", "A" * 43 + "=")
    other = empty_site("sqlite")
    other.done("init")
    (at.data / "keys.json").write_bytes((other.data / "keys.json").read_bytes())
    assert "holds other keys" in at("import", tmp_path / "e.cogmill").err
    (at.data / "keys.json").write_text(kept)
    assert load_keys(at.data / "keys.json").master
    assert not (at.data / "cogmill.db").exists()
    taken = other("import", tmp_path / "e.cogmill", "--new-keys")
    assert (taken.code, "holds an instance already" in taken.err) == (1, True)


@pytest.mark.one_database
async def test_an_older_export_is_migrated(site, things, empty_site, tmp_path):
    """The rows as the database held them before its last migrations; what those make of them is there at the end."""
    from cogmill.kit.db import sqlite_engine
    from cogmill.migrations.upgrade import downgrade
    from cogmill.transfer.archive import Writer
    from cogmill.transfer.rows import encoded
    from cogmill.transfer.tables import ORDER

    site.done("export", tmp_path / "new.cogmill")
    engine = sqlite_engine(site.url)
    downgrade(engine, "0018")
    there = {name for (name,) in sqlite3.connect(site.data / "cogmill.db").execute("SELECT name FROM sqlite_master")}
    manifest = {"format": "cogmill-export", "version": 1, "cogmill": "0.0", "revision": "0018", "scope": "instance"}
    manifest |= {"org_id": None, "name": None, "enterprise_id": "e", "exported_at": 1, "keys": ""}
    manifest["keys"] = load_keys(site.data / "keys.json").fingerprint
    writer = Writer(tmp_path / "old.cogmill", manifest)
    with engine.connect() as db:
        for table in [one for one in ORDER if one.name in there]:
            raw = db.execute(text(f"SELECT * FROM {table.name}")).mappings()
            names = list(raw.keys())
            typed = table.select().with_only_columns(*(table.c[name] for name in names))
            if rows := db.execute(typed).mappings().all():
                writer.add_rows(table.name, list(encoded(rows, _Columns(table, names))))
    writer.finish()
    at = empty_site("sqlite", site.data / "keys.json")
    at.done("import", tmp_path / "old.cogmill")
    assert at.done("usage", "verify")["equal"]
    at.done("export", tmp_path / "again.cogmill")
    tables, _ = content(tmp_path / "again.cogmill")
    assert len(tables["usage_record"]) >= 3
    assert tables["session_event"] == content(tmp_path / "new.cogmill")[0]["session_event"]
    engine.dispose()


class _Columns:
    """A table with some of its columns."""

    def __init__(self, table, names):
        self.c = [table.c[name] for name in names]


@pytest.mark.one_database
async def test_a_newer_export_is_refused(site, empty_site, tmp_path):
    from cogmill.transfer.archive import Writer

    for change, said in (
        ({"revision": "9999"}, "newer Cogmill"),
        ({"version": 2}, "format 2"),
        ({"scope": "all"}, "what it is"),
    ):
        manifest = {"format": "cogmill-export", "version": 1, "revision": "0001", "scope": "instance"}
        manifest |= dict.fromkeys(("cogmill", "org_id", "name", "enterprise_id", "exported_at", "keys")) | change
        Writer(tmp_path / "e.cogmill", manifest).finish()
        refused = empty_site("sqlite")("import", tmp_path / "e.cogmill")
        assert (refused.code, said in refused.err) == (1, True), refused.err
