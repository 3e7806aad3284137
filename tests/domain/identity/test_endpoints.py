"""GET /v3/self for every kind of caller, and the first principals of an installation."""

import pytest
from sqlalchemy import select, update

from cogmill.domain.identity.service import create_first_principals, is_initialised
from cogmill.kit.db import sqlite_engine
from cogmill.migrations.upgrade import upgrade
from cogmill.models.access import api_key, organization, role, user
from tests.factories import KEYRING


async def self_of(server, caller):
    answer = await (await server.client(caller)).get("/v3/self")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_service_user_of_an_organization(server):
    assert await self_of(server, "org_member") == {
        "principal_type": "service_user",
        "service_user_id": server.world.ids["org_member"],
        "service_user_name": "org_member",
        "org_id": server.world.org,
    }


async def test_a_service_user_of_the_enterprise_has_no_organization(server):
    found = await self_of(server, "enterprise_admin")
    assert found["principal_type"] == "service_user"
    assert found["org_id"] is None


async def test_a_person(server):
    found = await self_of(server, "person")
    key = await server.read(
        lambda ctx: ctx.db.execute(
            select(api_key).where(api_key.c.token_hash == KEYRING.token_hash(server.world.tokens["person"]))
        ).one()
    )
    assert found == {
        "principal_type": "pat_user",
        "api_key_id": key.api_key_id,
        "api_key_name": "token",
        "user_id": server.world.ids["person"],
        "user_name": "person",
        "org_id": None,
    }


async def test_a_person_without_a_name(server):
    nameless = update(user).where(user.c.user_id == server.world.ids["person"]).values(name=None)
    await server.write(lambda ctx: ctx.db.execute(nameless))
    assert (await self_of(server, "person"))["user_name"] == "person@example.org"


@pytest.mark.parametrize("caller", ["reader", "enterprise_member", "deepwiki", "foreigner", "wiki_person"])
async def test_no_role_is_needed(server, caller):
    assert server.world.ids[caller] in (await self_of(server, caller)).values()


async def test_no_key_no_answer(server):
    answer = await (await server.client()).get("/v3/self")
    assert answer.status_code == 401
    assert "cog_" in answer.json()["detail"]


async def test_legacy_keys_are_told_where_they_belong(server):
    client = await server.client()
    answer = await client.get("/v3/self", headers={"authorization": "Bearer apk_user_abc"})
    assert answer.status_code == 401
    assert "/v1" in answer.json()["detail"]


def test_the_first_principals(tmp_path):
    engine = sqlite_engine(f"sqlite:///{tmp_path / 'first.db'}")
    upgrade(engine)
    with engine.begin() as db:
        assert not is_initialised(db)
        keys = create_first_principals(db, KEYRING, 1.0)
        assert is_initialised(db)
        assert keys.enterprise_key != keys.org_key
        stored = set(db.execute(select(api_key.c.token_hash)).scalars())
        assert stored == {KEYRING.token_hash(keys.enterprise_key), KEYRING.token_hash(keys.org_key)}
        assert db.execute(select(organization.c.org_id)).scalars().all() == [keys.org_id]
        assert len(db.execute(select(role)).all()) == 5
    engine.dispose()
