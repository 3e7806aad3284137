"""Rate limits of keys and organizations: what is counted, how it is told, and what a refused request leaves behind."""

import asyncio

import pytest
from sqlalchemy import func, select

from cogmill.kit.settings import Settings
from cogmill.models.sessions import session

pytestmark = pytest.mark.one_database


async def spend(client, count, path="/v3/self"):
    return [(await client.get(path)).status_code for _ in range(count)]


@pytest.mark.settings(rate_limit_key=3)
async def test_a_key_is_refused_beyond_its_limit_and_told_when(server):
    client = await server.client("org_admin")
    first = await client.get("/v3/self")
    assert first.headers["ratelimit-policy"] == '"key";q=3;w=60'
    assert first.headers["ratelimit"] == '"key";r=2;t=20'
    assert await spend(client, 2) == [200, 200]
    refused = await client.get("/v3/self")
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert 19 <= int(refused.headers["retry-after"]) <= 20
    assert refused.headers["ratelimit"].startswith('"key";r=0;t=')
    assert "by this key" in refused.json()["detail"]
    other = await server.client("org_member")
    assert await spend(other, 1) == [200]


@pytest.mark.settings(rate_limit_key=6)
async def test_the_bucket_fills_again_bit_by_bit(server):
    now = 0.0
    server.runtime.rate_limits.key._buckets.clock = lambda: now
    client = await server.client("org_admin")
    assert await spend(client, 7) == [200] * 6 + [429]
    now = 9.9
    assert await spend(client, 1) == [429]
    now = 10.0  # the refused requests have cost nothing
    assert await spend(client, 2) == [200, 429]
    now = 1000.0
    assert await spend(client, 7) == [200] * 6 + [429]


@pytest.mark.settings(rate_limit_org=4)
async def test_keys_of_an_organization_share_its_limit(server):
    admin, member = await server.client("org_admin"), await server.client("org_member")
    stranger, elsewhere = await server.client("stranger"), await server.client("enterprise_admin")
    assert await spend(stranger, 6, server.sessions) == [403] * 6  # who has no right there uses up nothing
    assert await spend(admin, 2, server.sessions) == [200] * 2
    assert await spend(member, 3, server.sessions) == [200, 200, 429]
    answer = await admin.get(server.sessions)
    assert (answer.status_code, answer.headers["ratelimit-policy"]) == (429, '"organization";q=4;w=60')
    assert await spend(elsewhere, 1, f"/v3/organizations/{server.world.second_org}/sessions") == [200]
    assert await spend(admin, 5) == [200] * 5  # of no organization


@pytest.mark.settings(rate_limit_key=5, rate_limit_org=2)
async def test_both_limits_are_told(server):
    answer = await (await server.client("org_admin")).get(server.sessions)
    assert answer.headers["ratelimit-policy"] == '"key";q=5;w=60, "organization";q=2;w=60'
    assert answer.headers["ratelimit"] == '"key";r=4;t=12, "organization";r=1;t=30'


@pytest.mark.settings(rate_limit_key=2)
async def test_a_refused_request_does_nothing_and_may_be_repeated(server):
    client, now = await server.client("org_admin"), 0.0
    server.runtime.rate_limits.key._buckets.clock = lambda: now
    headers = {"idempotency-key": "one"}

    async def create():
        return await client.post(server.sessions, json={"prompt": "Do it."}, headers=headers)

    async def count():
        return await server.read(lambda ctx: ctx.db.execute(select(func.count()).select_from(session)).scalar())

    assert await spend(client, 2) == [200] * 2
    assert (await create()).status_code == 429
    assert await count() == 0
    now = 30.0
    made = await create()
    assert (made.status_code, made.headers.get("idempotent-replayed")) == (200, None)
    assert await count() == 1


@pytest.mark.settings(rate_limit_key=50)
async def test_requests_at_once_do_not_pass_the_limit(server):
    client = await server.client("org_admin")
    answers = await asyncio.gather(*(client.get("/v3/self") for _ in range(60)))
    assert sorted(answer.status_code for answer in answers) == [200] * 50 + [429] * 10


@pytest.mark.settings(rate_limit_key=4)
async def test_a_stream_counts_once_however_long_it_is(server, sessions):
    made = (await sessions.create())["session_id"]
    await sessions.ask("DELETE", made)
    client = await server.client("org_admin")
    streamed = await client.get(f"{server.sessions}/{made}/events/stream")
    assert streamed.text.count("event: ") > 1
    assert streamed.headers["ratelimit"].startswith('"key";r=1;')


@pytest.mark.settings(rate_limit_key=1)
async def test_nobodys_requests_and_public_pages_are_not_counted(server):
    nobody = await server.client()
    assert await spend(nobody, 3) == [401] * 3
    answers = [await nobody.get("/healthz") for _ in range(3)]
    assert [(answer.status_code, "ratelimit" in answer.headers) for answer in answers] == [(200, False)] * 3


async def test_off_on_loopback(server):
    assert "ratelimit" not in (await (await server.client("org_admin")).get(server.sessions)).headers


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (0, 0)), ({"host": "0.0.0.0"}, (600, 3000)), ({"behind_proxy": True}, (600, 3000)),
        ({"rate_limit_key": 5}, (5, 0)), ({"host": "0.0.0.0", "rate_limit_key": 0, "rate_limit_org": 7}, (0, 7)),
    ],
)  # fmt: skip
def test_defaults_depend_on_who_can_reach_the_server(tmp_path, given, expected):
    settings = Settings(data=tmp_path, **given)
    assert (settings.key_requests_per_minute, settings.org_requests_per_minute) == expected
