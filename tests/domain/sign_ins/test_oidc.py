"""Signing in through a real OpenID Connect provider: who gets in, with which groups, and every way it can go wrong."""

import json
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from oidc_provider_mock import run_server_in_thread
from sqlalchemy import insert, select

from cogmill.access.oidc_provider import CALLBACK, OidcProvider, ProviderRefused, UnknownKey, read_id_token
from cogmill.doctor import examine
from cogmill.models.access import idp_group, idp_group_member
from cogmill.preconditions import SettingsError, check_oidc
from tests.serving import free_port

BEGIN = "/cogmill/v1/sign-in/oidc"
PORT = free_port()
ISSUER = f"http://localhost:{PORT}"
pytestmark = pytest.mark.settings(oidc_issuer=ISSUER, oidc_client_id="cogmill", oidc_client_secret="quiet please")


@pytest.fixture(scope="module")
def provider():
    """Knows people, signs tokens, checks codes."""
    with run_server_in_thread(port=PORT, require_nonce=True), httpx.Client(base_url=ISSUER) as client:
        yield client


class Desk:
    """People with an account at the provider, each with a browser."""

    def __init__(self, door, provider):
        self.door, self.provider = door, provider

    def know(self, subject, **claims):
        verified = {"email": f"{subject}@example.org", "email_verified": True}
        self.provider.put(f"/users/{subject}", json=verified | claims).raise_for_status()

    async def go(self, subject, next_page="", browser=None):
        """From our button through the provider's form; answers the browser and the way back to us."""
        browser = browser or await self.door.browser()
        left = await browser.get(BEGIN, params={"next": next_page})
        assert left.status_code == 303, left.text
        back = self.provider.post(left.headers["location"], data={"sub": subject})
        assert back.status_code == 302, back.text
        url = urlsplit(back.headers["location"])
        assert url.path == CALLBACK
        return browser, f"{url.path}?{url.query}"

    async def sign_in(self, subject, next_page="", expect=None):
        browser, back = await self.go(subject, next_page)
        answer = await browser.get(back)
        assert answer.status_code == 303, answer.text
        url = urlsplit(answer.headers["location"])
        refused = parse_qs(url.fragment).get("refused", [None])[0]
        assert refused == expect, url.fragment
        assert url.path == "/sign-in"
        self.last = url
        return browser

    async def groups(self, subject="person"):
        mine = idp_group_member.c.user_id == self.door.server.world.ids[subject]
        names = select(idp_group.c.name).join(idp_group_member).where(mine).order_by(idp_group.c.name)
        return await self.door.server.read(lambda ctx: list(ctx.db.execute(names).scalars()))


@pytest.fixture
async def desk(door, provider):
    desk = Desk(door, provider)
    desk.know("person")
    await door.set(password_hash=None)
    return desk


async def status(browser, path="/v3/self"):
    return (await browser.get(path)).status_code


async def test_a_person_with_the_same_verified_address_is_the_user(desk, door, server):
    browser = await desk.sign_in("person", "/organizations/o/sessions/s?x=1")
    shown = (await browser.get("/v3/self")).json()
    assert (shown["principal_type"], shown["user_id"]) == ("pat_user", server.world.ids["person"])
    assert parse_qs(desk.last.query)["next"] == ["/organizations/o/sessions/s?x=1"]
    assert "cogmill-oidc" not in browser.cookies
    record = (await door.records("login"))[0]
    assert record.user_id == server.world.ids["person"]
    assert (record.data["method"], record.data["issuer"], record.data["first"]) == ("oidc", ISSUER, True)
    await desk.sign_in("person")
    assert (await door.records("login", 2))[0].data["first"] is False


async def test_the_subject_stays_the_person_whatever_the_address_becomes(desk, server):
    await desk.sign_in("person")
    desk.know("person", email="else@example.org", email_verified=False)
    browser = await desk.sign_in("person")
    assert (await browser.get("/v3/self")).json()["user_id"] == server.world.ids["person"]


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": None}, {"email": "no@example.org"}, {"email": 7}]
)
async def test_unverified_and_unknown_addresses_are_refused(desk, door, claims):
    desk.know("person", **claims)
    browser = await desk.sign_in("person", expect="UnknownPerson")
    assert await status(browser) == 401
    assert (await door.records("login"))[0].data["refused"]["status"] == 403


@pytest.mark.settings(oidc_trust_email=True)
@pytest.mark.one_database
async def test_an_operator_may_trust_the_addresses(desk):
    desk.know("person", email_verified=None)
    assert await status(await desk.sign_in("person")) == 200


@pytest.mark.settings(oidc_create_users=True)
async def test_unknown_people_become_members_where_that_is_wanted(desk, door, server):
    desk.know("newcomer", name="New Comer")
    browser = await desk.sign_in("newcomer")
    assert (await browser.get("/v3/self")).json()["user_name"] == "New Comer"
    assert await status(browser, "/v3/enterprise/organizations") == 403
    assert (await door.records("add_enterprise_member"))[0].data["email"] == "newcomer@example.org"
    desk.know("shady", email="shady@example.org", email_verified=False)
    await desk.sign_in("shady", expect="UnknownPerson")


