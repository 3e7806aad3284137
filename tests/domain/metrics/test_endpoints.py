"""What callers get wrong, the queue under load and searches that are real."""

import pytest

RANGED = ["active-users", "dau", "wau", "mau", "sessions", "prs", "searches"]


@pytest.mark.one_database
async def test_ranges_are_required_and_make_sense(server):
    client, base = await server.client("org_admin"), f"/v3/organizations/{server.world.org}/metrics"
    for name in RANGED:
        assert (await client.get(f"{base}/{name}")).status_code == 422
        turned = await client.get(f"{base}/{name}", params={"time_after": 10, "time_before": 9})
        assert turned.status_code == 422
        assert "time_before must not be earlier than time_after" in turned.text
        far = {"time_after": 0, "time_before": 10**15}
        assert (await client.get(f"{base}/{name}", params=far)).status_code == 422
    long = await client.get(f"{base}/dau", params={"time_after": 0, "time_before": 5000 * 86_400})
    assert "more than 4000 entries" in long.text
    empty = {"time_after": 5, "time_before": 5}
    assert (await client.get(f"{base}/mau", params=empty)).json() == []
    last = {"time_after": 253_402_300_700, "time_before": 253_402_300_799}
    assert (await client.get(f"{base}/mau", params=last)).json()[0]["end_time"] == 253_402_300_800
    negative = {"time_after": 0, "time_before": 5, "min_sessions": -1}
    assert (await client.get(f"{base}/active-users", params=negative)).status_code == 422


@pytest.mark.settings(queue_elevated=2, queue_high=3)
async def test_the_queue_is_what_really_waits(server, sessions):
    made = [(await sessions.create())["session_id"] for _ in range(3)]
    admin = await server.client("enterprise_admin")

    async def asked():
        return (await admin.get("/v3/enterprise/queue")).json()

    assert await asked() == {"queue_size": 3, "status": "high"}
    await sessions.append(made[0], run_state="running")
    assert await asked() == {"queue_size": 2, "status": "elevated"}
    await sessions.append(made[1], run_state="idle")
    assert await asked() == {"queue_size": 1, "status": "normal"}


async def test_a_search_makes_its_person_active(server):
    base = f"/v3/organizations/{server.world.org}"
    client, now = await server.client("org_admin"), int(server.runtime.clock())
    times = {"time_after": now - 5, "time_before": now + 60}
    found = await client.get(f"/cogmill/v1/organizations/{server.world.org}/code-search", params={"query": "x"})
    assert found.status_code == 200, found.text
    person = await server.client("person")
    await person.get(f"/cogmill/v1/organizations/{server.world.org}/code-search", params={"query": "x"})
    assert (await client.get(f"{base}/metrics/searches", params=times)).json() == {"searches_created_count": 2}
    assert (await client.get(f"{base}/metrics/usage")).json()["searches_count"] == 2
    for least, users in (({}, 1), ({"min_searches": 2}, 0), ({"min_searches": 0}, 0)):
        answer = await client.get(f"{base}/metrics/active-users", params=times | least)
        assert answer.json()["active_users"] == users, least
