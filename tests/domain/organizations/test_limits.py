"""Limits of organizations and of their groups, and what they do to sessions."""

import pytest
from sqlalchemy import select

from cogmill.engine.store import claim
from cogmill.models.sessions import session_event

GROUPS = "/v3/enterprise/org-group-limits"


async def put(enterprise, expect=200, **groups):
    return await enterprise.ask("PUT", GROUPS, json={"groups": groups}, expect=expect)


@pytest.mark.parametrize(
    ("of_org", "of_session", "effective"), [(None, None, None), (5, None, 5), (None, 3, 3), (5, 3, 3), (2, 3, 2)]
)
async def test_the_smaller_of_both_session_limits_counts(
    enterprise, server, sessions, org, of_org, of_session, effective
):
    await enterprise.org("PATCH", org, max_session_acu_limit=of_org)
    made = await sessions.create(max_acu_limit=of_session)
    row = await sessions.row(made["session_id"])
    assert row.max_acu_limit == of_session
    claimed = await claim(server.runtime, row.id)
    assert (claimed.acu_limit, claimed.stopped) == (effective, None)


async def test_a_changed_session_limit_counts_from_the_next_run(enterprise, server, sessions, org):
    made = await sessions.create(max_acu_limit=10)
    await enterprise.org("PATCH", org, max_session_acu_limit=4)
    claimed = await claim(server.runtime, (await sessions.row(made["session_id"])).id)
    assert claimed.acu_limit == 4


async def test_a_cycle_limit_of_0_lets_nothing_run(enterprise, server, sessions, org):
    made = (await sessions.create())["session_id"]
    await enterprise.org("PATCH", org, max_cycle_acu_limit=0)
    assert (await enterprise.audit()).data["suspended_sessions"] == 1
    row = await sessions.row(made)
    assert (row.status, row.status_detail) == ("suspended", "org_usage_limit_exceeded")
    assert row.id in server.engine.stopped
    client = await server.client("org_admin")
    refused = await client.post(server.sessions, json={"prompt": "x"})
    assert refused.status_code == 409
    assert "max_cycle_acu_limit is 0" in refused.json()["detail"]
    assert refused.headers["x-should-retry"] == "false"
    assert (await sessions.ids()) == [made]
    await sessions.ask("POST", made, "/messages", json={"message": "Go on"})
    claimed = await claim(server.runtime, row.id)
    assert "max_cycle_acu_limit is 0" in claimed.stopped
    await enterprise.org("PATCH", org, max_cycle_acu_limit=None)
    await sessions.create()


async def test_a_cycle_limit_above_0_lets_sessions_run(enterprise, sessions, org):
    await enterprise.org("PATCH", org, max_cycle_acu_limit=1)
    await sessions.create()


async def test_groups_are_replaced_as_a_whole(enterprise, server, org):
    second = server.world.second_org
    assert await enterprise.ask("GET", GROUPS) == {"groups": {}}
    one = {"team a": {"org_ids": [org], "max_cycle_acus": 100}, "empty": {"org_ids": []}}
    shown = {"team a": {"org_ids": [org], "max_cycle_acus": 100}, "empty": {"org_ids": [], "max_cycle_acus": None}}
    for _ in range(2):
        assert await put(enterprise, **one) == {"groups": shown}
    assert await enterprise.ask("GET", GROUPS) == {"groups": shown}
    await put(enterprise, b={"org_ids": [second, org, org], "max_cycle_acus": None})
    record = await enterprise.audit()
    assert (record.action, record.org_id) == ("set_org_group_limits", None)
    assert record.data == {
        "limits": {"b": None}, "removed": ["empty", "team a"], "moved": {org: "b", second: "b"},
    }  # fmt: skip
    expected = {"groups": {"b": {"org_ids": sorted([org, second]), "max_cycle_acus": None}}}
    assert await enterprise.ask("GET", GROUPS) == expected
    assert await put(enterprise) == {"groups": {}}
    assert await enterprise.ask("GET", GROUPS) == {"groups": {}}


async def test_an_organization_is_in_one_group_only(enterprise, org):
    await put(enterprise, keep={"org_ids": [org]})
    refused = await put(enterprise, 400, a={"org_ids": [org]}, b={"org_ids": [org]})
    assert "one only" in refused["detail"]
    assert list((await enterprise.ask("GET", GROUPS))["groups"]) == ["keep"]


async def test_groups_take_organizations_of_the_enterprise_only(enterprise, server):
    world = server.world
    for org_id in ("org-unknown", world.foreign_org, world.deleted_org):
        refused = await put(enterprise, 400, a={"org_ids": [org_id]})
        assert org_id in refused["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"groups": None}, {"groups": []}, {"groups": {"": {"org_ids": []}}}, {"groups": {"a": {}}},
        {"groups": {"a": {"org_ids": [], "max_cycle_acus": -1}}}, {"groups": {"a": {"org_ids": None}}},
        {"groups": {"a\0": {"org_ids": []}}},
    ],
)  # fmt: skip
async def test_malformed_groups(enterprise, body):
    await enterprise.ask("PUT", GROUPS, json=body, expect=422)


async def test_a_group_limit_of_0_lets_nothing_run(enterprise, server, sessions, org):
    made = (await sessions.create())["session_id"]
    await put(enterprise, frozen={"org_ids": [org], "max_cycle_acus": 0})
    row = await sessions.row(made)
    assert (row.status, row.status_detail) == ("suspended", "org_usage_limit_exceeded")
    assert "'frozen' is 0" in (await sessions.create(expect=409))["detail"]
    await put(enterprise, frozen={"org_ids": [org], "max_cycle_acus": None})
    await sessions.create()


async def test_the_groups_of_another_enterprise_stay(enterprise, server, org):
    await put(enterprise, a={"org_ids": [org], "max_cycle_acus": 1})
    foreign = await server.client("foreign_admin")
    assert (await foreign.get(GROUPS)).json() == {"groups": {}}
    mine = {"groups": {"a": {"org_ids": [server.world.foreign_org], "max_cycle_acus": 2}}}
    assert (await foreign.put(GROUPS, json=mine)).json() == mine
    assert (await foreign.put(GROUPS, json={"groups": {}})).status_code == 200
    assert list((await enterprise.ask("GET", GROUPS))["groups"]) == ["a"]


async def test_a_deleted_organization_leaves_its_group(enterprise, server, org):
    await put(enterprise, a={"org_ids": [org, server.world.second_org]})
    await enterprise.org("DELETE", org)
    shown = await enterprise.ask("GET", GROUPS)
    assert shown["groups"]["a"]["org_ids"] == [server.world.second_org]
    assert await enterprise.ask("PUT", GROUPS, json=shown) == shown


async def test_a_run_in_a_stopped_organization_goes_to_sleep(enterprise, server, sessions, org):
    """What was queued before, or woken by a message, is put to sleep before anything runs."""
    from cogmill.engine.runner import run_session

    made = (await sessions.create())["session_id"]
    await enterprise.org("PATCH", org, max_cycle_acu_limit=0)
    await sessions.ask("POST", made, "/messages", json={"message": "Go on"})
    row = await sessions.row(made)
    assert row.run_state == "queued"
    assert await run_session(server.engine.tools, row.id) == "settled"
    row = await sessions.row(made)
    assert (row.status, row.status_detail, row.run_state) == ("suspended", "org_usage_limit_exceeded", "idle")
    query = select(session_event.c.event_type).where(session_event.c.session == row.id)
    assert "limit_reached" in await server.read(lambda ctx: ctx.db.execute(query).scalars().all())