@pytest.mark.settings(oidc_create_users=True)
@pytest.mark.parametrize("change", [{"disabled_at": 1.0}, {"deleted_at": 1.0}])
async def test_who_was_shut_out_stays_out(desk, door, change):
    first = await desk.sign_in("person")
    await door.set(**change)
    await desk.sign_in("person", expect="SwitchedOff")
    assert await status(first) == 401


async def test_groups_follow_the_claim_at_every_sign_in(desk, server):
    world = server.world
    enterprise_id = world.enterprise

    def register(ctx):
        rows = [
            {"idp_group_id": f"grp-{n}", "enterprise_id": enterprise_id, "name": n, "created_at": 1.0}
            for n in ("builders", "testers")
        ]
        ctx.db.execute(insert(idp_group), rows)

    await server.write(register)
    for named, expected in (
        (["builders", "unknown"], ["builders"]),
        (["builders", "testers", 7], ["builders", "testers"]),
        ("testers", ["testers"]),
        ([], []),
        (["builders"], ["builders"]),
        (None, []),
        ({"builders": 1}, []),
    ):
        desk.know("person", groups=named)
        await desk.sign_in("person")
        assert await desk.groups() == expected


async def test_a_way_back_works_in_its_own_browser_only_and_once(desk, door):
    browser, back = await desk.go("person")
    other = await door.browser()
    assert "refused=NotUnderWay" in (await other.get(back)).headers["location"]
    assert "#signed-in" in (await browser.get(back)).headers["location"]
    again = await browser.get(back)
    assert "refused=NotUnderWay" in again.headers["location"], "the cookie of the journey is gone"


async def test_a_code_counts_once_even_with_the_cookie(desk):
    browser, back = await desk.go("person")
    kept = dict(browser.cookies)
    await browser.get(back)
    answer = await browser.get(back, headers={"cookie": "; ".join(f"{k}={v}" for k, v in kept.items())})
    assert "refused=ProviderRefused" in answer.headers["location"]


@pytest.mark.parametrize("wrong", ["state", "code"])
async def test_a_wrong_state_or_code_is_refused(desk, wrong):
    browser, back = await desk.go("person")
    parts = {name: values[0] for name, values in parse_qs(back.partition("?")[2]).items()} | {wrong: "x"}
    answer = await browser.get(CALLBACK, params=parts)
    refused = {"state": "NotUnderWay", "code": "ProviderRefused"}[wrong]
    assert f"refused={refused}" in answer.headers["location"]
    assert await status(browser) == 401


async def test_who_says_no_at_the_provider_is_not_signed_in(desk, door):
    browser, back = await desk.go("person")
    state = parse_qs(back.partition("?")[2])["state"][0]
    answer = await browser.get(CALLBACK, params={"error": "access_denied", "state": state})
    assert "refused=ProviderRefused" in answer.headers["location"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    "query", ["", "?state=x", "?code=x", "?code=%00&state=%00", "?code=" + "x" * 5000, "?state=%ff"]
)
async def test_nonsense_is_no_crash(desk, query):
    answer = await (await desk.door.browser()).get(CALLBACK + query)
    assert answer.status_code in {303, 422}
    assert "signed-in" not in answer.headers.get("location", "")


@pytest.mark.one_database
async def test_a_journey_does_not_last(desk, server):
    browser, back = await desk.go("person")
    late = server.runtime.clock() + 601
    object.__setattr__(server.runtime, "clock", lambda: late)  # frozen
    assert "refused=NotUnderWay" in (await browser.get(back)).headers["location"]


async def test_addresses_off_the_list_are_refused(desk, server):
    admin = await server.client("enterprise_admin")
    browser, back = await desk.go("person")
    answer = await admin.put("/v3/enterprise/ip-access-list", json={"ip_ranges": ["203.0.113.0/24"]})
    assert answer.status_code == 200
    assert "refused=Unauthenticated" in (await browser.get(back)).headers["location"]


@pytest.mark.one_database
async def test_the_page_learns_of_the_provider(server):
    shown = (await (await server.client()).get("/cogmill/v1/sign-in")).json()
    assert shown == {
        "password": True,
        "oidc": {"name": "single sign-on", "url": f"{server.runtime.settings.base_url}{BEGIN}"},
    }


@pytest.mark.one_database
@pytest.mark.settings(oidc_issuer=f"http://localhost:{free_port()}")
async def test_a_provider_that_is_away_is_said_so(door):
    answer = await (await door.browser()).get(BEGIN)
    assert "/sign-in#refused=ProviderFailed&request=req-" in answer.headers["location"]


@pytest.mark.one_database
async def test_a_provider_that_calls_itself_otherwise_is_not_believed(provider, server, door):
    other = server.runtime.settings.model_copy(update={"oidc_issuer": f"http://127.0.0.1:{PORT}/"})
    object.__setattr__(server.runtime, "oidc", OidcProvider(other))  # frozen
    answer = await (await door.browser()).get(BEGIN)
    assert "refused=ProviderFailed" in answer.headers["location"]


