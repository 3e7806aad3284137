"""Builds over HTTP: one after the other, filters, cancel, pins; which snapshots are given up."""

import pytest
from sqlalchemy import insert, update

from cogmill.access.scope import Scope
from cogmill.domain.snapshot_builds import runs
from cogmill.engine.loops.snapshots import run_once
from cogmill.models.environments import session_snapshot, snapshot_build
from cogmill.web.call import Call

DAY = 24 * 3600


@pytest.fixture
def base(server):
    return f"/v3beta1/organizations/{server.world.org}/snapshot-setup/builds"


@pytest.fixture
async def org(server):
    return await server.client("org_admin")


@pytest.fixture
def builds(server, org, base):
    class Builds:
        async def trigger(self, expect=201):
            answer = await org.post(base, json={})
            assert answer.status_code == expect, answer.text
            return answer.json().get("build_id")

        async def change(self, build_id, **values):
            query = update(snapshot_build).where(snapshot_build.c.build_id == build_id).values(**values)
            await server.write(lambda ctx: ctx.db.execute(query))

        async def done(self, age=0.0):
            build_id = await self.trigger()
            at = server.runtime.clock() - age
            await self.change(build_id, status="succeeded", started_at=at, completed_at=at)
            return build_id

        async def ask(self, method, path, expect=200, **more):
            answer = await org.request(method, base + path, **more)
            assert answer.status_code == expect, answer.text
            return answer.json()

        async def ids(self, query=""):
            return [one["build_id"] for one in (await self.ask("GET", f"?{query}"))["items"]]

    return Builds()


async def test_a_build_waits_and_can_be_cancelled(builds):
    build_id = await builds.trigger()
    shown = await builds.ask("GET", f"/{build_id}")
    assert (shown["status"], shown["trigger"], shown["started_at"], shown["pinned"]) == (
        "pending",
        "manual",
        None,
        False,
    )
    for _ in range(2):
        assert (await builds.ask("POST", f"/{build_id}/cancel"))["status"] == "cancelled"
    finished = await builds.done()
    assert (await builds.ask("POST", f"/{finished}/cancel"))["status"] == "succeeded"
    assert await builds.ids() == [finished, build_id]
    assert await builds.ids("status=cancelled") == [build_id]
    assert await builds.ids("active=true&status=cancelled") == []
    for _ in range(5):
        await builds.trigger()
    await builds.trigger(409)


async def test_builds_of_one_organization_are_claimed_one_after_the_other(server, builds):
    first, second = await builds.trigger(), await builds.trigger()
    claimed = await server.write(runs.claim_next)
    assert (claimed.build_id, claimed.status, claimed.attempt) == (first, "running", 1)
    assert await server.write(runs.claim_next) is None
    assert await server.write(lambda ctx: runs.end(ctx, claimed, None, {}))
    assert not await server.write(lambda ctx: runs.end(ctx, claimed, "again", None))
    later = await server.write(runs.claim_next)
    assert later.build_id == second
    for attempt in (2, 3):
        assert await server.write(runs.take_up) == []
        again = await server.write(runs.claim_next)
        assert (again.build_id, again.attempt) == (second, attempt)
        assert not await server.write(lambda ctx: runs.end(ctx, later, None, {}))
    assert [one.build_id for one in await server.write(runs.take_up)] == [second]
    assert "went down 3 times" in (await builds.ask("GET", f"/{second}"))["failed_step"]


async def test_only_a_young_build_that_succeeded_is_pinned(builds):
    old, pending = await builds.done(7 * DAY + 1), await builds.trigger()
    assert "older than 7 days" in (await builds.ask("POST", f"/{old}/pin", 409, json={}))["detail"]
    assert "is pending" in (await builds.ask("POST", f"/{pending}/pin", 409, json={}))["detail"]
    one, two = await builds.done(6 * DAY), await builds.done()
    assert await builds.ids("active=true") == [two]
    for build_id in (one, one):
        assert (await builds.ask("POST", f"/{build_id}/pin", json={}))["pinned"]
    assert await builds.ids("active=true") == [one]
    await builds.ask("POST", f"/{two}/pin", json={})
    assert not (await builds.ask("GET", f"/{one}"))["pinned"]
    for _ in range(2):
        assert not (await builds.ask("DELETE", f"/{two}/pin"))["pinned"]


async def test_snapshots_go_when_nobody_can_start_from_them(server, builds, sessions, settings):
    old, used, pinned, newest = [await builds.done(3 * DAY) for _ in range(4)]
    await builds.ask("POST", f"/{pinned}/pin", json={})
    running, cut = await builds.trigger(), "build-unknown"
    await builds.change(running, status="running")
    row = await sessions.row((await sessions.create())["session_id"])
    tie = insert(session_snapshot).values(session=row.id, build_id=used)
    await server.write(lambda ctx: ctx.db.execute(tie))
    for name in (old, used, pinned, newest, running, cut):
        (settings.data / "snapshots" / name / "workspace").mkdir(parents=True)
    for name in (running, cut):
        (settings.data / "builds" / name).mkdir()
    call = Call(server.runtime, Scope("", None), "test", None)
    assert await run_once(call, settings.data, 4 * DAY, {running}) == 1
    assert await run_once(call, settings.data, DAY, {running}) == 1
    left = {path.name for path in (settings.data / "snapshots").iterdir()}
    assert left == {used, pinned, newest, running}
    assert [path.name for path in (settings.data / "builds").iterdir()] == [running]
    await sessions.ask("DELETE", row.session_id)
    await builds.ask("DELETE", f"/{pinned}/pin")
    assert await run_once(call, settings.data, DAY, {running}) == 2
    assert await builds.ids("active=true") == [newest]


async def test_the_log_of_a_build_that_has_not_begun_is_empty(server, builds):
    build_id = await builds.trigger()
    link = await builds.ask("GET", f"/{build_id}/logs")
    nobody = await server.client()
    answer = await nobody.get(link["url"].removeprefix("http://127.0.0.1:8400"))
    assert (answer.status_code, answer.text) == (200, "")
