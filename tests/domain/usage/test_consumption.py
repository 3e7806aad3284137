"""Consumption by day against a slow computation of its own over a random history, and what verify sees."""

import itertools
import random
from collections import defaultdict
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from cogmill.domain.sessions.log import NewEvent, append
from cogmill.domain.usage.ledger import Use
from cogmill.domain.usage.times import cycle_of, day_of, next_cycle
from cogmill.domain.usage.verify import check
from cogmill.kit.paging import encode_cursor
from cogmill.models import usage
from cogmill.models.sessions import session

BEGIN = int(datetime(2026, 2, 27, tzinfo=UTC).timestamp())
ENTERPRISE = "/v3/enterprise/consumption"


def slow_day(at):
    """By the calendar: the date in a zone eight hours behind UTC, and its midnight."""
    local = datetime.fromtimestamp(at - 8 * 3600, UTC)
    return int(datetime(local.year, local.month, local.day, 8, tzinfo=UTC).timestamp())


@pytest.fixture
async def history(server):
    """Sessions of two organizations and several principals; (their attributes, when, millionths) of every booking."""
    world, randomly, made = server.world, random.Random(5), []
    for caller, org in (
        ("org_admin", world.org), ("person", world.org), ("person_of_two", world.org),
        ("person_of_two", world.second_org), ("stranger", world.second_org), ("impersonator", world.org),
    ):  # fmt: skip
        body = {"prompt": "p"} | ({"create_as_user_id": world.ids["person"]} if caller == "impersonator" else {})
        answer = await (await server.client(caller)).post(f"/v3/organizations/{org}/sessions", json=body)
        assert answer.status_code == 200, answer.text
        made.append(answer.json())
    booked = []

    def work(ctx):
        rows = {row.session_id: row.id for row in ctx.db.execute(select(session))}
        for number in range(120):
            one = randomly.choice(made)
            at = BEGIN + randomly.choice([randomly.uniform(0, 4 * 86_400), 8 * 3600, 2 * 86_400 + 8 * 3600 - 0.001])
            acus, event = randomly.randrange(1, 2_000_000), NewEvent("x", "other", str(number))
            append(ctx, rows[one["session_id"]], one["session_id"], [event], acus=acus, usd=3, use=Use(at=at))
            booked.append((one, at, acus))

    await server.write(work)
    return booked


def expected(history, matches, after=None, before=None):
    days = defaultdict(int)
    for one, at, acus in history:
        if matches(one):
            days[slow_day(at)] += acus
    kept = {d: n for d, n in sorted(days.items()) if (after is None or d >= after) and (before is None or d < before)}
    return {
        "total_acus": pytest.approx(sum(kept.values()) / 1e6),
        "consumption_by_date": [
            {"date": day, "acus": acus / 1e6,
             "acus_by_product": {"devin": acus / 1e6, "cascade": 0.0, "terminal": 0.0, "review": 0.0}}
            for day, acus in kept.items()
        ],
    }  # fmt: skip


async def test_every_figure_is_what_the_history_says(server, history):
    world = server.world
    admin, org = await server.client("enterprise_admin"), await server.client("org_admin")
    bounds = [(None, None), (BEGIN + 8 * 3600, None), (slow_day(BEGIN) + 86_400, slow_day(BEGIN) + 3 * 86_400)]
    first, mine = history[0][0], f"/v3/organizations/{world.org}/consumption"
    person, two, machine = world.ids["person"], world.ids["person_of_two"], world.ids["impersonator"]
    here = lambda one: one["org_id"] == world.org  # noqa: E731
    for client, path, matches in (
        (admin, f"{ENTERPRISE}/daily", lambda _: True),
        (admin, f"{ENTERPRISE}/daily/organizations/{world.second_org}", lambda one: not here(one)),
        (admin, f"{ENTERPRISE}/daily/users/{two}", lambda one: one["user_id"] == two),
        (admin, f"{ENTERPRISE}/daily/users/{person}", lambda one: one["user_id"] == person),
        (admin, f"{ENTERPRISE}/daily/service-users/{machine}", lambda one: one["service_user_id"] == machine),
        (admin, f"{ENTERPRISE}/daily/sessions/{first['session_id']}", lambda one: one is first),
        (org, f"{mine}/daily", here),
        (org, "/v3/organizations/consumption/daily", here),
        (org, f"{mine}/daily/users/{two}", lambda one: here(one) and one["user_id"] == two),
        (org, f"{mine}/daily/service-users/{machine}", lambda one: here(one) and one["service_user_id"] == machine),
    ):
        for after, before in bounds:
            params = {k: v for k, v in (("time_after", after), ("time_before", before)) if v is not None}
            answer = await client.get(path, params=params)
            assert answer.status_code == 200, answer.text
            assert answer.json() == expected(history, matches, after, before), path
    assert (await server.read(lambda ctx: check(ctx.db))).different == 0


