"""IdP groups: names, roles, and what their users get through them."""

import pytest

NAMES = "/v3/enterprise/idp-groups"
GROUPS = "/v3/enterprise/members/idp-groups"


async def test_registering(ids):
    made = await ids.ask("POST", NAMES, idp_group_names=["b", "a", "b", "team/c d"])
    assert made == [{"idp_group_name": name} for name in ("b", "a", "team/c d")]
    assert (await ids.audit()).data["registered"] == ["b", "a", "team/c d"]
    await ids.ask("POST", NAMES, idp_group_names=["a", "z"])
    assert (await ids.audit()).data["registered"] == ["z"]
    names = [one["idp_group_name"] for one in await ids.pages(NAMES, 2)]
    assert names == sorted(names) == ["a", "b", "team/c d", "z"]
    assert (await ids.ask("GET", NAMES, caller="foreign_admin"))["items"] == []
    for bad in ([], [""], [str(n) for n in range(101)]):
        await ids.ask("POST", NAMES, expect=422, idp_group_names=bad)


@pytest.mark.parametrize("path", ["team%2Fc", "team/c"])
async def test_names_may_hold_slashes(ids, path):
    await ids.ask("POST", NAMES, idp_group_names=["team/c"])
    await ids.ask("POST", f"{GROUPS}/{path}", role_id=await ids.role("enterprise_member"))
    assert (await ids.ask("GET", f"{GROUPS}/{path}"))["idp_group_name"] == "team/c"
    await ids.ask("DELETE", f"{GROUPS}/{path}")
    await ids.ask("DELETE", f"{NAMES}/{path}")


async def test_a_registered_group_has_no_role_of_its_own(ids):
    await ids.group("devs")
    assert (await ids.ask("GET", GROUPS))["items"] == []
    await ids.refused("GET", f"{GROUPS}/devs", 404)
    there, role = f"{ids.organization}/idp-groups/devs", await ids.role("org_member")
    await ids.refused("POST", there, 400, "at the enterprise first", role_id=role)
    await ids.ask("POST", f"{GROUPS}/devs", role_id=await ids.role("enterprise_member"))
    assert (await ids.audit()).action == "add_group_membership"
    await ids.refused("GET", there, 404)
    await ids.refused("PATCH", there, 404, "no role", role_id=role)
    shown = await ids.ask("POST", there, role_id=role)
    assert [one["org_id"] for one in shown["role_assignments"]] == [ids.world.org]
    await ids.refused("POST", there, 409, role_id=role)
    assert len((await ids.ask("GET", f"{GROUPS}/devs"))["role_assignments"]) == 2
    assert len((await ids.ask("GET", f"{ids.organization}/idp-groups"))["items"]) == 1
    await ids.ask("PATCH", there, role_id=await ids.role("org_deepwiki"))
    assert (await ids.audit()).action == "update_group_membership"
    await ids.ask("DELETE", f"{GROUPS}/devs")
    assert (await ids.audit()).action == "delete_group_membership"
    assert len((await ids.ask("GET", f"{GROUPS}/devs"))["role_assignments"]) == 1
    await ids.refused("DELETE", f"{GROUPS}/devs", 404)
    await ids.refused("POST", f"{GROUPS}/none", 404, role_id=role)


async def test_rights_through_a_group(ids):
    outsider = ids.world.ids["outsider"]
    token, sessions = ids.world.tokens["outsider"], ids.server.sessions
    assert await ids.status(token, sessions) == 403
    await ids.group("devs", outsider)
    await ids.ask("POST", f"{GROUPS}/devs", role_id=await ids.role("enterprise_member"))
    assert await ids.status(token, sessions) == 403
    there = f"{ids.organization}/idp-groups/devs"
    await ids.ask("POST", there, role_id=await ids.role("org_member"))
    assert await ids.status(token, sessions) == 200
    shown = await ids.ask("GET", f"/v3/enterprise/members/users/{outsider}")
    assert [one["org_id"] for one in shown["role_assignments"]] == [ids.world.second_org]
    derived = [(one["idp_group_name"], one["org_id"]) for one in shown["idp_role_assignments"]]
    assert derived == [("devs", None), ("devs", ids.world.org)]
    await ids.ask("DELETE", there)
    assert await ids.status(token, sessions) == 403


