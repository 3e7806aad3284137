"""No interleaving of sessions, crashes and changes spends more than a limit, or leaves anything set aside."""

import asyncio
import json
import multiprocessing
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from cogmill.access.scope import Scope
from cogmill.domain.sessions.log import NewEvent, StaleEpoch, append
from cogmill.domain.usage import reservations
from cogmill.domain.usage.ledger import Use
from cogmill.domain.usage.times import cycle_of, next_cycle
from cogmill.domain.usage.verify import check
from cogmill.engine.metering import MICRO
from cogmill.engine.store import Store, claim
from cogmill.models.sessions import session
from cogmill.models.usage import usage_reservation
from cogmill.web.call import Call

from .conftest import Spending

GROUPS = "/v3/enterprise/org-group-limits"
WHOLE = "/cogmill/v1/enterprise/acu-limit"
PEOPLE = ("org_admin", "person", "person")
SESSION = st.integers(0, len(PEOPLE) - 1)
AMOUNT = st.integers(0, 3 * MICRO)
THINGS = st.one_of(
    st.tuples(st.just("reserve"), SESSION, AMOUNT, AMOUNT),
    st.tuples(st.just("wait"), SESSION, AMOUNT, AMOUNT),
    st.tuples(st.just("book"), SESSION, AMOUNT, AMOUNT),
    st.tuples(st.just("crash"), SESSION, AMOUNT),
    st.tuples(st.just("sleep"), SESSION),
    st.tuples(st.just("settle"), SESSION, AMOUNT),
    st.tuples(st.just("month")),
    st.tuples(st.just("judge"), SESSION, AMOUNT, AMOUNT),
    st.tuples(st.sampled_from(["org", "user", "enterprise", "group"]), st.sampled_from([None, 0, 1, 3, 6])),
)


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("cogmill.server.system_clock", clock)
    return clock


