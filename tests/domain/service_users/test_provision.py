"""Making service users at both scopes, and what their makers may not give them."""

import pytest

ENTERPRISE = "/v3beta1/enterprise/service-users"


def body(role, ttl=3600, name="made"):
    return {"name": name, "role_id": role, "ttl_seconds": ttl}


async def test_one_of_the_enterprise(ids):
    role = await ids.custom_role("ViewAccountMembership", role_type="enterprise", name="Viewer")
    made = await ids.ask("POST", ENTERPRISE, **body(role))
    shown = made["service_user"]
    assert shown["role_assignments"] == [
        {"role": {"role_id": role, "role_name": "Viewer", "role_type": "enterprise"}, "org_id": None}
    ]
    assert made["token"].startswith("cog_")
    found = await ids.ask("GET", f"/v3/enterprise/members/service-users/{shown['service_user_id']}")
    assert found["expires_at"] == shown["expires_at"]
    assert await ids.status(made["token"], "/v3/enterprise/roles") == 200
    assert await ids.status(made["token"], ids.server.sessions) == 403
    record = await ids.audit()
    assert (record.action, record.org_id) == ("create_service_user", None)
    assert record.data["service_user_id"] == shown["service_user_id"]
    assert made["token"] not in str(record.data)


async def test_one_of_an_organization_is_confined_to_it(ids):
    path = f"/v3beta1/organizations/{ids.world.org}/service-users"
    made = await ids.ask("POST", path, "org_admin", **body(await ids.role("org_member")))
    assert made["service_user"]["role_assignments"][0]["org_id"] == ids.world.org
    assert await ids.status(made["token"], ids.server.sessions) == 200
    assert await ids.status(made["token"], f"/v3/organizations/{ids.world.second_org}/sessions") == 403
    client = await ids.server.client()
    answer = await client.get("/v3/self", headers={"authorization": f"Bearer {made['token']}"})
    assert answer.json()["org_id"] == ids.world.org
    await ids.ask("POST", path, "enterprise_admin", **body(await ids.role("org_member")))


@pytest.mark.one_database
async def test_what_it_takes(ids):
    role = await ids.role("enterprise_member")
    for bad in (body(role, 0), body(role, 31_536_001), body(role, name=""), body(role, name="x" * 257), body("")):
        await ids.ask("POST", ENTERPRISE, expect=422, **bad)
    await ids.ask("POST", ENTERPRISE, **body(role, 31_536_000))
    await ids.refused("POST", ENTERPRISE, 400, "type", **body(await ids.role("org_member")))
    await ids.refused("POST", ENTERPRISE, 400, "no role", **body("role-none"))
    path = f"/v3beta1/organizations/{ids.world.org}/service-users"
    await ids.refused("POST", path, 400, "type", caller="org_admin", **body(role))


async def test_its_life_ends_when_it_was_told(ids):
    from cogmill.kit.clock import system_clock

    made = await ids.ask("POST", ENTERPRISE, **body(await ids.role("enterprise_member"), 100))
    ends = made["service_user"]["expires_at"]
    assert 95 < ends - system_clock() <= 100
    authenticator = ids.server.runtime.authenticator
    assert await authenticator.principal(made["token"], ends - 1) is not None
    assert await authenticator.principal(made["token"], ends) is None


async def test_nobody_gives_more_than_the_own_rights(ids):
    maker_role = await ids.custom_role("ManageAccountServiceUsers", "ViewAccountSessions", role_type="enterprise")
    (person,) = await ids.ask(
        "POST", "/v3/enterprise/members/users", emails=["m@example.org"], enterprise_role_id=maker_role
    )
    ids.world.tokens["maker"] = await ids.token(person["user_id"])
    for permissions, expected in (
        (["ViewAccountSessions"], 200), (["ViewOrgSessions"], 403), (["ManageAccountSessions"], 403),
        (["ManageAccountServiceUsers"], 403), (["ManageOrgServiceUsers"], 403), ([], 200), (["ManageBilling"], 403),
    ):  # fmt: skip
        role = await ids.custom_role(*permissions, role_type="enterprise")
        await ids.ask("POST", ENTERPRISE, "maker", expected, **body(role))
    path = f"/v3beta1/organizations/{ids.world.org}/service-users"
    for permissions, expected in ((["ViewOrgSessions"], 200), (["Read"], 200), (["UseDevinSessions"], 403)):
        role = await ids.custom_role(*permissions)
        await ids.ask("POST", path, "maker", expected, **body(role))


async def test_management_of_service_users_is_never_given(ids):
    await ids.refused("POST", ENTERPRISE, 403, "Manage", **body(await ids.role("enterprise_admin")))
    path = f"/v3beta1/organizations/{ids.world.org}/service-users"
    for caller in ("org_admin", "enterprise_admin"):
        await ids.refused(
            "POST", path, 403, "ManageOrgServiceUsers", caller=caller, **body(await ids.role("org_admin"))
        )


async def test_who_may_not_make_any(ids):
    path = f"/v3beta1/organizations/{ids.world.org}/service-users"
    role = await ids.role("org_member")
    for caller in ("org_member", "stranger", "foreign_admin"):
        await ids.ask("POST", path, caller, 403, **body(role))
    await ids.ask("POST", ENTERPRISE, "org_admin", 403, **body(role))