async def test_idp_users_lists_those_who_come_through_groups(ids):
    outsider, person = ids.world.ids["outsider"], ids.world.ids["person"]
    await ids.group("devs", outsider, person)
    await ids.group("empty handed", ids.world.ids["colleague"])
    await ids.ask("POST", f"{GROUPS}/devs", role_id=await ids.role("enterprise_member"))
    for base, org in ((ids.enterprise, None), (ids.organization, ids.world.org)):
        if org is not None:
            assert (await ids.ask("GET", f"{base}/idp-users"))["items"] == []
            await ids.ask("POST", f"{base}/idp-groups/devs", role_id=await ids.role("org_member"))
        found = await ids.pages(f"{base}/idp-users", 1)
        assert {one["user_id"] for one in found} == {outsider, person}
        assert {held["org_id"] for one in found for held in one["idp_role_assignments"]} == {org}
        (one,) = (await ids.ask("GET", f"{base}/idp-users", email="PERSON@example.org"))["items"]
        assert set(one) == {"user_id", "email", "name", "idp_role_assignments"}
        assert one["user_id"] == person


async def test_what_is_in_use_cannot_be_deleted(ids):
    await ids.group("devs", ids.world.ids["person"])
    role = await ids.role("enterprise_member")
    await ids.ask("POST", f"{GROUPS}/devs", role_id=role)
    await ids.refused("DELETE", f"{NAMES}/devs", 409, "role assignments")
    await ids.ask("DELETE", f"{GROUPS}/devs")
    await ids.refused("DELETE", f"{NAMES}/devs", 409, "members")
    await ids.refused("DELETE", f"{NAMES}/none", 404)
    await ids.ask("POST", NAMES, idp_group_names=["spare"])
    assert await ids.ask("DELETE", f"{NAMES}/spare") == {"idp_group_name": "spare"}
    await ids.refused("DELETE", f"{NAMES}/spare", 404)
    await ids.refused("DELETE", f"{NAMES}/devs", 404, caller="foreign_admin")


async def test_the_organizations_own_view_shows_that_organization_alone(ids):
    base = f"/v3beta1/organizations/{ids.world.org}/members"
    two, outsider = ids.world.ids["person_of_two"], ids.world.ids["outsider"]
    await ids.group("devs", outsider, two)
    await ids.ask("POST", f"{GROUPS}/devs", role_id=await ids.role("enterprise_member"))
    await ids.ask("GET", f"{base}/users/{outsider}", caller="org_member", expect=404)
    await ids.ask("POST", f"{ids.organization}/idp-groups/devs", role_id=await ids.role("org_deepwiki"))
    member = await ids.ask("GET", f"{base}/users/{two}", caller="org_member")
    assert set(member["role_assignments"][0]["role"]) == {"role_id", "role_name"}
    assert [one["org_id"] for one in member["role_assignments"]] == [ids.world.org]
    assert [one["org_id"] for one in member["idp_role_assignments"]] == [ids.world.org]
    derived = await ids.ask("GET", f"{base}/users/{outsider}", caller="org_member")
    assert derived["role_assignments"] == []
    listed = (await ids.ask("GET", f"{base}/users", caller="org_member"))["items"]
    assert outsider not in {one["user_id"] for one in listed}
    assert {held["org_id"] for one in listed for held in one["role_assignments"]} == {ids.world.org}
    through = (await ids.ask("GET", f"{base}/idp-users", caller="org_member"))["items"]
    assert {one["user_id"] for one in through} == {outsider, two}
    await ids.ask("GET", f"{base}/users/{ids.world.ids['org_member']}", caller="org_member", expect=404)
    (one,) = (await ids.ask("GET", f"{base}/users", caller="org_member", email="person@example.org"))["items"]
    assert one["email"] == "person@example.org"
