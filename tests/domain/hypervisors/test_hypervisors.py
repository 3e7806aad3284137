"""Processes that run sessions, as the API lists them by what they said last."""

import pytest

from cogmill.domain.hypervisors import service
from cogmill.domain.hypervisors.service import LATE, Place

WHERE = "/v3/enterprise/hypervisors"


class Clock:
    """A time that tests set."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(server):
    clock = Clock()
    object.__setattr__(server.runtime, "clock", clock)
    return clock


@pytest.fixture
async def processes(server, clock):
    """Four that began, of which one has not worked yet, one has ended and one is silent."""

    def begin(ctx):
        for name, instance in (("new", None), ("busy", "i-0abc"), ("ended", None), ("silent", None)):
            service.register(ctx, Place(f"hypervisor-{name}", instance, 4))
        service.beat(ctx, "hypervisor-busy", 3)
        service.beat(ctx, "hypervisor-silent", 2)
        service.end(ctx, "hypervisor-ended")

    await server.write(begin)
    clock.now += LATE + 1
    await server.write(lambda ctx: [service.register(ctx, Place("hypervisor-new", None, 4))])
    await server.write(lambda ctx: service.beat(ctx, "hypervisor-busy", 3))


async def listed(server, **query):
    answer = await (await server.client("enterprise_admin")).get(WHERE, params=query)
    assert answer.status_code == 200, answer.text
    return {one["hypervisor_id"].partition("-")[2]: one for one in answer.json()["items"]}


async def test_their_state_follows_from_what_they_said_and_when(server, processes, clock):
    assert await listed(server) == {
        "busy": {
            "hypervisor_id": "hypervisor-busy", "cloud_provider_instance_id": "i-0abc", "status": "available",
            "created_at": 1_800_000_000, "last_heartbeat": int(clock.now), "utilization_percentage": 75.0,
        }
    }  # fmt: skip
    shown = await listed(server, status="all")
    assert {name: (one["status"], one["utilization_percentage"]) for name, one in shown.items()} == {
        "new": ("restarting", 0.0), "busy": ("available", 75.0), "ended": ("terminated", 0.0),
        "silent": ("disconnected", 0.0),
    }  # fmt: skip
    for state, names in (
        ("restarting", {"new"}), ("terminated", {"ended"}), ("disconnected", {"silent"}), ("draining", set()),
    ):  # fmt: skip
        assert set(await listed(server, status=state)) == names


async def test_a_drained_one_stays_so_over_restarts_and_silence(server, processes, clock):
    await server.write(lambda ctx: service.drain(ctx.db, "hypervisor-busy", ctx.now))
    assert set(await listed(server, status="draining")) == {"busy"}
    await server.write(lambda ctx: service.end(ctx, "hypervisor-busy"))
    assert (await listed(server, status="all"))["busy"]["status"] == "terminated"
    assert await server.write(lambda ctx: service.register(ctx, Place("hypervisor-busy", None, 8))) is True
    assert (await listed(server, status="draining"))["busy"]["cloud_provider_instance_id"] is None
    await server.write(lambda ctx: service.undrain(ctx.db, "hypervisor-busy", ctx.now))
    assert await server.write(lambda ctx: service.beat(ctx, "hypervisor-busy", 0)) is False
    assert set(await listed(server)) == {"busy"}


async def test_pages(server, processes):
    client, names, after = await server.client("enterprise_admin"), [], {}
    while True:
        page = (await client.get(WHERE, params={"status": "all", "first": 1, **after})).json()
        names += [one["hypervisor_id"] for one in page["items"]]
        if not page["has_next_page"]:
            break
        after = {"after": page["end_cursor"]}
    assert names == [f"hypervisor-{name}" for name in ("new", "busy", "ended", "silent")]


async def test_those_nobody_has_heard_of_for_a_month_go_but_for_drained_ones(server, processes, clock):
    await server.write(lambda ctx: service.drain(ctx.db, "hypervisor-silent", ctx.now))
    clock.now += service.FORGOTTEN
    await server.write(lambda ctx: service.register(ctx, Place("hypervisor-late", None, 4)))
    assert set(await listed(server, status="all")) == {"silent", "busy", "new", "late"}
    clock.now += LATE + 1
    await server.write(lambda ctx: service.register(ctx, Place("hypervisor-late", None, 4)))
    assert set(await listed(server, status="all")) == {"silent", "late"}


@pytest.mark.one_database
async def test_unknown_states_are_refused(server):
    answer = await (await server.client("enterprise_admin")).get(WHERE, params={"status": "healthy"})
    assert answer.status_code == 422
    assert "draining" in answer.text


async def test_v2_tells_their_health(old_keys, clock):
    server = old_keys
    for name in ("well", "ill", "ended"):
        await server.write(lambda ctx, name=name: service.register(ctx, Place(f"hypervisor-{name}", None, 4)))
    await server.write(lambda ctx: service.end(ctx, "hypervisor-ended"))
    clock.now += LATE + 1
    await server.write(lambda ctx: service.beat(ctx, "hypervisor-well", 0))
    answer = await (await server.client("old_admin")).get("/v2/enterprise/hypervisors/health")
    assert answer.json() == [
        {"hypervisor_id": "hypervisor-well", "status": "healthy", "seconds_since_report": 0},
        {"hypervisor_id": "hypervisor-ill", "status": "unhealthy", "seconds_since_report": 21},
    ]
