"""Signing in with a password, what the cookie is good for, and how it ends."""

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from cogmill.access.passwords import SignIns
from cogmill.kit.slowdown import Slowdown
from cogmill.models.access import browser_session, user

from .conftest import PASSWORD

SIGN_IN, SIGN_OUT = "/cogmill/v1/sign-in", "/cogmill/v1/sign-out"
EVERYWHERE = "/cogmill/v1/self/sign-out-everywhere"


async def status(browser, path="/v3/self"):
    return (await browser.get(path)).status_code


async def test_a_cookie_has_the_rights_of_its_user(door, server):
    browser = await door.sign_in()
    shown = (await browser.get("/v3/self")).json()
    token = (await (await server.client("person")).get("/v3/self")).json()
    assert set(shown) == set(token)
    assert (shown["principal_type"], shown["user_id"], shown["user_name"]) == (
        "pat_user", server.world.ids["person"], "person",
    )  # fmt: skip
    assert (await browser.post(server.sessions, json={"prompt": "Do it."})).status_code == 200
    assert await status(browser, "/v3/enterprise/organizations") == 403
    assert await status(browser, f"/v3/organizations/{server.world.second_org}/sessions") == 403
    assert (await browser.post("/cogmill/v1/self/tokens", json={"name": "mine"})).status_code == 200


