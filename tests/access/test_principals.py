"""Who a key stands for: keys that do not work, keys that stop working, and headers of every shape."""

import time

import pytest
from sqlalchemy import delete, update

from cogmill.access.permissions import Permission as P
from cogmill.access.principals import Authenticator, find_principal
from cogmill.kit.crypto import Keyring
from cogmill.models.access import api_key, organization, role, role_assignment, service_user, user
from tests.factories import KEYRING, REFUSED_KEYS, assign, create_pat, create_user


@pytest.fixture
def who(server):
    """Ask the server's authenticator who a caller is."""

    async def ask(caller, now=None):
        token = server.world.tokens[caller]
        return await server.runtime.authenticator.principal(token, time.time() if now is None else now)

    return ask


def key_of(server, caller):
    return api_key.c.token_hash == KEYRING.token_hash(server.world.tokens[caller])


async def change(server, statement):
    await server.write(lambda ctx: ctx.db.execute(statement))


async def test_a_service_user(server, who):
    found = await who("org_admin")
    assert found.service_user_id == found.principal_id == server.world.ids["org_admin"]
    assert found.user_id is None
    assert found.name == "org_admin"
    assert found.org_id == found.home_org == server.world.org
    assert found.enterprise_id == server.world.enterprise


async def test_a_person(server, who):
    found = await who("person")
    assert found.user_id == found.principal_id == server.world.ids["person"]
    assert found.service_user_id is None
    assert found.org_id is None
    assert found.home_org == server.world.org


async def test_who_reaches_several_organizations_has_no_home(who):
    assert (await who("person_of_two")).home_org is None
    assert (await who("enterprise_admin")).home_org is None


@pytest.mark.parametrize("caller", REFUSED_KEYS)
async def test_keys_that_stand_for_nobody(who, caller):
    assert await who(caller) is None


async def test_a_revoked_key_is_refused_at_once(server, who):
    assert await who("org_admin") is not None
    await change(server, update(api_key).where(key_of(server, "org_admin")).values(revoked_at=1.0))
    server.runtime.authenticator.forget()
    assert await who("org_admin") is None
    client = await server.client("org_admin")
    assert (await client.get("/v3/self")).status_code == 401


async def test_a_revocation_by_another_process_is_seen_soon(server, who, monkeypatch):
    assert await who("org_admin") is not None
    await change(server, update(api_key).where(key_of(server, "org_admin")).values(revoked_at=1.0))
    monkeypatch.setattr(Authenticator, "LIFETIME", 0.0)
    assert await who("org_admin") is None
    assert Authenticator.LIFETIME <= 1.0


async def test_a_key_ends_on_the_second_even_when_it_is_cached(server, who):
    expires = time.time() + 1000
    await change(server, update(api_key).where(key_of(server, "org_admin")).values(expires_at=expires))
    server.runtime.authenticator.forget()
    assert await who("org_admin", expires - 0.001) is not None
    assert await who("org_admin", expires) is None
    assert await who("org_admin", expires + 1) is None


async def test_the_earlier_end_of_key_and_owner_counts(server, who):
    owner = service_user.c.service_user_id == server.world.ids["org_admin"]
    await change(server, update(api_key).where(key_of(server, "org_admin")).values(expires_at=2000.0))
    await change(server, update(service_user).where(owner).values(expires_at=1000.0))
    assert (await who("org_admin", 999.0)).expires_at == 1000.0
    assert await who("org_admin", 1000.0) is None


@pytest.mark.parametrize("caller", ["org_admin", "person"])
async def test_a_deleted_owner(server, who, caller):
    for table, column in ((service_user, service_user.c.service_user_id), (user, user.c.user_id)):
        await change(server, update(table).where(column == server.world.ids[caller]).values(deleted_at=1.0))
    assert await who(caller) is None


async def test_a_person_outlives_an_organization(server, who):
    gone = update(organization).where(organization.c.org_id == server.world.org).values(deleted_at=1.0)
    await change(server, gone)
    assert await who("org_admin") is None
    found = await who("person")
    assert found is not None
    assert found.in_org(server.world.org) == frozenset()


async def test_losing_a_role_works_at_the_next_request(server, who):
    assert P.USE_DEVIN_SESSIONS in (await who("person")).in_org(server.world.org)
    await change(server, delete(role_assignment).where(role_assignment.c.principal_id == server.world.ids["person"]))
    server.runtime.authenticator.forget()
    assert (await who("person")).in_org(server.world.org) == frozenset()


async def test_a_person_without_any_role_may_only_ask_who_it_is(server):
    def unit(ctx):
        return create_pat(ctx.db, create_user(ctx.db, server.world.enterprise, "nobody-yet"))

    server.world.tokens["nobody_yet"] = await server.write(unit)
    client = await server.client("nobody_yet")
    assert (await client.get("/v3/self")).status_code == 200
    assert (await client.get(server.sessions)).status_code == 403


