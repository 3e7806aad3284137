"""Personal access tokens and legacy keys."""

import time

import pytest
from sqlalchemy import update

from cogmill.models.access import api_key

OWN = "/cogmill/v1/self/tokens"


@pytest.fixture
def theirs(ids):
    return f"/cogmill/v1/enterprise/members/users/{ids.world.ids['person']}/tokens"


async def test_a_person_makes_lists_and_revokes_own_tokens(ids):
    made = await ids.ask("POST", OWN, "person", name="laptop")
    assert made["token"].startswith("cog_")
    client = await ids.server.client()
    found = (await client.get("/v3/self", headers={"authorization": f"Bearer {made['token']}"})).json()
    assert (found["principal_type"], found["api_key_name"]) == ("pat_user", "laptop")
    assert found["user_id"] == ids.world.ids["person"]
    assert await ids.status(made["token"], ids.server.sessions) == 200
    record = await ids.audit()
    assert (record.action, record.user_id) == ("create_pat", ids.world.ids["person"])
    names = [one["api_key_name"] for one in (await ids.ask("GET", OWN, "person"))["items"]]
    assert names == ["laptop", "token"]
    await ids.ask("DELETE", f"{OWN}/{made['api_key_id']}", "colleague", 404)
    await ids.ask("DELETE", f"{OWN}/{made['api_key_id']}", "person")
    assert (await ids.audit()).action == "revoke_pat"
    assert not await ids.works(made["token"])
    await ids.ask("DELETE", f"{OWN}/{made['api_key_id']}", "person", 409)
    listed = (await ids.ask("GET", OWN, "person", status="revoked"))["items"]
    assert [one["api_key_name"] for one in listed] == ["laptop"]


async def test_a_service_user_has_none(ids):
    for method, body in (("GET", {}), ("POST", {"name": "x"})):
        await ids.refused(method, OWN, 403, "belong to people", caller="org_admin", **body)


async def test_a_token_made_with_a_token_ends_with_it(ids):
    later = int(time.time()) + 1000
    first = await ids.ask("POST", OWN, "person", name="short", expires_at=later)
    ids.world.tokens["short"] = first["token"]
    await ids.ask("POST", OWN, "short", 422, name="longer", expires_at=later + 1)
    await ids.ask("POST", OWN, "short", name="as long")
    await ids.ask("POST", OWN, "short", name="shorter", expires_at=later - 1)
    found = {one["api_key_name"]: one["expires_at"] for one in (await ids.ask("GET", OWN, "person"))["items"]}
    assert found == {"shorter": later - 1, "as long": later, "short": later, "token": None}


async def test_administrators_make_tokens_for_those_who_may_do_no_more(ids, theirs):
    made = await ids.ask("POST", theirs, name="from above")
    assert await ids.works(made["token"])
    assert (await ids.audit()).data["user_id"] == ids.world.ids["person"]
    role = await ids.custom_role("ManageAccountMembership", role_type="enterprise")
    (manager,) = await ids.ask(
        "POST", "/v3/enterprise/members/users", emails=["m@example.org"], enterprise_role_id=role
    )
    ids.world.tokens["members"] = await ids.token(manager["user_id"])
    await ids.refused("POST", theirs, 403, "do not hold", caller="members", name="x")
    await ids.ask("GET", theirs, "members")
    await ids.ask("DELETE", f"{theirs}/{made['api_key_id']}", "members")
    assert not await ids.works(made["token"])
    for caller in ("org_admin", "person"):
        await ids.ask("POST", theirs, caller, 403, name="x")
    await ids.ask("POST", theirs, "foreign_admin", 404, name="x")


async def test_a_token_loses_what_its_user_loses(ids):
    token = ids.world.tokens["person"]
    assert await ids.status(token, ids.server.sessions) == 200
    await ids.ask("DELETE", f"{ids.organization}/users/{ids.world.ids['person']}")
    assert await ids.status(token, ids.server.sessions) == 403
    assert await ids.works(token)


