"""Limits of a cycle over HTTP: set, shown, cleared, and what they do to sessions when they are used up."""

from sqlalchemy import select

from cogmill.engine.metering import MICRO
from cogmill.models.audit import audit_log

from .conftest import LIMITS, STANDINGS

GROUPS = "/v3/enterprise/org-group-limits"
WHOLE = "/cogmill/v1/enterprise/acu-limit"


def of_user(user_id):
    return f"/cogmill/v1/enterprise/members/users/{user_id}/acu-limit"


async def test_limits_are_set_listed_and_cleared(server, spending):
    world, page = server.world, f"{LIMITS}?first=1"
    person = world.ids["person"]
    assert (await spending.ask("GET", LIMITS, 200))["items"] == []
    await spending.limit(50)
    await spending.limit(7, of_user(person))
    await spending.limit(900, WHOLE)
    items = (await spending.ask("GET", LIMITS, 200))["items"]
    assert [(one["scope"], one["org_id"], one["user_id"], one["cycle_acu_limit"]) for one in items] == [
        ("enterprise", None, None, 900), ("org", world.org, None, 50), ("user", None, person, 7),
    ]  # fmt: skip
    shown = await spending.ask("GET", page, 200)
    rest = await spending.ask("GET", f"{page}&after={shown['end_cursor']}", 200)
    assert [*shown["items"], *rest["items"]] == items[:2]
    organization = await spending.ask("GET", f"/v3/enterprise/organizations/{world.org}", 200)
    assert organization["max_cycle_acu_limit"] == 50
    assert (await spending.ask("GET", LIMITS, 200, "foreign_admin"))["items"] == []
    await spending.ask("PUT", of_user(person), 404, "foreign_admin", cycle_acu_limit=1)
    await spending.ask("PUT", of_user("user-none"), 404, cycle_acu_limit=1)
    for wrong in (-1, None, "x", 10**12):
        await spending.ask("PUT", WHOLE, 422, cycle_acu_limit=wrong)
    for path in (f"{LIMITS}/organizations/{world.org}", of_user(person), WHOLE):
        for _ in range(2):
            await spending.limit(None, path)
    assert (await spending.ask("GET", LIMITS, 200))["items"] == []
    query = select(audit_log.c.action, audit_log.c.org_id, audit_log.c.data).order_by(audit_log.c.id)
    told = [tuple(one) for one in await server.read(lambda ctx: ctx.db.execute(query).all())]
    assert ("update_org", world.org, {"changed": {"max_cycle_acu_limit": 50}}) in told
    told = [data for action, _, data in told if action == "update_enterprise_settings"]
    assert [(one["scope"], one["cycle_acu_limit"]) for one in told if "scope" in one] == [
        ("user", 7), ("enterprise", 900), ("user", None), ("user", None), ("enterprise", None), ("enterprise", None),
    ]  # fmt: skip


async def test_a_used_up_limit_refuses_suspends_and_lets_go_on_when_raised(server, sessions, spending):
    """The same for all four, each with its own detail; the limit is set in the middle of the cycle."""
    world = server.world
    person = world.ids["person"]
    group = {"groups": {"team": {"org_ids": [world.org], "max_cycle_acus": None}}}
    await spending.ask("PUT", GROUPS, 200, **group)
    one = await spending.create("person")
    await spending.book(one, 2 * MICRO)
    assert (await spending.stands()) == {}
    for path, detail, name in (
        (None, "org_usage_limit_exceeded", "of the organization"),
        (GROUPS, "org_usage_limit_exceeded", "group 'team'"),
        (of_user(person), "usage_limit_exceeded", "of the user"),
        (WHOLE, "out_of_quota", "of the enterprise"),
    ):
        if path == GROUPS:
            group["groups"]["team"]["max_cycle_acus"] = 2
            await spending.ask("PUT", GROUPS, 200, **group)
        else:
            await spending.limit(2, path)
        row = await sessions.row(one.row.session_id)
        assert (row.status, row.status_detail) == ("suspended", detail)
        refused = await sessions.create("person", expect=409)
        assert f"{name} is 2 ACUs, of which 2.0" in refused["detail"]
        assert "Ask an administrator" in refused["detail"]
        if path == GROUPS:
            group["groups"]["team"]["max_cycle_acus"] = 3
            await spending.ask("PUT", GROUPS, 200, **group)
        else:
            await spending.limit(3, path)
        await sessions.create("person")
        await sessions.ask("POST", one.row.session_id, "/messages", caller="person", json={"message": "Go on"})
        one = await spending.run(one.row.session_id)
        assert one.is_limited
        assert (await one.reserve(MICRO + 1, 0, 0)).refused is not None
        assert (await one.reserve(MICRO // 2, 0, 0)).granted == MICRO // 2
        await spending.book(one, 0)
        if path == GROUPS:
            await spending.ask("PUT", GROUPS, 200, groups={})
        else:
            await spending.limit(None, path)


async def test_standings_tell_what_is_used_and_set_aside(server, spending):
    world = server.world
    await spending.limit(10)
    await spending.limit(20, WHOLE)
    await spending.ask("PUT", GROUPS, 200, groups={"team": {"org_ids": [world.org], "max_cycle_acus": 30}})
    one = await spending.create()
    assert (await one.reserve(MICRO, 0, 0)).granted == MICRO
    await spending.book(one, 250_000, keep=500_000)
    items = (await spending.ask("GET", STANDINGS, 200))["items"]
    assert [(one["scope"], one["org_id"], one["group_name"], one["cycle_acu_limit"]) for one in items] == [
        ("enterprise", None, None, 20), ("org", world.org, None, 10), ("org_group", None, "team", 30),
    ]  # fmt: skip
    assert {(one["acus_used"], one["acus_reserved"]) for one in items} == {(0.25, 0.5)}
    assert all(one["after"] < server.runtime.clock() < one["before"] for one in items)
    assert (await spending.ask("GET", STANDINGS, 200, "foreign_admin"))["items"] == []


async def test_what_a_group_used_stays_when_organizations_move(server, sessions, spending):
    world = server.world

    async def put(**members):
        groups = {name: {"org_ids": orgs, "max_cycle_acus": 5} for name, orgs in members.items()}
        await spending.ask("PUT", GROUPS, 200, groups=groups)

    await put(a=[world.org], b=[world.second_org])
    one = await spending.create()
    assert (await one.reserve(4 * MICRO, 0, 0)).granted == 4 * MICRO
    await put(a=[], b=[world.org, world.second_org])
    await spending.book(one, 4 * MICRO)  # set aside when it was in a
    assert (await spending.stands())["org_group"].used == 0
    await put(a=[world.org], b=[world.second_org])
    assert (await spending.stands())["org_group"].used == 4 * MICRO