async def test_roles_at_both_tiers_add_up(server, who):
    world = server.world
    await server.write(
        lambda ctx: assign(ctx.db, world.enterprise, world.ids["person"], None, [P.MANAGE_ACCOUNT_KNOWLEDGE, P.READ])
    )
    found = await who("person")
    assert P.MANAGE_ACCOUNT_KNOWLEDGE in found.at_enterprise
    assert {P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_KNOWLEDGE} <= found.in_org(world.org)
    assert P.MANAGE_ORG_KNOWLEDGE in found.in_org(world.second_org)
    assert P.USE_DEVIN_SESSIONS not in found.in_org(world.second_org)


async def test_an_organization_role_holds_no_enterprise_permission(server, who):
    world = server.world

    def unit(ctx):
        user_id = create_user(ctx.db, world.enterprise, "newcomer")
        assign(ctx.db, world.enterprise, user_id, world.org, [P.MANAGE_ACCOUNT_SESSIONS])
        return create_pat(ctx.db, user_id)

    world.tokens["newcomer"] = await server.write(unit)
    found = await who("newcomer")
    assert P.MANAGE_ACCOUNT_SESSIONS not in found.in_org(world.org) | found.at_enterprise
    assert P.MANAGE_ORG_SESSIONS not in found.in_org(world.org)


async def test_a_confined_service_user_never_leaves_its_organization(server, who):
    world = server.world
    await server.write(
        lambda ctx: assign(ctx.db, world.enterprise, world.ids["org_admin"], None, [P.VIEW_ACCOUNT_SESSIONS])
    )
    found = await who("org_admin")
    assert found.in_org(world.second_org) == frozenset()


async def test_a_key_hashed_under_another_keyring_is_unknown(server):
    token = server.world.tokens["org_admin"]
    assert await server.read(lambda ctx: find_principal(ctx.db, KEYRING.token_hash(token))) is not None
    stranger = Keyring(b"x" * 32)
    assert await server.read(lambda ctx: find_principal(ctx.db, stranger.token_hash(token))) is None
    assert await Authenticator(server.runtime.database, stranger).principal(token, 0.0) is None


async def test_a_good_key_is_looked_up_once_a_bad_one_every_time(server, monkeypatch):
    looked_up = []
    authenticator = Authenticator(server.runtime.database, KEYRING)
    monkeypatch.setattr(Authenticator, "LIFETIME", 60.0)
    original = authenticator._look_up

    async def counting(hashed, *rest):
        looked_up.append(hashed)
        return await original(hashed, *rest)

    authenticator._look_up = counting
    for caller in ("org_admin", "org_admin", "unknown", "unknown", "revoked"):
        await authenticator.principal(server.world.tokens[caller], time.time())
    assert len(looked_up) == 4


async def test_a_flood_of_wrong_keys_fills_no_memory(server):
    authenticator = Authenticator(server.runtime.database, KEYRING)
    for number in range(50):
        assert await authenticator.principal("cog_" + f"{number:a>52}", 0.0) is None
    assert not authenticator._cache


HEADERS = [
    b"", b"Bearer", b"Bearer ", b"bearer", b"Basic dXNlcjpwYXNz", b"Token KEY", b"KEY", b"BearerKEY", b"Bearer: KEY",
    b"Bearer Bearer KEY", b"Bearer KEY,KEY", b"Bearer KEY KEY", b'Bearer "KEY"', b"Bearer token=KEY", b"Digest KEY",
    b"Bearer\tKEY", b"Bearer KEY\xff", b"Bearer \xc3\xa4" + b"a" * 54, b"Bearer " + b"a" * 100_000, b"Negotiate",
    b"\xff\xfe", b"Bearer cog_", b"Bearer COG_" + b"a" * 52, b"null", b"Bearer null", b"Bearer undefined",
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS, ids=lambda one: repr(one[:24]))
@pytest.mark.one_database
async def test_authorization_headers_that_are_none(server, header):
    client = await server.client()
    key = server.world.tokens["org_admin"].encode()
    answer = await client.get("/v3/self", headers={b"authorization": header.replace(b"KEY", key)})
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert key.decode() not in answer.text


@pytest.mark.parametrize("header", ["Bearer KEY", "bearer KEY", "BEARER KEY", "Bearer  KEY ", "bEaReR   KEY"])
@pytest.mark.one_database
async def test_authorization_headers_that_work(server, header):
    client = await server.client()
    key = server.world.tokens["org_admin"]
    answer = await client.get("/v3/self", headers={"authorization": header.replace("KEY", key)})
    assert answer.status_code == 200


@pytest.mark.one_database
async def test_a_key_is_taken_from_the_header_only(server):
    client = await server.client()
    key = server.world.tokens["org_admin"]
    for place in ({"params": {"token": key, "access_token": key}}, {"cookies": {"authorization": f"Bearer {key}"}}):
        request = client.build_request("GET", "/v3/self", **place)
        assert (await client.send(request)).status_code == 401


async def test_custom_roles_hold_what_their_row_says(server, who):
    world = server.world
    change_role = (
        update(role).where(role.c.name == f"Role of {world.ids['reader']}").values(permissions=["ViewOrgWiki"])
    )
    await change(server, change_role)
    assert (await who("reader")).in_org(world.org) == {P.VIEW_ORG_WIKI, P.READ}
