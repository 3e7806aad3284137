"""Archiving a session closes the open pull requests of its children: at once here, by the loop at providers."""

import pytest
from sqlalchemy import select

from cogmill.domain.pull_requests.closing import AGAIN_AFTER
from cogmill.domain.pull_requests.service import open_or_update
from cogmill.engine.loops import pull_requests as loop
from cogmill.models.audit import audit_log

LOCAL = {
    "repo": "acme/lib", "title": "Title", "body": "", "branch": "cogmill/y", "base_branch": "main",
    "base_commit": "a" * 40, "head_commit": "b" * 40,
}  # fmt: skip
each_provider = pytest.mark.parametrize("known", ["github", "gitlab", "gitea"], indirect=True)


async def open_here(known, session_id, branch):
    row = await known.sessions.row(session_id)
    return await known.server.write(
        lambda ctx: open_or_update(ctx, row.id, LOCAL | {"branch": branch})[0], org=row.org_id
    )


def writes(known):
    return [one for one in known.provider.seen if one.method in {"PATCH", "PUT"}]


async def states(known, session_id):
    return [one["pr_state"] for one in (await known.sessions.ask("GET", session_id))["pull_requests"]]


@each_provider
async def test_archiving_closes_those_of_the_children_and_no_others(known):
    await known.allow()
    grandchild = (await known.sessions.create(parent=known.session_id))["session_id"]
    mine, theirs = await open_here(known, known.parent_id, "a"), await open_here(known, grandchild, "b")
    asked = len(known.provider.seen)
    await known.sessions.ask("POST", known.parent_id, "/archive")
    assert len(known.provider.seen) == asked  # a slow provider delays no request
    assert await states(known, grandchild) == ["closed"]
    record = await known.server.read(
        lambda ctx: ctx.db.execute(select(audit_log.c.data).where(audit_log.c.action == "archive_session")).scalar_one()
    )
    at_provider = (await known.row()).pull_request_id
    assert sorted(record["closes_pull_requests"]) == sorted([theirs.pull_request_id, at_provider])
    # The provider fails first: told in the session's log, tried again.
    token, known.provider.token = known.provider.token, "other"
    due = await loop.run_once(known.call)
    assert due == pytest.approx(known.server.runtime.clock() + AGAIN_AFTER[0], abs=5)
    (told,) = await known.contents("pull_request_not_closed")
    assert (told["is_given_up"], told["number"]) == (False, 7)
    assert "401" in told["reason"]
    known.provider.token = token
    await known.make_due()
    assert await loop.run_once(known.call) is None
    assert (known.provider.pulls[0].state, await known.state(), await known.told()) == ("closed", "closed", ["closed"])
    assert len(writes(known)) == 1
    assert await states(known, known.parent_id) == ["open"]
    # Archived again, asked again, opened again by somebody: nothing is done twice.
    await known.sessions.ask("POST", known.parent_id, "/archive")
    known.provider.pulls[0].state = "open"
    await known.deliver(*known.delivery())
    await loop.run_once(known.call)
    assert (known.provider.pulls[0].state, len(writes(known))) == ("open", 1)
    assert mine.number == 1


@each_provider
async def test_what_was_merged_meanwhile_or_closed_before_a_crash_is_left_alone(known):
    await known.allow()
    known.merge()
    await known.sessions.ask("DELETE", known.parent_id, "?archive=true")
    claimed = await known.call.write(loop._claim)  # a process that dies before it has written down the answer
    connections = await known.call.read(lambda ctx: loop._connections(claimed, ctx))
    await loop._ask(known.call, claimed[0], connections[claimed[0].git_connection_id])
    await known.make_due()
    assert await loop.run_once(known.call) is None
    assert (await known.state(), await known.told(), writes(known)) == ("merged", ["merged"], [])
    assert (await known.row()).close_attempts is None


async def test_without_permission_nothing_is_closed_and_a_connection_that_is_gone_ends_it(known):
    await known.allow(read_only=True)
    await known.sessions.ask("POST", known.parent_id, "/archive")
    await loop.run_once(known.call)
    (told,) = await known.contents("pull_request_not_closed")
    assert "git permissions" in told["reason"]
    assert known.provider.pulls[0].state == "open"
    await known.make_due()
    await loop.run_once(known.call)  # the second failure is no news
    assert len(await known.contents("pull_request_not_closed")) == 1
    path = f"/v3/enterprise/organizations/{known.server.world.org}/git-providers/permissions"
    await known.top.delete(path)
    await known.top.delete(f"/cogmill/v1/enterprise/git-connections/{known.connection['git_connection_id']}")
    await known.make_due()
    assert await loop.run_once(known.call) is None
    assert [one["is_given_up"] for one in await known.contents("pull_request_not_closed")] == [False, True]
    assert (await known.state(), (await known.row()).close_attempts) == ("open", None)


async def test_it_is_given_up_after_some_hours(known):
    await known.allow()
    known.provider.token = "other"
    await known.sessions.ask("POST", known.parent_id, "/archive")
    for _ in AGAIN_AFTER:
        await loop.run_once(known.call)
        await known.make_due()
    assert (await known.row()).close_attempts == len(AGAIN_AFTER)
    await loop.run_once(known.call)
    assert [one["is_given_up"] for one in await known.contents("pull_request_not_closed")] == [False, True]
    row = await known.row()
    assert row.close_attempts is None
    assert row.check_at is not None  # how it stands is still of interest
