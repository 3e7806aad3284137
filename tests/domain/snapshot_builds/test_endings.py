"""A build ends, whatever fails around it: one that stays `running` would let no other of its organization begin."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from cogmill.access.scope import Scope
from cogmill.domain.snapshot_builds import runs
from cogmill.engine.snapshots import build as building
from cogmill.engine.snapshots.build import Build
from cogmill.web.call import Call


@pytest.fixture
async def run(server):
    """Triggers a build, runs it, and shows how it ended."""
    org = await server.client("org_admin")
    base = f"/v3beta1/organizations/{server.world.org}/snapshot-setup/builds"
    call = Call(server.runtime, Scope("", None), "test", None)

    async def one():
        build_id = (await org.post(base, json={})).json()["build_id"]
        row = await call.write(runs.claim_next)
        await asyncio.wait_for(Build(server.runtime, None, None, row, asyncio.Event()).run(), 10)
        return (await org.get(f"{base}/{build_id}")).json()

    return one


async def test_a_full_disk_takes_the_log_but_not_the_end(run, monkeypatch):
    monkeypatch.setattr(building, "log_file", lambda _data, _build_id: Path("/dev/full"))
    ended = await run()
    assert ended["status"] == "failed"
    assert "There is no blueprint" in ended["failed_step"]


async def test_a_snapshot_that_cannot_be_put_into_its_place_fails_the_build(run, monkeypatch):
    async def make(_build):
        return {}  # and nothing lies where the work would have been done

    monkeypatch.setattr(Build, "_make", make)
    ended = await run()
    assert (ended["status"], "cannot be put into its place" in ended["failed_step"]) == ("failed", True)


async def test_an_end_that_cannot_be_written_is_written_later(run, monkeypatch):
    end, asked = runs.end, []

    def fails_once(*args):
        asked.append(args)
        if len(asked) == 1:
            raise OperationalError("UPDATE", {}, Exception("database or disk is full"))
        return end(*args)

    monkeypatch.setattr(runs, "end", fails_once)
    monkeypatch.setattr(building, "AGAIN_SECONDS", 0.01, raising=False)
    assert (await run())["status"] == "failed"
    assert len(asked) == 2
