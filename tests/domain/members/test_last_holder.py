"""The last one who manages members cannot lose that right, however it would be lost."""

import asyncio

import pytest
from sqlalchemy import update

from cogmill.models.access import service_user

USERS = "/v3/enterprise/members/users"
MACHINES = "/v3/enterprise/members/service-users"
GROUPS = "/v3/enterprise/members/idp-groups"


async def test_the_only_service_user_stays(ids):
    admin, member = ids.world.ids["enterprise_admin"], await ids.role("enterprise_member")
    await ids.refused("DELETE", f"{MACHINES}/{admin}", 409, "ManageAccountMembership")
    await ids.refused("PATCH", f"{MACHINES}/{admin}", 409, role_id=member)
    await ids.ask("GET", USERS)  # nothing has changed
    (person,) = await ids.invite("a@example.org", role="enterprise_admin")
    await ids.token(person["user_id"])
    await ids.ask("DELETE", f"{MACHINES}/{admin}")


async def test_the_last_person_stays(ids):
    (person,) = await ids.invite("a@example.org", role="enterprise_admin")
    token = await ids.token(person["user_id"])
    await ids.ask("DELETE", f"{MACHINES}/{ids.world.ids['enterprise_admin']}")
    path = f"{USERS}/{person['user_id']}"
    assert await ids.status(token, path, "DELETE") == 409
    body = {"role_id": await ids.role("enterprise_member")}
    assert await ids.status(token, path, "PATCH", json=body) == 409
    assert await ids.status(token, USERS) == 200


async def test_a_group_counts_only_if_somebody_is_in_it(ids):
    admin, role = ids.world.ids["enterprise_admin"], await ids.role("enterprise_admin")
    await ids.group("admins")
    await ids.ask("POST", f"{GROUPS}/admins", role_id=role)
    await ids.refused("DELETE", f"{MACHINES}/{admin}", 409)
    person = ids.world.ids["person"]
    await ids.group("admins", person)
    await ids.ask("DELETE", f"{MACHINES}/{admin}")
    token = ids.world.tokens["person"]
    assert await ids.status(token, f"{GROUPS}/admins", "DELETE") == 409
    body = {"role_id": await ids.role("enterprise_member")}
    assert await ids.status(token, f"{GROUPS}/admins", "PATCH", json=body) == 409
    assert await ids.status(token, f"{USERS}/{person}", "DELETE") == 409


async def test_an_expired_service_user_does_not_count(ids):
    role = await ids.custom_role("ManageAccountMembership", role_type="enterprise")
    path = "/v3beta1/enterprise/service-users"
    made = await ids.ask("POST", path, name="x", role_id=role, ttl_seconds=1000)
    spare = made["service_user"]["service_user_id"]
    await ids.execute(update(service_user).where(service_user.c.service_user_id == spare).values(expires_at=1.0))
    await ids.refused("DELETE", f"{MACHINES}/{ids.world.ids['enterprise_admin']}", 409)


async def test_the_role_that_the_last_one_holds_keeps_the_permission(ids):
    role = await ids.custom_role("ManageAccountMembership", role_type="enterprise")
    (person,) = await ids.ask("POST", USERS, emails=["a@example.org"], enterprise_role_id=role)
    token = await ids.token(person["user_id"])
    await ids.ask("DELETE", f"{MACHINES}/{ids.world.ids['enterprise_admin']}")
    path = f"/cogmill/v1/enterprise/roles/{role}"
    assert await ids.status(token, path, "PATCH", json={"permissions": ["ViewAccountMembership"]}) == 409
    assert await ids.status(token, path, "PATCH", json={"permissions": ["ManageAccountMembership", "Read"]}) == 200


@pytest.mark.parametrize("round_", range(3))
async def test_two_who_remove_each_other_at_once(ids, round_):
    people = await ids.invite("a@example.org", "b@example.org", role="enterprise_admin")
    first, second = (one["user_id"] for one in people)
    tokens = [await ids.token(first), await ids.token(second)]
    await ids.ask("DELETE", f"{MACHINES}/{ids.world.ids['enterprise_admin']}")
    codes = await asyncio.gather(
        ids.status(tokens[0], f"{USERS}/{second}", "DELETE"), ids.status(tokens[1], f"{USERS}/{first}", "DELETE")
    )
    assert codes.count(200) == 1
    assert sorted(codes)[1] in {401, 403, 409}
    assert [await ids.works(token) for token in tokens].count(True) == 1