async def test_legacy_keys_of_people(ids):
    base = f"/cogmill/v1/enterprise/members/users/{ids.world.ids['person']}/legacy-keys"
    made = await ids.ask("POST", base, name="old", org_id=ids.world.org)
    assert made["token"].startswith("apk_user_")
    client = await ids.server.client()
    answer = await client.get("/v3/self", headers={"authorization": f"Bearer {made['token']}"})
    assert answer.status_code == 401
    assert "/v1 and /v2" in answer.json()["detail"]
    assert (await ids.audit()).action == "create_user_api_key"
    (found,) = (await ids.ask("GET", base))["items"]
    assert (found["org_id"], found["is_active"]) == (ids.world.org, True)
    assert len((await ids.ask("GET", base.replace("legacy-keys", "tokens")))["items"]) == 1
    await ids.ask("POST", base, name="any org")
    for org in (ids.world.second_org, ids.world.foreign_org, "org-none"):
        await ids.refused("POST", base, 400, "no member", name="x", org_id=org)
    assert (await ids.ask("DELETE", f"{base}/{made['api_key_id']}"))["revoked_at"] is not None
    assert (await ids.audit()).action == "revoke_enterprise_api_key"
    await ids.ask("DELETE", f"/v3/enterprise/members/users/{ids.world.ids['person']}")
    revoked = await ids.server.read(lambda ctx: ctx.db.execute(_revoked(ids.world.ids["person"])).scalars().all())
    assert len(revoked) == 3
    assert None not in revoked


def _revoked(user_id):
    from sqlalchemy import select

    return select(api_key.c.revoked_at).where(api_key.c.user_id == user_id)


async def test_an_administrator_of_all_organizations_is_no_member_of_foreign_ones(ids):
    (admin,) = await ids.invite("a@example.org", role="enterprise_admin")
    base = f"/cogmill/v1/enterprise/members/users/{admin['user_id']}/legacy-keys"
    await ids.refused("POST", base, 400, "no member", name="x", org_id=ids.world.foreign_org)
    await ids.ask("POST", base, name="x", org_id=ids.world.org)


async def test_legacy_keys_of_organizations(ids):
    base = f"/cogmill/v1/organizations/{ids.world.org}/legacy-keys"
    made = await ids.ask("POST", base, "org_admin", name="old")
    assert made["token"].startswith("apk_")
    assert not made["token"].startswith("apk_user_")
    assert not await ids.works(made["token"])
    record = await ids.audit()
    assert (record.action, record.org_id) == ("create_org_api_key", ids.world.org)
    (found,) = (await ids.ask("GET", base, "org_admin"))["items"]
    assert found["org_id"] == ids.world.org
    await ids.ask("GET", base, "org_member", 403)
    other = f"/cogmill/v1/organizations/{ids.world.second_org}/legacy-keys"
    await ids.ask("DELETE", f"{other}/{made['api_key_id']}", "stranger", 404)
    await ids.ask("DELETE", f"{base}/{made['api_key_id']}", "org_admin")
    assert (await ids.ask("GET", base, "org_admin"))["items"] == []


async def test_who_holds_less_than_a_member_makes_no_key_that_acts_as_one(ids):
    role = await ids.custom_role("ManageOrgApiKeys")
    await ids.ask("POST", f"{ids.organization}/users/{ids.world.ids['outsider']}", role_id=role)
    base = f"/cogmill/v1/organizations/{ids.world.org}/legacy-keys"
    await ids.refused("POST", base, 403, "do not hold", caller="outsider", name="x")


async def test_a_revoked_token_cannot_make_another(ids):
    """Also when the guard has let it in before: here it still remembers the caller."""
    from cogmill.access.principals import Authenticator

    assert Authenticator.LIFETIME > 0
    await ids.ask("GET", OWN, "person")
    mine = api_key.c.user_id == ids.world.ids["person"]
    await ids.server.write(lambda ctx: ctx.db.execute(update(api_key).where(mine).values(revoked_at=1.0)))
    await ids.ask("POST", OWN, "person", 401, name="x")
