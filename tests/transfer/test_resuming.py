"""Damaged files change nothing; an import that is cut goes on where it was, and nothing is there twice."""

import os
import random
import shutil
import subprocess
import sys

import pytest

import cogmill.server
from cogmill.access.scope import Scope
from cogmill.engine.loops import deleted_organizations
from cogmill.kit.settings import Settings
from cogmill.preconditions import Unusable
from cogmill.sole_server import take_over
from cogmill.transfer.archive import Archive, Damaged, Writer
from cogmill.web.call import Call

from .conftest import OTHER, content
from .test_round_trip import same


class PowerCut(BaseException):
    """The process ends here."""


@pytest.fixture
async def exported(site, things, tmp_path):
    site.done("export", tmp_path / "e.cogmill")
    return tmp_path / "e.cogmill"


async def test_cut_at_many_places(site, exported, empty_site, database_kind, monkeypatch, tmp_path):
    at, left = empty_site(OTHER[database_kind], site.data / "keys.json"), [0]

    def crash_point(_name):
        left[0] -= 1
        if left[0] == 0:
            raise PowerCut

    monkeypatch.setattr("cogmill.transfer.importing.crash_point", crash_point)
    monkeypatch.setattr("cogmill.transfer.importing.FILES_AT_ONCE", 5)
    cuts = 0
    while True:
        left[0] = 7  # more than FILES_AT_ONCE: each attempt gets further
        try:
            at.done("import", exported)
            break
        except PowerCut:
            cuts += 1
        assert "was cut" in at("organizations", "list").err
    assert cuts > 5
    at.done("export", tmp_path / "again.cogmill")
    same(content(exported), content(tmp_path / "again.cogmill"))
    assert at("audit", "verify").code == 0


@pytest.mark.one_database
async def test_kill_9_and_what_waits_meanwhile(site, exported, empty_site, tmp_path):
    """A real process, really killed; no server, no other file, no other way of importing may come in between."""
    at = empty_site("sqlite", site.data / "keys.json")
    environment = os.environ | {"COGMILL_DATA": str(at.data), "COGMILL_CRASH_AT": "part_imported:20"}
    command = [sys.executable, "-m", "cogmill", "import", str(exported)]
    assert subprocess.run(command, env=environment, check=False, timeout=60).returncode == -9
    settings = Settings(data=at.data)
    with pytest.raises(Unusable, match="was cut"):
        cogmill.server.prepare(settings)
    assert "begun without --new-keys" in at("import", exported, "--new-keys").err
    assert "remove the data folder" in at("import", exported, "--discard").err
    site.done("export", tmp_path / "other.cogmill")
    assert "another file is unfinished" in at("import", tmp_path / "other.cogmill").err
    environment["COGMILL_CRASH_AT"] = ""
    assert subprocess.run(command, env=environment, check=False, timeout=60).returncode == 0
    at.done("export", tmp_path / "again.cogmill")
    same(content(exported), content(tmp_path / "again.cogmill"))


async def test_giving_up_an_organization(site, things, server, empty_site, database_kind, monkeypatch, tmp_path):
    """What is here of it goes as a deleted organization's data do; the others are as they were."""
    world = server.world
    site.done("export", tmp_path / "org.cogmill", "--org", world.org)
    at = empty_site(OTHER[database_kind])
    at.done("init")

    def crash_point(_name):
        nonlocal left
        left -= 1
        if left == 0:
            raise PowerCut

    left = 25
    monkeypatch.setattr("cogmill.transfer.importing.crash_point", crash_point)
    with pytest.raises(PowerCut):
        at("import", tmp_path / "org.cogmill")
    assert at("organizations", "list").code == 1
    assert at.done("import", tmp_path / "org.cogmill", "--discard")["discarded"]
    (shown, _) = sorted(at.done("organizations", "list")["items"], key=lambda one: one["name"])[::-1]
    assert (shown["org_id"], shown["deleted_at"] is None) == (world.org, False)
    assert "was here, and was deleted" in at("import", tmp_path / "org.cogmill").err
    assert at("audit", "verify").code == 0
    settings = Settings(data=at.data, database_url=at.url)
    _app, runtime = cogmill.server.build(settings, cogmill.server.prepare(settings))
    assert await deleted_organizations.run_once(Call(runtime, Scope("", None), "test", None), at.data, 86_400.0) == 1
    await runtime.database.close()
    at.done("export", tmp_path / "rest.cogmill")
    tables, files = content(tmp_path / "rest.cogmill")
    assert {"session", "session_event", "secret", "knowledge_note", "usage_record"} & set(tables) == set()
    assert files == {}
    assert at.done("usage", "verify")["equal"]


@pytest.mark.one_database
async def test_a_running_server_is_refused(site, exported, empty_site):
    at = empty_site("sqlite", site.data / "keys.json")
    with take_over(Settings(data=at.data)):
        refused = at("import", exported)
    assert (refused.code, "Another cogmill server uses" in refused.err) == (1, True)
    assert not (at.data / "cogmill.db").exists()


@pytest.mark.one_database
async def test_damage_is_seen_before_anything_is_written(site, exported, empty_site, tmp_path):
    whole, randomly = exported.read_bytes(), random.Random(7)
    before = content(exported)
    damaged, seen = tmp_path / "damaged", 0
    for _ in range(150):
        place = randomly.randrange(len(whole))
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << randomly.randrange(8)]) + whole[place + 1 :])
        try:
            with Archive(damaged) as archive:
                list(archive.check())
        except Damaged:
            seen += 1
            continue
        assert content(damaged) == before  # it fell on padding
    assert seen > 75
    at = empty_site("sqlite", site.data / "keys.json")
    for cut in [0, 1, 511, 512, 513, *(randomly.randrange(len(whole) - 11_000) for _ in range(30))]:
        damaged.write_bytes(whole[:cut])
        if cut % 4:
            with pytest.raises(Damaged), Archive(damaged) as archive:
                list(archive.check())
            continue
        refused = at("import", damaged, "--json")
        assert (refused.code, "cannot be imported" in refused.error["message"]) == (1, True)
    assert at("import", tmp_path / "none").code == 1
    assert {path.name for path in at.data.iterdir()} == {"keys.json"}


@pytest.mark.one_database
async def test_a_file_that_cannot_be_written_leaves_nothing(site, things, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    assert "There is no such folder" in site("export", tmp_path / "none" / "e").err
    monkeypatch.setattr(Writer, "add_file", full)
    failed = site("export", tmp_path / "out.cogmill", "--json")
    assert (failed.code, failed.error["message"]) == (1, "No space left on device")
    assert list(tmp_path.glob("*out*")) == []
    assert shutil.which("tar") is None or list(tmp_path.glob(".*")) == []