async def test_unknown_and_foreign_are_not_there(server, history):
    admin, org = await server.client("enterprise_admin"), await server.client("org_admin")
    world, theirs = server.world, f"/v3/organizations/{server.world.org}/consumption/daily"
    foreign = next(one["session_id"] for one, _, _ in history if one["org_id"] == world.second_org)
    for client, path in (
        (org, f"{theirs}/sessions/{foreign}"),
        (org, f"{theirs}/users/{world.ids['outsider']}"),
        (org, f"{theirs}/service-users/{world.ids['stranger']}"),
        (admin, f"{ENTERPRISE}/daily/users/user-0"),
        (admin, f"{ENTERPRISE}/daily/service-users/{world.ids['foreigner']}"),
    ):
        assert (await client.get(path)).status_code == 404, path
    assert (await admin.get(f"{ENTERPRISE}/daily?time_after=2&time_before=1")).status_code == 422
    assert (await org.get(f"{theirs}/users/{world.ids['colleague']}")).json()["total_acus"] == 0


async def test_cycles_go_back_to_the_first_use(server, history):
    admin = await server.client("enterprise_admin")
    found = (await admin.get(f"{ENTERPRISE}/cycles")).json()
    items = found["items"]
    now = server.runtime.clock()
    assert items[0]["after"] <= now < items[0]["before"]
    assert all(new["after"] == old["before"] for new, old in itertools.pairwise(items))
    first = min(at for _, at, _ in history)
    assert items[-1]["after"] <= first or found["has_next_page"]
    paged = [(await admin.get(f"{ENTERPRISE}/cycles?first=1")).json()]
    while paged[-1]["end_cursor"] and len(paged) < 4:
        paged.append((await admin.get(f"{ENTERPRISE}/cycles?first=1&after={paged[-1]['end_cursor']}")).json())
    assert [one["items"][0] for one in paged] == items[: len(paged)]
    empty = await admin.get(f"{ENTERPRISE}/cycles?after={encode_cursor(-62_135_500_000)}")  # of the year 1
    assert (empty.status_code, empty.json()["items"], empty.json()["has_next_page"]) == (200, [], False)


async def test_verify_names_a_sum_that_was_changed(server, history):
    one = history[0][0]
    spoilt = update(usage.usage_day).where(
        usage.usage_day.c.scope == "org", usage.usage_day.c.scope_id == one["org_id"]
    )
    await server.write(lambda ctx: ctx.db.execute(spoilt.values(acus_micro=usage.usage_day.c.acus_micro + 1)))
    found = await server.read(lambda ctx: check(ctx.db))
    assert found.different > 0
    assert {(this.of, this.key[0]) for this in found.first} == {("usage_day of org", one["org_id"])}
    assert all(this.kept[0] == this.ledger[0] + 1 for this in found.first)


@pytest.mark.parametrize(
    ("at", "day", "cycle", "end"),
    [
        ("2026-03-01T07:59:59", "2026-02-28T08:00", "2026-02-01T08:00", "2026-03-01T08:00"),
        ("2026-03-01T08:00:00", "2026-03-01T08:00", "2026-03-01T08:00", "2026-04-01T08:00"),
        ("2024-12-31T23:00:00", "2024-12-31T08:00", "2024-12-01T08:00", "2025-01-01T08:00"),
    ],
)
def test_days_and_cycles_begin_at_eight(at, day, cycle, end):
    seconds = lambda text: int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())  # noqa: E731
    assert day_of(seconds(at)) == seconds(day)
    assert cycle_of(seconds(at)) == seconds(cycle)
    assert next_cycle(seconds(cycle)) == seconds(end)
