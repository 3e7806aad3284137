"""What a run may use of its cycle's limits: set aside before it is used, topped up while it works, stopped at the end.

A run to which no limit holds pays for none of this but a look every few seconds whether one holds by now.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Self

from cogmill.domain.sessions.log import StaleEpoch
from cogmill.domain.sessions.states import Detail
from cogmill.domain.usage.accounts import LEAST_SECONDS
from cogmill.domain.usage.reservations import Answer
from cogmill.domain.usage.times import next_cycle
from cogmill.engine.agents.seam import Suspend
from cogmill.engine.metering import MICRO, Booked, Meter
from cogmill.engine.store import Store
from cogmill.kit.logs import logger

log = logger("engine")
SLICE = 20.0
"""Active seconds that a run sets aside at once, where so much is free."""
TICK = 10.0
"""How often it looks, while a step goes on, at the latest."""
SOON = 0.2
PATIENCE = 120.0
"""How long a step waits for what others have set aside and may give back."""
NOTHING = Decimal(0)
DETAILS = {
    "user": Detail.USAGE_LIMIT_EXCEEDED,
    "org": Detail.ORG_USAGE_LIMIT_EXCEEDED,
    "org_group": Detail.ORG_USAGE_LIMIT_EXCEEDED,
    "enterprise": Detail.OUT_OF_QUOTA,
}


class Limit(Suspend):
    """A limit is reached; the session sleeps with this detail."""

    def __init__(self, detail: Detail, reason: str, account: str | None = None) -> None:
        super().__init__(reason)
        self.detail = detail
        self.reason = reason
        self.account = account
        """The kind of account whose limit of the cycle it is."""


class Allowance:
    """Of one run. As a context it looks after what is set aside until the turn is over."""

    def __init__(self, store: Store, meter: Meter, stopping: asyncio.Event, looks: set[Callable[[], None]]) -> None:
        self.meter = meter
        self._store = store
        self._stopping = stopping
        self._looks = looks
        """Of all runs of the process."""
        self._lock = asyncio.Lock()
        self._woken = asyncio.Event()
        self._must_look = False
        self._worst = 0
        """What the step under way may cost beside its time."""
        self._short: Answer | None = None
        """Why no more could be set aside; None as long as it could."""
        self._is_waiting = False
        self._budget: asyncio.Timeout | None = None
        self._until: float | None = None
        """When the step under way ends for another reason, in the loop's time."""
        self._keeper: asyncio.Task[None] | None = None
        if store.is_limited:
            meter.held = 0

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep())
        self._looks.add(self._look)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looks.discard(self._look)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])

    def _look(self) -> None:
        """A limit was set or changed: see at once what that means for the step under way."""
        self._must_look = True
        self._woken.set()

    async def ready(self, usd: Decimal = NOTHING) -> None:
        """Before a step: set aside what it can cost at most, and time. Waits for others; raises Limit."""
        self._worst = self.meter.cost(0, usd)
        began = time.monotonic()
        while self._store.is_limited and not self._stopping.is_set():
            if self._left() > TICK / 2:
                self._woken.set()
                return
            answer = await self._reserve(may_wait=True)
            if answer is None or answer.refused is None:
                return
            if not answer.waits or time.monotonic() - began > PATIENCE:
                raise self._limit(answer, None)
            await self._wait_for_others()

    async def _wait_for_others(self) -> None:
        self._is_waiting, before = True, time.monotonic()
        try:
            await asyncio.sleep(SOON)
        finally:
            self._is_waiting = False
            self.meter.skip(time.monotonic() - before)

    def _left(self) -> float:
        """Active seconds that what is set aside pays for beside the step's cost."""
        rest = (self.meter.held or 0) - self._worst - self.meter.unbooked()
        return rest / MICRO * self.meter.acu_seconds

    async def _reserve(self, *, may_wait: bool = False) -> Answer | None:
        """None: no limit holds any more. `may_wait`: nothing is under way, all but what is used can be given up."""
        async with self._lock:
            used = self.meter.unbooked()
            need = used + self._worst + max(1, self.meter.cost(LEAST_SECONDS))
            answer = await self._store.reserve(need, self.meter.cost(SLICE), used if may_wait else need)
            if answer.refused is None or self.meter.held is not None:
                self.meter.held = answer.granted
        self._short = answer if answer.refused is not None else None
        self._bound()
        self._woken.set()
        return answer if answer.granted is not None else None

    @contextmanager
    def bounding(self, budget: asyncio.Timeout) -> Iterator[None]:
        """While a step acts: it is cut when nothing is left."""
        self._budget, self._until = budget, budget.when()
        try:
            yield
        finally:
            self._budget = None

    def _bound(self) -> None:
        budget = self._budget
        if budget is None or budget.expired():
            return
        if self._short is None:
            budget.reschedule(self._until)
            return
        end = asyncio.get_running_loop().time() + max(0.0, self._left())
        budget.reschedule(end if self._until is None else min(end, self._until))

    def check(self, title: str) -> None:
        """After a step was cut: raises Limit if it was for want of something to set aside."""
        own = self._until
        if self._short is not None and (own is None or asyncio.get_running_loop().time() < own):
            raise self._limit(self._short, title)

    def _limit(self, answer: Answer, title: str | None) -> Limit:
        standing = answer.refused
        assert standing is not None  # noqa: S101 - asked for refusals only
        then = datetime.fromtimestamp(next_cycle(answer.cycle), UTC).strftime("%Y-%m-%d %H:%M UTC")
        what = "the next step could exceed it" if title is None else f"it was reached during: {title}"
        return Limit(
            DETAILS[standing.account.kind],
            f"{standing.text(answer.cycle)}; {what}. To go on, have it raised, or wait for the next cycle ({then}), "
            "then write a message.",
            standing.account.kind,
        )

    @asynccontextmanager
    async def booking(self, usd: Decimal) -> AsyncIterator[Booked]:
        """Book a step, to be written down within: meanwhile nothing is set aside."""
        async with self._lock:
            self._worst, before = 0, replace(self.meter)
            try:
                yield self.meter.book(usd, keep=SLICE)
            except Exception:
                self.meter.undo(before, usd)
                raise

    async def _keep(self) -> None:
        """Set aside more before it is needed; notice limits that come and go."""
        while True:
            await self._pause()
            try:
                if not self._store.is_limited:
                    await self._store.look_for_limits()
                if self._store.is_limited and not self._is_waiting:
                    await self._reserve()
            except StaleEpoch:
                return
            except Exception:  # whatever it is, no more is booked than is set aside
                log.exception("nothing_set_aside", session_id=self._store.row.session_id)

    async def _pause(self) -> None:
        """Until half of what is set aside is gone; not longer than until the next look is due."""
        seconds = TICK
        while not self._must_look:
            if self._store.is_limited:
                seconds = min(TICK, max(SOON, self._left() / 2))
            self._woken.clear()
            try:
                async with asyncio.timeout(seconds):  # wait_for could swallow the end of the run
                    await self._woken.wait()
            except TimeoutError:
                break
        self._must_look = False
