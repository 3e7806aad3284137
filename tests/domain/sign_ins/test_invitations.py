"""Invitations: who may make one, and that it works once, for a while, for one account."""

import asyncio

import pytest
from sqlalchemy import select, update

from cogmill.models.access import invitation

NEW = "a password of my own"
ACCEPT = "/cogmill/v1/invitations/accept"


@pytest.fixture
def invite(server):
    async def ask(name="colleague", caller="enterprise_admin", expect=200):
        client = await server.client(caller)
        path = f"/cogmill/v1/enterprise/members/users/{server.world.ids[name]}/invitation"
        answer = await client.post(path)
        assert answer.status_code == expect, answer.text
        return answer.json().get("invitation_url", "").partition("#")[2]

    return ask


@pytest.fixture
def accept(door):
    async def ask(token, password=NEW):
        browser = await door.browser()
        return (await browser.post(ACCEPT, json={"token": token, "password": password})).status_code

    return ask


async def test_an_invitation_sets_a_password_once(door, server, invite, accept):
    token = await invite()
    stored = await server.read(lambda ctx: ctx.db.execute(select(invitation)).one())
    assert token not in str(stored._asdict())
    assert await accept(token, "too short") == 422
    assert await accept(token) == 200
    await door.sign_in("colleague", NEW)
    assert await accept(token) == 404
    (record,) = [one for one in await door.records("accept_invitation") if "refused" not in one.data]
    assert record.user_id == server.world.ids["colleague"]
    assert token not in str([one.data for one in await door.records("invite_user")])


async def test_accepting_again_with_the_same_key_gets_the_first_answer(door, invite):
    token, keyed = await invite(), {"idempotency-key": "once"}
    body, browser = {"token": token, "password": NEW}, await door.browser(**keyed)
    first, again = [await browser.post(ACCEPT, json=body) for _ in range(2)]
    assert (first.status_code, again.status_code) == (200, 200)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    other = await browser.post(ACCEPT, json=body | {"password": "another password"})
    assert (other.status_code, other.json()["detail"][0]["loc"]) == (422, ["header", "Idempotency-Key"])
    (record,) = await door.records("accept_invitation")
    assert "refused" not in record.data
    await door.sign_in("colleague", NEW)


async def test_of_two_at_once_one_wins(invite, accept):
    token = await invite()
    assert sorted(await asyncio.gather(accept(token), accept(token))) == [200, 404]


async def test_a_newer_invitation_replaces_the_one_before(invite, accept):
    old, new = await invite(), await invite()
    assert [await accept(old), await accept(new)] == [404, 200]


async def test_an_invitation_runs_out(server, invite, accept):
    token = await invite()
    await server.write(lambda ctx: ctx.db.execute(update(invitation).values(expires_at=ctx.now - 1)))
    assert await accept(token) == 404


@pytest.mark.parametrize("change", [{"deleted_at": 1.0}, {"disabled_at": 1.0}, {"sign_in_epoch": 7}])
async def test_an_invitation_ends_with_the_account_s_state(door, invite, accept, change):
    token = await invite()
    await door.set("colleague", **change)
    assert await accept(token) == 404


async def test_signing_out_everywhere_takes_the_invitation_back(server, invite, accept):
    token = await invite()
    client = await server.client("enterprise_admin")
    path = f"/cogmill/v1/enterprise/members/users/{server.world.ids['colleague']}/sign-out-everywhere"
    assert (await client.post(path)).status_code == 200
    assert await accept(token) == 404


async def test_nobody_invites_somebody_who_may_do_more(door, server, invite):
    client = await server.client("enterprise_admin")
    body = {"name": "Members only", "role_type": "enterprise", "permissions": ["ManageAccountMembership"]}
    role = (await client.post("/cogmill/v1/enterprise/roles", json=body)).json()["role_id"]
    invited = {"emails": ["lead@example.org"], "enterprise_role_id": role}
    lead = (await client.post("/v3/enterprise/members/users", json=invited)).json()[0]["user_id"]
    server.world.ids["lead"] = lead
    try:
        token = await invite("lead")
        browser = await door.browser()
        assert (await browser.post(ACCEPT, json={"token": token, "password": NEW})).status_code == 200
        await door.sign_in("lead", NEW, browser=browser)
        path = "/cogmill/v1/enterprise/members/users/{}/invitation"
        refused = await browser.post(path.format(server.world.ids["person"]))
        assert refused.status_code == 403
        assert "do not hold" in refused.json()["detail"]
    finally:
        del server.world.ids["lead"]


async def test_foreign_and_unknown_users_cannot_be_invited(invite):
    await invite("person", caller="foreign_admin", expect=404)
    await invite("person", caller="person", expect=403)