class Machine:
    """What happens to three sessions, and what each of them holds by its own knowledge."""

    def __init__(self, spending: Spending, clock: "Clock") -> None:
        self.clock = clock
        self.spending, self.server = spending, spending.server
        self.person = self.server.world.ids["person"]
        self.ids: list[str] = []
        self.stores: list[Store | None] = []
        self.held: list[int | None] = []
        self.most: dict[str, int] = {}
        """By kind of account, what may be used and set aside together."""

    async def begin(self) -> None:
        for caller in PEOPLE:
            made = await self.spending.sessions.create(caller)
            self.ids.append(made["session_id"])
            self.stores.append(None)
            self.held.append(None)
        await self.change("org", 6)

    async def do(self, what: str, *given: int) -> None:
        if what == "month":
            await self.month()
            return
        if what in {"org", "user", "enterprise", "group"}:
            await self.change(what, *given)
            return
        number = given[0]
        try:
            await getattr(self, what)(*given)
        except StaleEpoch:
            self.stores[number] = None

    async def store(self, number: int) -> Store | None:
        """The session's run; it is claimed if it is not, and woken if it sleeps."""
        if self.stores[number] is None:
            row = await self.spending.sessions.row(self.ids[number])
            if row.run_state == "idle":
                client = await self.server.client(PEOPLE[number])
                await client.post(f"/cogmill/v1/organizations/{row.org_id}/sessions/{row.session_id}/wake")
                await client.post(f"{self.server.sessions}/{row.session_id}/messages", json={"message": "m"})
            claimed = await claim(self.server.runtime, row.id)
            if claimed is not None:
                store = self.stores[number] = Store(self.server.runtime, claimed)
                await store.start()
                self.held[number] = 0 if store.is_limited else None
        return self.stores[number]

    async def reserve(self, number: int, need: int, extra: int, used: int | None = None) -> None:
        store = await self.store(number)
        if store is None:
            return
        answer = await store.reserve(need, extra, need if used is None else used)
        if answer.refused is None or self.held[number] is not None:
            self.held[number] = answer.granted
        if answer.granted is not None and answer.refused is None:
            assert need <= answer.granted <= need + extra

    async def wait(self, number: int, need: int, used: int) -> None:
        await self.reserve(number, need, 0, min(used, need))

    async def book(self, number: int, acus: int, keep: int) -> None:
        """As the meter does it: no more than is held."""
        store = await self.store(number)
        if store is None:
            return
        held = self.held[number]
        if held is None:  # it does not know of a limit yet
            self.note_unreserved(acus)
        else:
            acus = min(acus, held)
            keep = min(held - acus, keep)
            self.held[number] = keep
        await self.spending.book(store, acus, keep)
        if held is None:
            self.held[number] = None

    def note_unreserved(self, acus: int) -> None:
        self.most = {kind: most + acus for kind, most in self.most.items()}

    async def settle(self, number: int, acus: int) -> None:
        await self.book(number, acus, 0)
        store = self.stores[number]
        if store is not None:
            await store.append([], run_state="idle", active_since=None)
            self.stores[number] = None

    async def crash(self, number: int, acus: int) -> None:
        """The process dies; its log shows that it had worked for some time since it booked the last."""
        store = await self.store(number)
        if store is None:
            return
        if self.held[number] is None:
            self.note_unreserved(acus + 1000)
        since = self.server.runtime.clock() - acus / MICRO * 900
        await self.spending.sessions.change(self.ids[number], active_since=since)
        self.stores[number] = None
        await self.store(number)

    async def sleep(self, number: int) -> None:
        row = await self.spending.sessions.row(self.ids[number])
        client = await self.server.client(PEOPLE[number])
        await client.post(f"/cogmill/v1/organizations/{row.org_id}/sessions/{row.session_id}/sleep")
        self.stores[number] = None

    async def judge(self, number: int, need: int, acus: int) -> None:
        """The model is asked about a session that rests."""
        row = await self.spending.sessions.row(self.ids[number])
        if row.run_state != "idle":
            return

        def work(ctx):
            return reservations.reserve(ctx, row, reservations.INSIGHTS, need, 0, 0)

        answer = await self.server.write(work)
        if answer.refused is None and answer.granted is not None:
            event, use = NewEvent("x", "other", "x"), Use(holder=reservations.INSIGHTS)
            used = min(acus, answer.granted)

            def book(ctx):
                append(ctx, row.id, row.session_id, [event], acus=used, usd=1, use=use)
                reservations.release(ctx, row.id, reservations.INSIGHTS)

            await self.server.write(book)

    async def change(self, kind: str, acus: int | None) -> None:
        org = self.server.world.org
        if kind == "group":
            groups = {} if acus is None else {"team": {"org_ids": [org], "max_cycle_acus": acus}}
            await self.spending.ask("PUT", GROUPS, 200, groups=groups)
        else:
            person = f"/cogmill/v1/enterprise/members/users/{self.person}/acu-limit"
            await self.spending.limit(acus, {"org": None, "user": person, "enterprise": WHOLE}[kind])
        name = "org_group" if kind == "group" else kind
        self.most.pop(name, None)
        standing = (await self.standings()).get(name)
        if standing is not None:
            # What is used or under way when a limit comes or sinks may go beyond it; nothing that begins later may.
            self.most[name] = max(standing.account.limit * MICRO, standing.used + standing.reserved)

    async def month(self) -> None:
        """The next cycle begins: what was set aside before counts against the last one."""
        self.clock.now = next_cycle(cycle_of(self.clock.now)) + 5.0
        self.most = {kind: one.account.limit * MICRO for kind, one in (await self.standings()).items()}

    async def standings(self):
        return await self.spending.stands(user_id=self.person)

    async def inspect(self) -> None:
        for kind, one in (await self.standings()).items():
            assert one.used + one.reserved <= self.most[kind], (kind, one)

    async def end(self) -> None:
        for number in range(len(self.ids)):
            await self.sleep(number)
        await self.inspect()
        left = select(func.count()).select_from(usage_reservation)
        assert await self.server.read(lambda ctx: ctx.db.execute(left).scalar_one()) == 0
        found = await self.server.read(lambda ctx: check(ctx.db))
        assert found.first == []


