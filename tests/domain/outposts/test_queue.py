"""Sessions in the queue of an outpost, on both databases: who may use it, who gets what, and what watchers are told."""

import asyncio
import json
from functools import partial

import pytest
from sqlalchemy import select

from cogmill.domain.outposts import claims
from cogmill.domain.outposts.room import FINISHED, make_room
from cogmill.domain.outposts.watch import watch
from cogmill.domain.sessions.log import append
from cogmill.domain.sessions.states import Detail, State, Status
from cogmill.models.sessions import session

from .conftest import QUEUE


class Clock:
    """A time that tests set."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(server):
    clock = Clock()
    object.__setattr__(server.runtime, "clock", clock)
    return clock


def row_of(session_id, ctx):
    return ctx.db.execute(select(session).where(session.c.session_id == session_id)).one()


async def test_an_outpost_is_made_shown_and_deleted_by_administrators(server, outpost):
    made = await outpost.ask("GET", f"/opbeta/outposts/{outpost.outpost_id}")
    assert made["spec"] == {
        "name": "Basement", "platform": "linux", "description": None, "allowed_org_ids": [server.world.org],
    }  # fmt: skip
    assert made["metadata"]["account_id"] == server.world.enterprise
    assert made["status"] == {"queue_depth": 0, "active_claims": 0}
    assert (await outpost.ask("GET", "/opbeta/outposts"))["items"] == [made]
    for body, status in (({"name": "Basement"}, 409), ({"name": ""}, 422), ({}, 422)):
        await outpost.ask("POST", "/opbeta/outposts", status, json=body)
    unknown = {"name": "x", "allowed_org_ids": [server.world.foreign_org]}
    await outpost.ask("POST", "/opbeta/outposts", 404, json=unknown)

    session_id = await outpost.session()
    refused = await outpost.ask("DELETE", f"/opbeta/outposts/{outpost.outpost_id}", 409)
    assert "1 sessions of this outpost have not ended" in refused["detail"]
    await outpost.of_session(session_id)
    where = f"/v3beta1/organizations/{server.world.org}/default-platform"
    chosen = await outpost.ask("PUT", where, json={"outpost_pool_id": outpost.outpost_id})
    assert chosen == {"platform": None, "outpost_pool_id": outpost.outpost_id, "outpost_pool_name": "Basement"}
    assert await outpost.ask("GET", where) == chosen
    refused = await outpost.ask("DELETE", f"/opbeta/outposts/{outpost.outpost_id}", 409)
    assert f"default platform of organization {server.world.org}" in refused["detail"]
    await outpost.ask("PUT", where, json={})
    assert await outpost.ask("DELETE", f"/opbeta/outposts/{outpost.outpost_id}") == made
    await outpost.ask("GET", f"/opbeta/outposts/{outpost.outpost_id}", 404)
    logged = await outpost.ask("GET", "/v3/enterprise/audit-logs")
    assert {"create_outpost", "delete_outpost"} <= {one["action"] for one in logged["items"]}


async def test_only_organizations_that_are_allowed_may_use_it(server, outpost):
    elsewhere = {"prompt": "Go.", "platform": outpost.outpost_id}
    for caller, org in (("foreigner", server.world.foreign_org), ("stranger", server.world.second_org)):
        client = await server.client(caller)
        answer = await client.post(f"/v3/organizations/{org}/sessions", json=elsewhere)
        assert answer.status_code == 400
        assert answer.json()["detail"] == (
            f"platform: there is no outpost '{outpost.outpost_id}' that this organization may use."
        )
        schedule = {"name": "n", "prompt": "p", "frequency": "0 3 * * *", "platform": outpost.outpost_id}
        answer = await client.post(f"/v3/organizations/{org}/schedules", json=schedule)
        assert answer.status_code == 400
    foreign = await server.client("foreign_admin")
    session_id = await outpost.session()
    assert (await foreign.get(f"{QUEUE}/{session_id}")).status_code == 404
    assert (await foreign.post(f"{QUEUE}/{session_id}/claim", json={"acceptor_id": "w"})).status_code == 404
    assert (await foreign.get(QUEUE)).json()["items"] == []
    assert (await (await server.client("org_admin")).get(QUEUE)).status_code == 403
    assert "ids of outposts" in await outpost.session(400, platform="windows")


async def test_a_session_waits_and_takes_no_place_of_this_server(server, outpost):
    session_id = await outpost.session()
    assert server.engine.queued == []
    shown = await outpost.of_session(session_id, "GET")
    assert shown["status"] == "new"
    entry = await outpost.entry(session_id)
    assert entry["metadata"] | {"created_at": 0, "updated_at": 0} == {
        "session_id": session_id, "outpost_id": outpost.outpost_id, "created_at": 0, "updated_at": 0,
    }  # fmt: skip
    assert entry["spec"] == {
        "kind": "new", "platform": "linux", "remote_binary_sha": None,
        "network_policy": {"enabled": True, "allow": []},
    }  # fmt: skip
    assert entry["status"] == {
        "phase": "pending", "acceptor_id": None, "claim_deadline": None, "session_status": "pending",
        "connect_token": None, "gateway_url": None,
    }  # fmt: skip
    assert await outpost.listed(phase="pending") == [session_id]
    assert (await outpost.ask("GET", f"/opbeta/outposts/{outpost.outpost_id}"))["status"]["queue_depth"] == 1
    assert (await outpost.ask("GET", "/v3/enterprise/queue"))["queue_size"] == 0
    child = {"prompt": "Go.", "platform": "inherit"}
    client = await server.client("org_admin")
    made = await client.post(server.sessions, json=child, params={"devin_id": session_id})
    assert await outpost.listed() == [session_id, made.json()["session_id"]]
    where = f"/v3beta1/organizations/{server.world.org}/default-platform"
    await outpost.ask("PUT", where, json={"outpost_pool_id": outpost.outpost_id})
    third = (await client.post(server.sessions, json={"prompt": "Go."})).json()["session_id"]
    first = await outpost.ask("GET", QUEUE, params={"first": 2})
    assert first["has_next_page"]
    rest = await outpost.ask("GET", QUEUE, params={"cursor": first["cursor"]})
    assert [one["metadata"]["session_id"] for one in rest["items"]] == [third]
    assert not rest["has_next_page"]
    await outpost.ask("GET", QUEUE, 422, params={"cursor": "x"})


async def test_one_of_many_claims_it_and_has_to_connect_in_time(server, outpost, clock):
    session_id = await outpost.session()
    client = await server.client("enterprise_admin")
    claiming = [client.post(f"{QUEUE}/{session_id}/claim", json={"acceptor_id": f"w{n}"}) for n in range(6)]
    answers = await asyncio.gather(*claiming)
    (won,) = [one.json() for one in answers if one.status_code == 200]
    holder = won["status"]["acceptor_id"]
    assert [one.json()["detail"] for one in answers if one.status_code != 200] == [
        f"{session_id} is claimed by '{holder}'."
    ] * 5
    assert won["status"]["phase"] == "claimed"
    assert won["status"]["gateway_url"] == "ws://127.0.0.1:8400/opbeta/outposts/gateway"
    assert won["status"]["claim_deadline"] == "2027-01-15T08:02:00.000Z"
    assert await outpost.listed(phase="pending") == []
    assert await outpost.listed(phase="claimed", acceptor_id=holder) == [session_id]
    await outpost.release(session_id, "somebody", 409)
    again = await outpost.claim(session_id, holder)
    tokens = [one["status"]["connect_token"] for one in (won, again)]
    assert tokens[0] != tokens[1]
    assert (await outpost.entry(session_id))["status"]["connect_token"] is None

    async def connect(token):
        return await server.write(lambda ctx: claims.connect(ctx, session_id, token))

    with pytest.raises(claims.Refused):
        await connect(tokens[0])  # the one that was replaced
    clock.now += 121
    with pytest.raises(claims.Refused):
        await connect(tokens[1])
    assert await server.write(claims.expire) is None
    assert await outpost.listed(phase="pending") == [session_id]
    token = (await outpost.claim(session_id, "other"))["status"]["connect_token"]
    row = await connect(token)
    assert row.connection is not None
    with pytest.raises(claims.Refused):
        await connect(token)  # it counts once
    clock.now += 1000
    assert await server.write(claims.expire) is None
    assert (await outpost.entry(session_id))["status"]["claim_deadline"] is None
    await outpost.claim(session_id, "w1", 409)
    await server.write(lambda ctx: claims.disconnect(ctx, row.session, "link-of-before", "x"))
    assert await outpost.listed(phase="claimed") == [session_id]
    await server.write(lambda ctx: claims.disconnect(ctx, row.session, row.connection, "Worker other was lost"))
    assert await outpost.listed(phase="pending") == [session_id]
    actions = [one["action"] for one in (await outpost.ask("GET", "/v3/enterprise/audit-logs"))["items"]]
    assert actions.count("claim_outpost_session") == 3 + 6  # refused ones are recorded as well


async def test_a_release_ends_the_run_and_the_entry_waits_at_once(server, outpost):
    session_id = await outpost.session()
    token = (await outpost.claim(session_id))["status"]["connect_token"]
    row = await server.write(lambda ctx: claims.connect(ctx, session_id, token))
    running = {"run_state": "running", "next_epoch": 1, "active_since": 1.0}
    state = State(Status.RUNNING, Detail.WORKING)
    await server.write(lambda ctx: append(ctx, row.session, session_id, [], state=state, **running))
    assert (await outpost.entry(session_id))["status"]["session_status"] == "running"
    entry = await outpost.release(session_id)
    assert (entry["status"]["phase"], entry["spec"]["kind"]) == ("pending", "resume")
    assert await outpost.listed(phase="pending") == [session_id]
    after = await server.read(partial(row_of, session_id))
    assert (after.run_state, after.epoch, server.engine.stopped) == ("queued", 2, [row.session])
    await outpost.release(session_id)  # nobody has it: nothing to do
    assert (await server.read(partial(row_of, session_id))).epoch == 2


async def test_a_session_that_sleeps_keeps_its_entry_and_comes_back_to_be_resumed(server, outpost):
    session_id = await outpost.session()
    token = (await outpost.claim(session_id))["status"]["connect_token"]
    row = await server.write(lambda ctx: claims.connect(ctx, session_id, token))
    await outpost.of_session(session_id, "POST", "/messages", json={"message": "And?"})
    client = await server.client("org_admin")
    asleep = f"/cogmill/v1/organizations/{server.world.org}/sessions/{session_id}/sleep"
    assert (await client.post(asleep)).status_code == 200
    await server.write(lambda ctx: claims.disconnect(ctx, row.session, row.connection, "asleep"))
    entry = await outpost.entry(session_id)
    assert (entry["status"]["phase"], entry["status"]["session_status"]) == ("claimed", "suspended")
    await outpost.release(session_id)
    entry = await outpost.entry(session_id)
    assert (entry["status"]["phase"], entry["status"]["session_status"]) == ("pending", "suspended")
    assert await outpost.listed(phase="pending") == []  # there is nothing to be done for it
    assert await outpost.listed() == [session_id]
    await outpost.claim(session_id, "w1", 409)
    await outpost.of_session(session_id, "POST", "/messages", json={"message": "Go on."})
    entry = await outpost.entry(session_id)
    assert (entry["spec"]["kind"], entry["status"]["session_status"]) == ("resume", "pending")
    assert await outpost.listed(phase="pending") == [session_id]


async def test_watchers_are_told_of_every_change_from_their_cursor_on(server, outpost):
    first, second = await outpost.session(), await outpost.session()
    start = (await outpost.ask("GET", QUEUE))["cursor"]
    call = (await server.client("enterprise_admin")).get
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call(QUEUE, params={"watch": "true", "cursor": start}), 0.3)

    from cogmill.access.scope import Scope
    from cogmill.domain.outposts.schemas import EntriesQuery
    from cogmill.web.call import Call

    inside = Call(server.runtime, Scope(server.world.enterprise, None), "test", None)

    async def events(cursor, count):
        stream, found = await watch(inside, EntriesQuery(cursor=cursor)), []
        async with asyncio.timeout(10):
            async for chunk in stream:
                if chunk.startswith(b"data: "):
                    found.append(json.loads(chunk[6:]))
                if len(found) == count:
                    break
        await stream.aclose()
        return found

    told = await events(None, 2)
    assert [(one["type"], one["object"]["metadata"]["session_id"]) for one in told] == [
        ("MODIFIED", first), ("MODIFIED", second),
    ]  # fmt: skip
    assert told[-1]["cursor"] == start
    waiting = asyncio.create_task(events(start, 2))
    await asyncio.sleep(0)
    await outpost.claim(first)
    await outpost.of_session(second)
    told = await waiting
    assert [(one["type"], one["object"]["status"]["phase"]) for one in told] == [
        ("MODIFIED", "claimed"), ("DELETED", "pending"),
    ]  # fmt: skip
    assert told[1]["object"]["status"]["session_status"] == "terminated"
    await outpost.entry(second, 404)
    assert await outpost.listed() == [first]
    (left,) = await events(None, 1)
    assert left["object"]["metadata"]["session_id"] == first
    server.runtime.hub.close()


async def test_a_server_that_begins_finds_no_worker_connected(server, outpost):
    session_id = await outpost.session()
    token = (await outpost.claim(session_id))["status"]["connect_token"]
    await server.write(lambda ctx: claims.connect(ctx, session_id, token))
    waiting = await outpost.session()
    await outpost.claim(waiting)
    await server.write(claims.forget_connections)
    assert await outpost.listed(phase="pending") == [session_id]
    assert await outpost.listed(phase="claimed") == [waiting]  # which may still connect


async def test_a_finished_session_makes_room_for_one_that_waits(server, outpost, clock):
    finished, busy, waiting = [await outpost.session() for _ in range(3)]
    for number, (session_id, detail) in enumerate(((finished, Detail.FINISHED), (busy, Detail.WAITING_FOR_USER))):
        token = (await outpost.claim(session_id, f"w{number}"))["status"]["connect_token"]
        row = await server.write(partial(claims.connect, session_id=session_id, token=token))
        idle = {"run_state": "idle", "idle_since": clock.now, "state": State(Status.RUNNING, detail)}
        await server.write(partial(append, row_id=row.session, session_id=session_id, events=[], **idle))

    async def details():
        rows = [await server.read(partial(row_of, one)) for one in (finished, busy, waiting)]
        return [one.status_detail for one in rows]

    clock.now += 5
    assert await server.write(make_room) == clock.now + FINISHED - 5  # somebody may still write to it
    clock.now += FINISHED
    await server.write(make_room)
    assert await details() == [Detail.INACTIVITY, Detail.WAITING_FOR_USER, None]
    await outpost.release(finished, "w0")
    await outpost.claim(waiting, "w0")
    assert await server.write(make_room) is None  # nobody waits
