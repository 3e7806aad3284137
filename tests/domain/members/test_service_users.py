"""Service users as members: lists, roles at both tiers, removal."""

import pytest
from sqlalchemy import update

from cogmill.models.access import service_user

MACHINES = "/v3/enterprise/members/service-users"


async def provision(ids, role, *, org=None, caller="enterprise_admin", name="made"):
    base = f"/v3beta1/organizations/{org}" if org else "/v3beta1/enterprise"
    body = {"name": name, "role_id": role, "ttl_seconds": 3600}
    made = await ids.ask("POST", f"{base}/service-users", caller, **body)
    return made["service_user"]["service_user_id"], made["token"]


async def test_lists(ids):
    everybody = await ids.pages(MACHINES, 4)
    names = [one["name"] for one in everybody]
    assert {"enterprise_admin", "org_admin", "stranger", "reader"} < set(names)
    assert not {"foreigner", "of_deleted_user", "of_expired_user"} & set(names)
    inactive = [one["name"] for one in await ids.pages(MACHINES, 4, include_inactive="true")]
    assert set(inactive) - set(names) == {"of_deleted_user", "of_expired_user"}
    found = await ids.ask("GET", f"{ids.organization}/service-users")
    names = {one["name"] for one in found["items"]}
    assert {"org_admin", "org_member", "reader"} < names
    assert not {"enterprise_admin", "stranger"} & names
    assert {held["org_id"] for one in found["items"] for held in one["role_assignments"]} == {ids.world.org}


async def test_roles_at_both_tiers(ids):
    member, machine = await ids.role("enterprise_member"), ids.world.ids["enterprise_member"]
    path, there = f"{MACHINES}/{machine}", f"{ids.organization}/service-users/{machine}"
    await ids.refused("POST", path, 409, "already", role_id=member)
    await ids.refused("PATCH", there, 404, "no role", role_id=await ids.role("org_member"))
    token = ids.world.tokens["enterprise_member"]
    assert await ids.status(token, ids.server.sessions) == 403
    given = await ids.ask("POST", there, role_id=await ids.role("org_member"))
    assert [one["org_id"] for one in given["role_assignments"]] == [ids.world.org]
    assert await ids.status(token, ids.server.sessions) == 200
    record = await ids.audit()
    assert (record.action, record.org_id) == ("assign_service_user_role", ids.world.org)
    await ids.ask("PATCH", there, role_id=await ids.role("org_deepwiki"))
    assert await ids.status(token, ids.server.sessions) == 403
    assert len((await ids.ask("GET", path))["role_assignments"]) == 2
    await ids.ask("DELETE", there)
    assert (await ids.audit()).action == "remove_service_user_role"
    await ids.refused("DELETE", there, 404)
    assert len((await ids.ask("GET", path))["role_assignments"]) == 1


async def test_a_service_user_may_have_roles_in_organizations_only(ids):
    machine, token = await provision(ids, await ids.custom_role("ViewAccountMetrics", role_type="enterprise"))
    there = f"{ids.organization}/service-users/{machine}"
    await ids.ask("POST", there, role_id=await ids.role("org_deepwiki"))
    from sqlalchemy import delete

    from cogmill.models.access import role_assignment as held

    await ids.execute(delete(held).where(held.c.principal_id == machine, held.c.org_id.is_(None)))
    shown = await ids.ask("GET", f"{MACHINES}/{machine}")
    assert [one["org_id"] for one in shown["role_assignments"]] == [ids.world.org]
    await ids.ask("POST", f"{MACHINES}/{machine}", role_id=await ids.role("enterprise_member"))
    assert await ids.works(token)


@pytest.mark.one_database
async def test_one_of_an_organization_stays_within_it(ids):
    machine = ids.world.ids["org_member"]
    elsewhere = f"/v3/enterprise/organizations/{ids.world.second_org}/members/service-users/{machine}"
    await ids.refused("POST", elsewhere, 400, "one organization", role_id=await ids.role("org_member"))
    await ids.refused("PATCH", f"{MACHINES}/{machine}", 404, "no role", role_id=await ids.role("enterprise_member"))