class Broken(BaseHTTPRequestHandler):
    """A provider that describes itself well and answers codes as told."""

    reply = (200, b"")

    def do_GET(self):
        url = f"http://127.0.0.1:{self.server.server_port}"
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        self.answer(200, json.dumps({"issuer": url} | {name: f"{url}/{name}" for name in names}).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(*self.reply)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("reply", "refused"),
    [
        ((500, b"oops"), "ProviderFailed"), ((200, b"oops"), "ProviderFailed"), ((200, b"[]"), "ProviderFailed"),
        ((200, b"{}"), "ProviderFailed"), ((200, b'{"id_token": 7}'), "ProviderFailed"),
        ((200, b'{"id_token": "a.b.c"}'), "ProviderFailed"), ((302, b""), "ProviderFailed"),
        ((400, b'{"error": "invalid_grant"}'), "ProviderRefused"),
        ((401, b'{"error": "invalid_client"}'), "ProviderRefused"),
    ],
)  # fmt: skip
async def test_a_provider_that_answers_badly_lets_nobody_in(door, server, reply, refused):
    handler = type("Told", (Broken,), {"reply": reply})
    with HTTPServer(("127.0.0.1", 0), handler) as away:
        Thread(target=away.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{away.server_port}"
        other = server.runtime.settings.model_copy(update={"oidc_issuer": url})
        object.__setattr__(server.runtime, "oidc", OidcProvider(other))  # frozen
        browser = await door.browser()
        left = await browser.get(BEGIN)
        state = parse_qs(urlsplit(left.headers["location"]).query)["state"][0]
        answer = await browser.get(CALLBACK, params={"code": "c", "state": state})
        away.shutdown()
    assert f"refused={refused}" in answer.headers["location"]
    assert await status(browser) == 401


# ID tokens

KEY, FOREIGN = RSAKey.generate_key(2048, {"kid": "one"}), RSAKey.generate_key(2048, {"kid": "one"})
KEYS = KeySet([KEY])
NOW = 1_800_000_000
GOOD = {"iss": ISSUER, "aud": "cogmill", "sub": "s", "nonce": "n", "iat": NOW - 5, "exp": NOW + 300}


def read(claims=None, key=KEY, header=None):
    token = jwt.encode(
        {"alg": "RS256", "kid": "one"} | (header or {}), GOOD | (claims or {}), key, algorithms=["RS256", "HS256"]
    )
    return read_id_token(token, KEYS, issuer=ISSUER, client_id="cogmill", nonce="n", now=NOW)


def test_a_good_token_is_read():
    assert read()["sub"] == "s"
    assert read({"aud": ["cogmill", "other"], "azp": "cogmill"})["sub"] == "s"
    assert read({"exp": NOW - 30})["sub"] == "s", "clocks differ a little"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"}, {"aud": "other"}, {"aud": ["other"]}, {"aud": ["cogmill", "other"]},
        {"azp": "other"},
        {"nonce": "m"}, {"nonce": None}, {"exp": NOW - 61}, {"iat": NOW + 3600}, {"nbf": NOW + 3600}, {"sub": ""},
        {"sub": "x" * 256}, {"sub": 7},
    ],
)  # fmt: skip
def test_a_token_for_others_or_another_time_is_refused(claims):
    with pytest.raises(ProviderRefused):
        read(claims)


def test_a_token_of_another_signer_is_refused():
    with pytest.raises(UnknownKey):
        read(key=FOREIGN)
    with pytest.raises(UnknownKey):
        read(header={"kid": "two"})


def test_a_token_signed_with_what_everybody_knows_is_refused():
    with pytest.raises(ProviderRefused):
        read(key=OctKey.import_key("the client secret, which is long enough"), header={"alg": "HS256"})
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzIn0."
    for token in (unsigned, "", "x", "a.b.c", "ä.b.c"):
        with pytest.raises(ProviderRefused):
            read_id_token(token, KEYS, issuer=ISSUER, client_id="cogmill", nonce="n", now=time.time())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oidc_client_id": None}, "go together"),
        ({"oidc_issuer": None}, "go together"),
        ({"oidc_issuer": "http://login.example.com"}, "https://"),
        ({"oidc_issuer": "login.example.com"}, "https://"),
        ({"oidc_scope": "email"}, "openid"),
    ],
)
@pytest.mark.one_database
def test_settings_that_would_not_be_safe_are_refused(settings, change, said):
    check_oidc(settings)
    with pytest.raises(SettingsError, match=said):
        check_oidc(settings.model_copy(update=change))


@pytest.mark.one_database
def test_the_doctor_looks_whether_the_provider_answers(settings, provider):
    found = {one.name: one for one in examine(settings)}["sign-in"]
    assert (found.is_ok, CALLBACK in found.detail) == (True, True)
    away = settings.model_copy(update={"oidc_issuer": f"{ISSUER}/elsewhere"})
    found = {one.name: one for one in examine(away)}["sign-in"]
    assert (found.is_ok, "HTTPStatusError" in found.detail) == (False, True)
