"""The four operations of the IP access list: what they take, keep and answer."""

import asyncio

import pytest
from sqlalchemy import select

from cogmill.models.audit import audit_log

from .conftest import PATH

ME = "127.0.0.1/32"


async def newest(server):
    query = select(audit_log).order_by(audit_log.c.id.desc()).limit(1)
    return await server.read(lambda ctx: ctx.db.execute(query).one())


async def test_replace_append_get_clear(callers, server):
    assert await callers.change("GET") == {"ip_ranges": []}
    assert await callers.change("PUT", [ME, "10.0.0.0/8"]) == {"ip_ranges": [ME, "10.0.0.0/8"]}
    record = await newest(server)
    assert (record.action, record.org_id) == ("update_enterprise_settings", None)
    assert record.data == {"setting": "ip_access_list", "added": [ME, "10.0.0.0/8"], "removed": []}
    merged = {"ip_ranges": [ME, "10.0.0.0/8", "2001:db8::/32"]}
    for _ in range(2):
        assert await callers.change("POST", ["10.0.0.0/8", "2001:db8::/32"]) == merged
    assert await callers.change("POST", []) == merged
    assert await callers.change("PUT", ["2001:db8::/32", ME]) == {"ip_ranges": ["2001:db8::/32", ME]}
    assert (await newest(server)).data["removed"] == ["10.0.0.0/8"]
    for _ in range(2):
        assert await callers.change("DELETE") == {"ip_ranges": []}
    assert await callers.change("GET") == {"ip_ranges": []}


async def test_entries_are_normalised_and_single(callers):
    given = [
        ME, " 127.0.0.1 ", "10.1.2.3/8", "::ffff:192.0.2.7", "::ffff:198.51.100.9/120", "2001:DB8::1",
        "2001:db8:0::/33",
    ]  # fmt: skip
    assert await callers.change("PUT", given) == {
        "ip_ranges": [ME, "10.0.0.0/8", "192.0.2.7/32", "198.51.100.0/24", "2001:db8::1/128", "2001:db8::/33"]
    }


@pytest.mark.one_database
@pytest.mark.parametrize(
    "text",
    [
        "", " ", "localhost", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/255.0.0.0", "fe80::1%eth0",
        "10.0.0.0/0.0.0.255", "010.0.0.1", "1.2.3.4/8/9", "2001:db8::/129", "10.0.0.0/٨", "a" * 65, 7, None,
    ],
)  # fmt: skip
async def test_what_is_no_range_is_told_by_its_place(callers, text):
    answer = await callers.change("PUT", [ME, text], expect=422)
    assert [one["loc"][:3] for one in answer["detail"]] == [["body", "ip_ranges", 1]]
    assert await callers.change("GET") == {"ip_ranges": []}


@pytest.mark.one_database
async def test_a_list_is_bounded(callers):
    many = [f"10.0.{number // 256}.{number % 256}" for number in range(999)]
    assert len((await callers.change("PUT", [ME, *many]))["ip_ranges"]) == 1000
    assert "at most 1000" in (await callers.change("POST", ["192.0.2.1"], expect=422))["detail"][0]["msg"]
    assert len((await callers.change("POST", ["10.0.0.0"]))["ip_ranges"]) == 1000
    await callers.change("PUT", ["10.0.0.1"] * 1001, expect=422)


async def test_of_changes_at_once_none_is_lost(callers):
    clients = [await callers.at("127.0.0.1") for _ in range(8)]
    await asyncio.gather(
        *(client.post(PATH, json={"ip_ranges": [ME, f"192.0.2.{n}"]}) for n, client in enumerate(clients))
    )
    assert set((await callers.change("GET"))["ip_ranges"]) == {ME} | {f"192.0.2.{n}/32" for n in range(8)}