async def test_only_a_hash_of_the_token_is_stored(door, server):
    browser = await door.sign_in()
    row = await server.read(lambda ctx: ctx.db.execute(select(browser_session)).one())
    assert browser.cookies["cogmill"] not in str(row._asdict())


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(door):
    answer = await (await door.browser()).post(SIGN_IN, json={"email": "PERSON@example.org ", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("cogmill=cgs_", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=604800"))
    assert "Secure" not in cookie
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.settings(public_url="https://cogmill.example")
@pytest.mark.one_database
async def test_over_https_the_cookie_is_bound_to_the_host(door):
    browser = await door.browser(origin="https://cogmill.example")
    answer = await browser.post(SIGN_IN, json={"email": "person@example.org", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-cogmill=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    token = cookie.partition("=")[2].partition(";")[0]
    assert (await browser.get("/v3/self", headers={"cookie": f"__Host-cogmill={token}"})).status_code == 200
    assert (await browser.get("/v3/self", headers={"cookie": f"cogmill={token}"})).status_code == 401


async def test_refusals_are_all_alike(door):
    await door.set("colleague", password_hash=None)
    await door.set("outsider", disabled_at=1.0)
    answers = []
    for name in ("person", "colleague", "outsider", "nobody"):
        answer = await (await door.browser()).post(
            SIGN_IN, json={"email": f"{name}@example.org", "password": "wrong password"}
        )
        assert answer.status_code == 401
        answers.append({**answer.json(), "request_id": ""})
        assert "set-cookie" not in answer.headers
    assert all(one == answers[0] for one in answers)


@pytest.mark.one_database
async def test_an_unknown_address_costs_one_comparison_too(door, monkeypatch):
    compared = []
    verify = SignIns.verify

    async def counted(self, stored, password):
        compared.append(stored)
        return await verify(self, stored, password)

    monkeypatch.setattr(SignIns, "verify", counted)
    await door.sign_in("nobody", expect=401)
    await door.sign_in("person", "wrong", expect=401)
    assert [one is None for one in compared] == [True, False]


async def test_sign_ins_are_on_record(door, server):
    await door.sign_in()
    (record,) = await door.records("login")
    assert (record.user_id, record.enterprise_id) == (server.world.ids["person"], server.world.enterprise)
    assert record.data["method"] == "password"
    await door.sign_in(password="wrong", expect=401)
    refused = (await door.records("login", 2))[0]
    assert (refused.user_id, refused.data["refused"]["status"]) == (server.world.ids["person"], 401)
    assert "wrong" not in refused.data["email"]


@pytest.mark.parametrize("change", [{"deleted_at": 1.0}, {"disabled_at": 1.0}, {"sign_in_epoch": 1}])
async def test_a_session_ends_at_once_when_the_account_changes(door, change):
    browser = await door.sign_in()
    assert await status(browser) == 200
    await door.set(**change)
    assert await status(browser) == 401


async def test_a_disabled_user_s_keys_do_not_work_either(door, server):
    client = await server.client("person")
    await door.set(disabled_at=1.0)
    server.runtime.authenticator.forget()
    assert (await client.get("/v3/self")).status_code == 401


@pytest.mark.settings(browser_session_hours=2, browser_session_idle_hours=1)
@pytest.mark.parametrize(("began", "used", "works"), [(1.5, 0.9, True), (1.5, 1.1, False), (2.1, 0.1, False)])
async def test_a_session_runs_out(door, server, began, used, works):
    browser = await door.sign_in()

    def age(ctx):
        times = {"created_at": ctx.now - began * 3600, "last_used_at": ctx.now - used * 3600}
        ctx.db.execute(update(browser_session).values(times))

    await server.write(age)
    assert await status(browser) == (200 if works else 401)
    row = await server.read(lambda ctx: ctx.db.execute(select(browser_session)).one())
    assert (row.last_used_at - row.created_at > began * 3600 - 60) == works  # use is noted, and moves the idle end


async def test_signing_out(door):
    browser, other = await door.sign_in(), await door.sign_in()
    token = browser.cookies["cogmill"]
    answer = await browser.post(SIGN_OUT)
    assert answer.json()["ended_sessions"] == 1
    assert 'cogmill=""' in answer.headers["set-cookie"]
    assert (await browser.get("/v3/self", headers={"cookie": f"cogmill={token}"})).status_code == 401
    assert await status(other) == 200
    assert len(await door.records("sign_out")) == 1


async def test_signing_out_everywhere(door, server):
    browser, other = await door.sign_in(), await door.sign_in()
    assert (await browser.post(EVERYWHERE)).json()["ended_sessions"] == 2
    assert [await status(browser), await status(other)] == [401, 401]
    assert (await (await server.client("person")).get("/v3/self")).status_code == 200  # keys go on working
    assert len(await door.records("sign_out_everywhere")) == 1


async def test_an_administrator_signs_somebody_out(door, server):
    browser, world = await door.sign_in(), server.world
    path = "/cogmill/v1/enterprise/members/users/{}/sign-out-everywhere"
    admin = await server.client("enterprise_admin")
    foreign = await server.client("foreign_admin")
    assert (await foreign.post(path.format(world.ids["person"]))).status_code == 404
    assert await status(browser) == 200
    assert (await admin.post(path.format(world.ids["person"]))).json()["ended_sessions"] == 1
    assert await status(browser) == 401


async def test_a_key_has_no_browser_session(server):
    for caller, code in (("person", 400), ("org_admin", 400)):
        client = await server.client(caller)
        assert (await client.post(SIGN_OUT)).status_code == code
    assert (await (await server.client("org_admin")).post(EVERYWHERE)).status_code == 403


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 403),
        ({"x-cogmill-page": "1"}, 200),
        ({"x-cogmill-page": "1", "origin": "http://evil.test"}, 403),
        ({"x-cogmill-page": "1", "origin": "null"}, 403),
        ({"x-cogmill-page": "1", "sec-fetch-site": "cross-site"}, 403),
        ({"x-cogmill-page": "1", "sec-fetch-site": "same-site"}, 403),
    ],
)
@pytest.mark.one_database
async def test_other_sites_cannot_use_the_cookie(door, server, headers, code):
    token = (await door.sign_in()).cookies["cogmill"]
    client = await server.client()
    sent = headers | {"cookie": f"cogmill={token}"}
    assert (await client.post("/cogmill/v1/self/tokens", json={"name": "a"}, headers=sent)).status_code == code
    with_key = sent | {"authorization": f"Bearer {server.world.tokens['person']}"}
    assert (await client.post("/cogmill/v1/self/tokens", json={"name": "a"}, headers=with_key)).status_code == 200
    wrong_key = sent | {"authorization": "Bearer cog_x"}
    assert (await client.get("/v3/self", headers=wrong_key)).status_code == 401


@pytest.mark.one_database
async def test_another_site_cannot_sign_a_browser_in(door):
    browser = await door.browser(origin="http://evil.test")
    await door.sign_in(expect=403, browser=browser)


@pytest.mark.one_database
async def test_guessing_is_slowed_down(door, server, monkeypatch):
    now = [0.0]
    slow = Slowdown(burst=2, every=30, clock=lambda: now[0])
    monkeypatch.setattr(server.runtime.sign_ins, "by_account", slow)
    browser = await door.browser()
    for _ in range(3):
        await door.sign_in(browser=browser)  # success costs nothing
    for _ in range(2):
        await door.sign_in(password="wrong", expect=401, browser=browser)
    answer = await browser.post(SIGN_IN, json={"email": "person@example.org", "password": PASSWORD})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    await door.sign_in("colleague", expect=401)
    now[0] = 31.0
    await door.sign_in(browser=browser)


@pytest.mark.one_database
async def test_addresses_are_slowed_down(door, server, monkeypatch):
    monkeypatch.setattr(server.runtime.sign_ins, "by_address", Slowdown(burst=1, every=30))
    await door.sign_in("nobody", expect=401)
    await door.sign_in("person", expect=429)


@pytest.mark.one_database
async def test_an_old_hash_is_made_anew(door, server):
    old = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    await door.set(password_hash=old)
    await door.sign_in()
    query = select(user.c.password_hash).where(user.c.user_id == server.world.ids["person"])
    assert (await server.read(lambda ctx: ctx.db.execute(query).scalar_one())) != old
    await door.sign_in()


@pytest.mark.parametrize("body", [{}, {"email": "a"}, {"email": "a@b", "password": "x" * 1025}, {"email": 1}, []])
@pytest.mark.one_database
async def test_malformed_sign_ins_are_422_and_repeat_nothing(door, body):
    answer = await (await door.browser()).post(SIGN_IN, json=body)
    assert answer.status_code == 422
    assert "xxx" not in answer.text


async def test_another_password_signs_out_everywhere(door):
    browser, path = await door.sign_in(), "/cogmill/v1/self/password"
    new = "another good password"
    wrong = await browser.put(path, json={"current_password": "wrong", "new_password": new})
    assert wrong.status_code == 403
    short = await browser.put(path, json={"current_password": PASSWORD, "new_password": "x" * 11})
    assert short.status_code == 422
    done = await browser.put(path, json={"current_password": PASSWORD, "new_password": new})
    assert (done.status_code, done.json()["ended_sessions"]) == (200, 1)
    assert await status(browser) == 401
    await door.sign_in(expect=401)
    await door.sign_in(password=new)
    said = [one.data.get("refused", {}).get("status") for one in await door.records("change_password", 3)]
    assert said == [None, 422, 403]
