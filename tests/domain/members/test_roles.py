"""Roles: the contract's list, and custom roles as an extension."""

import pytest

from cogmill.access.permissions import ENTERPRISE_PERMISSIONS, ORG_PERMISSIONS

ROLES = "/cogmill/v1/enterprise/roles"
USERS = "/v3/enterprise/members/users"


async def test_the_list_names_all_roles(ids):
    await ids.custom_role("Read", name="Reader")
    found = await ids.pages("/v3/enterprise/roles", 2)
    assert all(set(one) == {"role_id", "role_name", "role_type"} for one in found)
    shown = {(one["role_name"], one["role_type"]) for one in found}
    assert {("Admin", "enterprise"), ("Admin", "org"), ("Member", "org"), ("Reader", "org")} <= shown
    shown = {one["role_name"]: one for one in await ids.pages(ROLES, 2)}
    assert shown["Reader"]["permissions"] == ["Read"]
    assert not shown["Reader"]["is_default"]
    assert shown["DeepWiki Only"]["is_default"]
    assert "UseAskDevin" in shown["DeepWiki Only"]["permissions"]
    foreign = await ids.ask("GET", ROLES, caller="foreign_admin")
    assert {one["is_default"] for one in foreign["items"]} == {True}


async def test_a_custom_role_from_making_to_deleting(ids):
    role = await ids.custom_role("UseDevinSessions", "UseDevinSessions", name="Runner")
    record = await ids.audit()
    assert (record.action, record.data["permissions"]) == ("create_role", ["UseDevinSessions"])
    person = ids.world.ids["wiki_person"]
    path, token = f"{ids.organization}/users/{person}", ids.world.tokens["wiki_person"]
    assert await ids.status(token, ids.server.sessions) == 403
    await ids.ask("PATCH", path, role_id=role)
    assert await ids.status(token, ids.server.sessions) == 200
    changed = await ids.ask("PATCH", f"{ROLES}/{role}", permissions=["Read"])
    assert (changed["role_name"], changed["permissions"]) == ("Runner", ["Read"])
    record = await ids.audit()
    assert (record.action, record.data["added"], record.data["removed"]) == (
        "update_role", ["Read"], ["UseDevinSessions"],
    )  # fmt: skip
    assert await ids.status(token, ids.server.sessions) == 403
    assert (await ids.ask("PATCH", f"{ROLES}/{role}", name="Looker"))["role_name"] == "Looker"
    await ids.refused("DELETE", f"{ROLES}/{role}", 409, "in use")
    await ids.ask("DELETE", path)
    assert (await ids.ask("DELETE", f"{ROLES}/{role}"))["role_name"] == "Looker"
    assert (await ids.audit()).action == "delete_role"
    await ids.refused("DELETE", f"{ROLES}/{role}", 404)


@pytest.mark.one_database
async def test_a_role_holds_permissions_of_its_tier_only(ids):
    for one in ENTERPRISE_PERMISSIONS - ORG_PERMISSIONS:
        await ids.refused("POST", ROLES, 400, one.value, name=f"r {one}", role_type="org", permissions=[one.value])
    everything = sorted(ENTERPRISE_PERMISSIONS | ORG_PERMISSIONS)
    await ids.custom_role(*everything, role_type="enterprise")
    org_role = await ids.custom_role("Read")
    await ids.refused("PATCH", f"{ROLES}/{org_role}", 400, permissions=["ManageOrganizations"])
    for bad in (["PUBLIC"], ["Nonsense"], "Read"):
        await ids.ask("POST", ROLES, expect=422, name="x", role_type="org", permissions=bad)
        await ids.ask("PATCH", f"{ROLES}/{org_role}", expect=422, permissions=bad)


async def test_default_roles_stay_as_they_are(ids):
    for name in ("enterprise_admin", "org_member"):
        path = f"{ROLES}/{await ids.role(name)}"
        await ids.refused("PATCH", path, 409, "default", permissions=["Read"])
        await ids.refused("DELETE", path, 409, "default")


async def test_names_are_single_within_a_type(ids):
    await ids.refused("POST", ROLES, 409, "already", name="Admin", role_type="org", permissions=[])
    await ids.custom_role(name="DeepWiki Only", role_type="enterprise")
    role = await ids.custom_role(name="Mine")
    await ids.refused("PATCH", f"{ROLES}/{role}", 409, name="Member")
    await ids.ask("PATCH", f"{ROLES}/{role}", name="Mine")


async def test_other_enterprises_roles_do_not_exist(ids):
    role = await ids.custom_role("Read")
    for method in ("PATCH", "DELETE"):
        await ids.refused(method, f"{ROLES}/{role}", 404, caller="foreign_admin")


async def test_a_role_is_not_deleted_while_it_is_given(ids):
    import asyncio

    role, person = await ids.custom_role("Read"), ids.world.ids["outsider"]
    client = await ids.server.client("enterprise_admin")
    given, gone = await asyncio.gather(
        client.post(f"{ids.organization}/users/{person}", json={"role_id": role}), client.delete(f"{ROLES}/{role}")
    )
    assert (given.status_code, gone.status_code) in {(200, 409), (400, 200)}
