"""Keys of service users: making, listing by status, rotating, revoking, last use."""

import time

import pytest
from sqlalchemy import select, update

from cogmill.models.access import api_key, service_user


@pytest.fixture
def machine(ids):
    return ids.world.ids["org_member"]


@pytest.fixture
def keys(machine):
    return f"/v3beta1/enterprise/service-users/{machine}/api-keys"


async def create(ids, keys, **body):
    return await ids.ask("POST", keys, **{"name": "mine"} | body)


async def shown(ids, keys, status=None):
    query = {"status": status} if status else {}
    return (await ids.ask("GET", keys, **query))["items"]


async def test_a_new_key_works_and_is_shown_once(ids, keys):
    made = await create(ids, keys, name=" mine ")
    assert set(made) == {"token", "api_key_id", "api_key_name"}
    assert made["api_key_name"] == "mine"
    assert await ids.works(made["token"])
    newest, first = await shown(ids, keys)
    assert newest["api_key_id"] == made["api_key_id"]
    assert first["api_key_name"] == "key of org_member"
    assert newest["is_active"]
    assert (newest["expires_at"], newest["revoked_at"]) == (None, None)
    record = await ids.audit()
    assert record.action == "create_service_user_api_key"
    assert record.data["api_key_id"] == made["api_key_id"]
    assert made["token"] not in str(record.data)
    row = await ids.server.read(lambda ctx: ctx.db.execute(select(api_key)).all())
    assert made["token"] not in str(row)


@pytest.mark.one_database
async def test_what_a_key_takes(ids, keys):
    for bad in ({"name": ""}, {"name": "x" * 257}, {"expires_at": int(time.time()) - 1}, {"expires_at": "soon"}):
        await ids.ask("POST", keys, expect=422, **{"name": "x"} | bad)
    await ids.ask("GET", keys, expect=422, status="nonsense")
    await ids.ask("POST", "/v3beta1/enterprise/service-users/none/api-keys", expect=404, name="x")


async def test_lists_by_status(ids, keys):
    revoked, expired = await create(ids, keys, name="revoked"), await create(ids, keys, name="expired")
    await ids.ask("DELETE", f"{keys}/{revoked['api_key_id']}")
    await ids.execute(
        update(api_key).where(api_key.c.api_key_id == expired["api_key_id"]).values(expires_at=time.time() - 1)
    )
    names = {status: [one["api_key_name"] for one in await shown(ids, keys, status)] for status in (
        None, "active", "revoked", "expired", "all"
    )}  # fmt: skip
    assert names[None] == names["active"] == ["key of org_member"]
    assert (names["revoked"], names["expired"]) == (["revoked"], ["expired"])
    assert names["all"] == ["expired", "revoked", "key of org_member"]
    assert [one["is_active"] for one in await shown(ids, keys, "all")] == [False, False, True]
    assert not await ids.works(expired["token"])


async def test_revoking(ids, keys):
    made = await create(ids, keys)
    assert await ids.works(made["token"])
    path = f"{keys}/{made['api_key_id']}"
    gone = await ids.ask("DELETE", path)
    assert gone["revoked_at"] is not None
    assert not gone["is_active"]
    assert not await ids.works(made["token"])
    assert (await ids.audit()).action == "revoke_service_user_api_key"
    await ids.refused("DELETE", path, 409, "already")
    await ids.refused("DELETE", f"{keys}/api-key-none", 404)
    other = f"/v3beta1/enterprise/service-users/{ids.world.ids['reader']}/api-keys/{made['api_key_id']}"
    await ids.refused("DELETE", other, 404)