async def test_one_of_an_organization_becomes_the_enterprises_with_a_role_there(ids):
    machine, token = ids.world.ids["org_member"], ids.world.tokens["org_member"]
    path, there = f"{MACHINES}/{machine}", f"/v3/enterprise/organizations/{ids.world.second_org}/members/service-users"
    role = await ids.custom_role("ViewAccountMembership", role_type="enterprise")
    assert await ids.status(token, MACHINES) == 403
    given = await ids.ask("POST", path, role_id=role)
    assert {one["org_id"] for one in given["role_assignments"]} == {None, ids.world.org}
    record = await ids.audit()
    assert (record.action, record.data["former_org_id"]) == ("assign_service_user_role", ids.world.org)
    assert await ids.status(token, MACHINES) == 200
    assert await ids.status(token, ids.server.sessions) == 200
    client = await ids.server.client("org_member")
    assert (await client.get("/v3/self")).json()["org_id"] is None
    await ids.ask("POST", f"{there}/{machine}", role_id=await ids.role("org_member"))
    await ids.refused("POST", path, 409, "already", role_id=role)


async def test_removing_one_ends_its_keys_at_once(ids):
    machine, token = ids.world.ids["org_member"], ids.world.tokens["org_member"]
    assert await ids.works(token)
    gone = await ids.ask("DELETE", f"{MACHINES}/{machine}")
    assert gone["deleted_at"] is not None
    assert len(gone["role_assignments"]) == 1
    assert not await ids.works(token)
    record = await ids.audit()
    assert (record.action, record.data["revoked_keys"]) == ("delete_service_user", 1)
    for method in ("GET", "DELETE"):
        await ids.ask(method, f"{MACHINES}/{machine}", expect=404)
    await ids.ask("POST", f"{MACHINES}/{machine}", expect=404, role_id=await ids.role("enterprise_member"))
    keys = f"/v3beta1/enterprise/service-users/{machine}/api-keys"
    await ids.ask("GET", keys, expect=404)
    for path in (MACHINES, f"{ids.organization}/service-users"):
        shown = {one["service_user_id"] for one in await ids.pages(path, 50)}
        assert machine not in shown
        everything = await ids.pages(path, 50, include_inactive="true")
        (found,) = [one for one in everything if one["service_user_id"] == machine]
        assert found["deleted_at"] == gone["deleted_at"]


async def test_an_expired_one_is_inactive(ids):
    machine = ids.world.ids["org_member"]
    await ids.execute(update(service_user).where(service_user.c.service_user_id == machine).values(expires_at=5.0))
    shown = await ids.pages(f"{ids.organization}/service-users", 50)
    assert machine not in {one["service_user_id"] for one in shown}
    assert (await ids.ask("GET", f"{MACHINES}/{machine}"))["expires_at"] == 5


async def test_no_service_user_gives_another_the_management_of_service_users(ids):
    admin, machine = await ids.role("enterprise_admin"), ids.world.ids["enterprise_member"]
    path = f"{MACHINES}/{machine}"
    await ids.refused("PATCH", path, 403, "manages service users", role_id=admin)
    there = f"{ids.organization}/service-users/{machine}"
    await ids.refused("POST", there, 403, role_id=await ids.role("org_admin"))
    role = await ids.custom_role("ViewAccountMetrics", role_type="enterprise")
    await ids.ask("PATCH", path, role_id=role)
    custom = f"/cogmill/v1/enterprise/roles/{role}"
    await ids.refused("PATCH", custom, 403, permissions=["ManageAccountServiceUsers"])
    await ids.refused("PATCH", custom, 403, permissions=["ManageOrgServiceUsers"])
    await ids.ask("PATCH", custom, permissions=["ManageBilling"])
    (person,) = await ids.invite("a@example.org", role="enterprise_admin")
    token = await ids.token(person["user_id"])
    assert await ids.status(token, path, "PATCH", json={"role_id": admin}) == 200


async def test_another_enterprise_reaches_none(ids):
    for method in ("GET", "DELETE"):
        path = f"{MACHINES}/{ids.world.ids['org_member']}"
        await ids.ask(method, path, caller="foreign_admin", expect=404)
