"""Organizations over HTTP: make, list, change, delete; what deleting one does to keys, sessions and files."""

import pytest
from sqlalchemy import select, update

from cogmill.kit.clock import system_clock
from cogmill.models.access import organization

from .conftest import BASE, Enterprise

SHAPE = {"org_id", "name", "created_at", "updated_at", "max_session_acu_limit", "max_cycle_acu_limit"}


async def test_create_and_get(enterprise):
    made = await enterprise.create("  Payments  ", max_session_acu_limit=5, max_cycle_acu_limit=100)
    assert set(made) == SHAPE
    assert made["name"] == "Payments"
    assert (made["max_session_acu_limit"], made["max_cycle_acu_limit"]) == (5, 100)
    assert made["created_at"] == made["updated_at"]
    assert abs(made["created_at"] - system_clock()) < 60
    assert made["org_id"].startswith("org-")
    assert await enterprise.org("GET", made["org_id"]) == made
    record = await enterprise.audit()
    assert (record.action, record.org_id) == ("create_org", made["org_id"])
    assert record.data["name"] == "Payments"


async def test_limits_left_out_are_none(enterprise):
    made = await enterprise.create()
    assert (made["max_session_acu_limit"], made["max_cycle_acu_limit"]) == (None, None)


@pytest.mark.settings(org_session_acu_limit=20)
async def test_the_default_session_limit_is_a_setting_and_null_means_none(enterprise):
    assert (await enterprise.create())["max_session_acu_limit"] == 20
    assert (await enterprise.create(max_session_acu_limit=None))["max_session_acu_limit"] is None
    assert (await enterprise.create(max_session_acu_limit=3))["max_session_acu_limit"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": ""}, {"name": " "}, {"name": None}, {"name": "x" * 257}, {"name": "a\0b"}, [], None,
        {"name": "a", "max_session_acu_limit": -1}, {"name": "a", "max_cycle_acu_limit": 1.5},
        {"name": "a", "max_cycle_acu_limit": 10**30},
    ],
)  # fmt: skip
async def test_malformed_bodies(enterprise, body):
    await enterprise.ask("POST", BASE, json=body, expect=422)


async def test_the_list_is_paged_in_the_order_of_creation_and_leaves_out_deleted_ones(enterprise, server):
    world = server.world
    made = [(await enterprise.create(f"org {number}"))["org_id"] for number in range(3)]
    found, after = [], ""
    while after is not None:
        page = await enterprise.ask("GET", f"{BASE}?first=2{after and '&after=' + after}")
        assert page["has_next_page"] == (page["end_cursor"] is not None)
        found += [one["org_id"] for one in page["items"]]
        after = page["end_cursor"]
    assert set(found) == {world.org, world.second_org, *made}
    assert [one for one in found if one in made] == made
    assert sorted(found) == found


async def test_patch_changes_what_is_sent(enterprise, org):
    before = await enterprise.org("GET", org)
    changed = await enterprise.org("PATCH", org, max_session_acu_limit=7, max_cycle_acu_limit=50)
    assert (changed["name"], changed["max_session_acu_limit"], changed["max_cycle_acu_limit"]) == ("main", 7, 50)
    assert changed["updated_at"] > before["updated_at"]
    renamed = await enterprise.org("PATCH", org, name="Renamed", max_cycle_acu_limit=None)
    assert (renamed["org_id"], renamed["name"]) == (org, "Renamed")
    assert (renamed["max_session_acu_limit"], renamed["max_cycle_acu_limit"]) == (7, None)
    record = await enterprise.audit()
    assert (record.action, record.org_id) == ("update_org", org)
    assert record.data["changed"] == {"name": "Renamed", "max_cycle_acu_limit": None}
    assert await enterprise.org("PATCH", org) == renamed
    assert await enterprise.org("PATCH", org, name=None, max_session_acu_limit=7) == renamed
    await enterprise.org("PATCH", org, name=" ", expect=422)
    await enterprise.org("PATCH", org, max_session_acu_limit=-1, expect=422)