async def test_rotating_ends_the_old_key(ids, keys):
    made = await create(ids, keys)
    later = int(time.time()) + 1000
    fresh = await ids.ask("POST", f"{keys}/{made['api_key_id']}/rotate", new_key_expires_at=later)
    assert fresh["api_key_name"] == "mine"
    assert fresh["api_key_id"] != made["api_key_id"]
    assert not await ids.works(made["token"])
    assert await ids.works(fresh["token"])
    (found,) = [one for one in await shown(ids, keys) if one["api_key_id"] == fresh["api_key_id"]]
    assert found["expires_at"] == later
    record = await ids.audit()
    assert (record.action, record.data["former_api_key_id"]) == ("rotate_service_user_api_key", made["api_key_id"])
    await ids.refused("POST", f"{keys}/{made['api_key_id']}/rotate", 400, "revoked")
    await ids.refused("POST", f"{keys}/api-key-none/rotate", 404)
    body = {"new_key_expires_at": 5}
    await ids.ask("POST", f"{keys}/{fresh['api_key_id']}/rotate", expect=422, **body)


async def test_rotating_with_overlap_and_without_a_body(ids, keys):
    made = await create(ids, keys)
    fresh = await ids.ask("POST", f"{keys}/{made['api_key_id']}/rotate", revoke_current=False)
    assert await ids.works(made["token"])
    assert await ids.works(fresh["token"])
    client = await ids.server.client("enterprise_admin")
    answer = await client.post(f"{keys}/{made['api_key_id']}/rotate")
    assert answer.status_code == 200, answer.text
    assert not await ids.works(made["token"])


async def test_an_expired_key_is_not_rotated(ids, keys):
    made = await create(ids, keys)
    await ids.execute(update(api_key).where(api_key.c.api_key_id == made["api_key_id"]).values(expires_at=5.0))
    await ids.refused("POST", f"{keys}/{made['api_key_id']}/rotate", 400, "expired")


async def test_keys_of_one_who_has_expired(ids, keys, machine):
    await ids.execute(update(service_user).where(service_user.c.service_user_id == machine).values(expires_at=5.0))
    await ids.refused("POST", keys, 400, "expired", name="x")
    (one,) = await shown(ids, keys, "expired")
    assert (one["expires_at"], one["is_active"]) == (5, False)
    assert await shown(ids, keys) == []
    await ids.refused("POST", f"{keys}/{one['api_key_id']}/rotate", 400, "expired")


async def test_nobody_comes_by_a_key_of_somebody_who_may_do_more(ids, keys):
    role = await ids.custom_role("ManageAccountServiceUsers", "ViewAccountSessions", role_type="enterprise")
    (maker,) = await ids.ask("POST", "/v3/enterprise/members/users", emails=["m@example.org"], enterprise_role_id=role)
    ids.world.tokens["maker"] = await ids.token(maker["user_id"])
    await ids.refused("POST", keys, 403, "do not hold", caller="maker", name="x")
    (first,) = await shown(ids, keys)
    await ids.refused("POST", f"{keys}/{first['api_key_id']}/rotate", 403, caller="maker")
    viewer = f"/v3beta1/enterprise/service-users/{ids.world.ids['viewer']}/api-keys"
    await ids.ask("POST", viewer, "maker", name="x")
    stranger = f"/v3beta1/enterprise/service-users/{ids.world.ids['stranger']}/api-keys"
    await ids.ask("POST", stranger, "maker", 403, name="x")
    await ids.ask("DELETE", f"{keys}/{first['api_key_id']}", "maker")  # revoking is always allowed
    assert not await ids.works(ids.world.tokens["org_member"])


async def test_another_enterprise_reaches_none(ids, keys):
    await ids.ask("GET", keys, "foreign_admin", 404)
    await ids.ask("POST", keys, "foreign_admin", 404, name="x")


async def test_last_use(ids, keys, machine):
    (before,) = await shown(ids, keys)
    assert before["last_used_at"] is None
    assert await ids.works(ids.world.tokens["org_member"])
    (after,) = await shown(ids, keys)
    assert abs(after["last_used_at"] - time.time()) < 60
    column = select(api_key.c.last_used_at).where(api_key.c.service_user_id == machine)
    read = ids.server.read
    assert await read(lambda ctx: ctx.db.execute(column).scalar()) is None
    uses = ids.server.runtime.authenticator.uses
    await uses.flush(ids.server.runtime.database)
    stored = await read(lambda ctx: ctx.db.execute(column).scalar())
    assert int(stored) == after["last_used_at"]
    assert (await shown(ids, keys))[0]["last_used_at"] == after["last_used_at"]
