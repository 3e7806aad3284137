"""Writers at the same time: each sees the other's work, none fails."""

import asyncio

from .conftest import BASE

GROUPS = "/v3/enterprise/org-group-limits"


async def test_tags_appended_at_once_are_all_kept(server, org):
    client = await server.client("enterprise_admin")
    wanted = sorted(f"tag {number:02}" for number in range(20))
    answers = await asyncio.gather(
        *(client.post(f"{BASE}/{org}/tags", json={"tags": [tag, "common"]}) for tag in wanted)
    )
    assert {one.status_code for one in answers} == {200}
    assert (await client.get(f"{BASE}/{org}/tags")).json() == {"tags": ["common", *wanted]}


async def test_groups_replaced_at_once_are_one_of_both(server, org):
    client = await server.client("enterprise_admin")
    bodies = [{"groups": {name: {"org_ids": [org], "max_cycle_acus": None}}} for name in "abcdefgh"]
    answers = await asyncio.gather(*(client.put(GROUPS, json=body) for body in bodies))
    assert {one.status_code for one in answers} == {200}
    assert (await client.get(GROUPS)).json() in bodies


async def test_a_default_tag_is_never_off_the_list(server, org):
    client = await server.client("enterprise_admin")
    for _ in range(5):
        await client.put(f"{BASE}/{org}/tags", json={"tags": ["a", "b"]})
        await asyncio.gather(
            client.put(f"{BASE}/{org}/tags/default", json={"tag": "a"}), client.delete(f"{BASE}/{org}/tags/a")
        )
        assert (await client.get(f"{BASE}/{org}/tags/default")).json() == {"default_tag": None}


async def test_sessions_created_while_the_organization_is_deleted_do_not_run(server, sessions, org):
    """Each is refused, put to sleep with the others, or left alone by the engine."""
    from cogmill.engine.store import claim

    admin, member = await server.client("enterprise_admin"), await server.client("org_member")
    creations = [member.post(server.sessions, json={"prompt": "x"}) for _ in range(12)]
    *answers, deletion = await asyncio.gather(*creations, admin.delete(f"{BASE}/{org}"))
    assert deletion.status_code == 200
    for one in answers:
        assert one.status_code in {200, 401, 404}, one.text
        if one.status_code == 200:
            row = await sessions.row(one.json()["session_id"])
            assert await claim(server.runtime, row.id) is None