async def test_a_deleted_organization_and_its_keys_are_gone_at_once(enterprise, server, sessions, org):
    await sessions.create()
    person = await server.client("person")
    assert (await person.get(server.sessions)).status_code == 200
    gone = await enterprise.org("DELETE", org)
    assert gone["org_id"] == org
    record = await enterprise.audit()
    assert (record.action, record.org_id) == ("delete_org", org)
    assert record.data == {"name": "main", "suspended_sessions": 1}
    assert (await (await server.client("org_admin")).get("/v3/self")).status_code == 401
    assert (await person.get(server.sessions)).status_code == 403
    assert (await (await server.client("enterprise_admin")).get(server.sessions)).status_code == 404
    await enterprise.org("GET", org, expect=404)
    await enterprise.org("DELETE", org, expect=404)
    await enterprise.org("PATCH", org, name="x", expect=404)
    assert org not in [one["org_id"] for one in (await enterprise.ask("GET", BASE))["items"]]
    assert (await (await server.client("stranger")).get("/v3/self")).status_code == 200


async def test_the_primary_organization_stays(enterprise, server, old_keys, org):
    primary = server.world.second_org
    old = await old_keys.client("old_admin")
    refused = await enterprise.org("DELETE", primary, expect=400)
    assert "'second' is the primary organization" in refused["detail"]
    again = await old.delete(f"/v2/enterprise/organizations/{primary}")
    assert (again.status_code, again.json()) == (400, {"detail": refused["detail"]})
    for _ in range(2):  # whatever else goes
        made = (await enterprise.create())["org_id"]
        await enterprise.org("DELETE", made)
    await enterprise.org("DELETE", org)
    await enterprise.org("DELETE", primary, expect=400)
    await enterprise.org("GET", primary)
    foreign = Enterprise(server, "foreign_admin")
    await foreign.org("DELETE", server.world.foreign_org, expect=400)  # each enterprise has its own
    assert (await (await server.client("stranger")).get("/v3/self")).status_code == 200


async def test_deleting_puts_what_runs_to_sleep(enterprise, server, sessions, org):
    queued = (await sessions.create())["session_id"]
    ended = (await sessions.create())["session_id"]
    await sessions.ask("DELETE", ended)
    server.engine.stopped.clear()
    await enterprise.org("DELETE", org)
    row = await sessions.row(queued)
    assert (row.status, row.status_detail, row.run_state) == ("suspended", "user_request", "idle")
    assert (await sessions.row(ended)).status == "exit"
    assert server.engine.stopped == [row.id]


async def test_signed_links_to_files_of_a_deleted_organization_are_dead(enterprise, server, org):
    admin = await server.client("org_admin")
    uploaded = await admin.post(f"/v3/organizations/{org}/attachments", files={"file": ("a.txt", b"a")})
    link = (await admin.get(uploaded.json()["url"])).headers["location"]
    nobody = await server.client()
    assert (await nobody.get(link)).status_code == 200
    await enterprise.org("DELETE", org)
    assert (await nobody.get(link)).status_code == 404


async def test_a_session_of_a_deleted_organization_is_not_run(enterprise, server, sessions, org):
    """Even when it was queued by a request that was under way while the organization was deleted."""
    from cogmill.engine.store import claim

    made = await sessions.row((await sessions.create())["session_id"])
    await server.write(
        lambda ctx: ctx.db.execute(update(organization).where(organization.c.org_id == org).values(deleted_at=ctx.now))
    )
    assert await claim(server.runtime, made.id) is None


async def test_a_refused_change_changes_nothing(server, enterprise, org):
    for caller in ("org_admin", "account_viewer", "foreign_admin", "enterprise_member"):
        client = await server.client(caller)
        assert (await client.patch(f"{BASE}/{org}", json={"name": "mine"})).status_code == 403
        assert (await client.delete(f"{BASE}/{org}")).status_code == 403
    query = select(organization.c.name, organization.c.deleted_at).where(organization.c.org_id == org)
    assert tuple(await server.read(lambda ctx: ctx.db.execute(query).one())) == ("main", None)