@pytest.mark.one_database
@settings(
    deadline=None, max_examples=25, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.lists(THINGS, min_size=4, max_size=25))
@example([("org", 1), ("reserve", 0, MICRO // 2, 0), ("crash", 0, 3 * MICRO)])
@example(
    [("org", 3), ("reserve", 0, 2 * MICRO, 0), ("month",), ("reserve", 1, 2 * MICRO, 0), ("book", 0, 2 * MICRO, 0)]
)
async def test_whatever_happens_no_limit_is_exceeded(clock, server, sessions, things):
    machine = Machine(Spending(server, sessions), clock)
    await machine.month()
    await machine.begin()
    for thing in things:
        await machine.do(*thing)
        await machine.inspect()
    await machine.end()
    for kind in ("group", "user", "enterprise"):
        await machine.change(kind, None)


ROUNDS = 25


def spend(url: str, data: str, session_ids: list[str], seed: int, told: "multiprocessing.Queue[str]") -> None:
    """A server process of its own: its sessions set aside and book at random until nothing is left for them."""
    import cogmill.server
    from cogmill.kit.settings import Settings
    from tests.factories import KEYRING

    _, runtime = cogmill.server.build(
        Settings(data=Path(data), database_url=url), cogmill.server.Installation(KEYRING, None)
    )
    call, randomly = Call(runtime, Scope("", None), "test", None), random.Random(seed)

    async def run(session_id: str) -> int:
        find = select(session.c.id).where(session.c.session_id == session_id)
        claimed = await claim(runtime, await call.read(lambda ctx: ctx.db.execute(find).scalar_one()))
        assert claimed is not None
        store, booked = Store(runtime, claimed), 0
        for _ in range(ROUNDS):
            need = randomly.randrange(1, MICRO // 4)
            answer = await store.reserve(need, randomly.randrange(MICRO // 8), 0)
            acus = min(randomly.randrange(MICRO // 3), answer.granted or 0)
            event = NewEvent("step_completed", "shell", "s", {"acus": acus / MICRO})
            await store.append([event], acus=acus, usd=1, use=Use(keep=min(MICRO // 50, (answer.granted or 0) - acus)))
            booked += acus
        await store.append([], run_state="idle", active_since=None)
        return booked

    async def all_() -> list[int]:
        try:
            return await asyncio.gather(*(run(one) for one in session_ids))
        finally:
            await runtime.database.close()

    told.put(json.dumps(asyncio.run(all_())))


async def test_many_processes_at_once_never_spend_more_than_a_limit(server, settings, spending):
    """Three processes with three sessions each want ten times what there is."""
    await spending.limit(4)
    await spending.limit(3, WHOLE)
    made = [(await spending.sessions.create())["session_id"] for _ in range(9)]
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    processes = [
        context.Process(target=spend, args=(settings.database_url, str(settings.data), made[n::3], n, told))
        for n in range(3)
    ]
    for one in processes:
        one.start()
    watched = []
    while any(one.is_alive() for one in processes):
        watched += [(await spending.stands())["enterprise"]]
        await asyncio.sleep(0.02)
    for one in processes:
        one.join()
        assert one.exitcode == 0
    booked = sum(sum(json.loads(told.get())) for _ in processes)
    assert all(one.used + one.reserved <= 3 * MICRO for one in watched)
    stands = await spending.stands()
    assert {kind: (one.used, one.reserved) for kind, one in stands.items()} == {
        "org": (booked, 0), "enterprise": (booked, 0)
    }  # fmt: skip
    assert 2.5 * MICRO < booked <= 3 * MICRO
    found = await server.read(lambda ctx: check(ctx.db))
    assert found.first == []
