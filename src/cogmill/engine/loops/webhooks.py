"""Sends what webhooks are to be told."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from cogmill.domain.webhooks import sending
from cogmill.domain.webhooks.sending import Claimed
from cogmill.kit import metrics
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.kit.outbound import Outbound
from cogmill.web.call import Call

log = logger("webhooks")
PER_WEBHOOK = 4
"""Attempts at once to one endpoint: a slow one holds up nobody else."""
MOST = 64
FORGET_EVERY_SECONDS = 3600.0
_AT_ONCE = 200


class Deliveries:
    """The attempts that run now, and the step that begins them."""

    def __init__(self, call: Call, wake: Callable[[], None]) -> None:
        self._call = call
        self._wake = wake
        self._outbound = Outbound([str(one) for one in call.runtime.settings.webhook_private_addresses])
        self._running: dict[str, set[asyncio.Task[None]]] = defaultdict(set)

    def attempts(self) -> list[asyncio.Task[None]]:
        """Those that run now."""
        return [task for tasks in self._running.values() for task in tasks]

    async def run_once(self) -> float | None:
        """Begin every attempt that is due and has room; answers when the next one is due, None without one.

        A webhook without room is looked at again when one of its attempts ends.
        """
        now = self._call.runtime.clock()
        later: list[float] = []
        for webhook_id, due_at in await self._call.read(sending.next_due):
            room = min(PER_WEBHOOK - len(self._running.get(webhook_id, ())), MOST - len(self.attempts()))
            if due_at > now:
                later.append(due_at)
            elif room > 0:
                begun = await self._begin(webhook_id, room)
                later.append(now if begun else now + 1)  # there may be more, and what is due later is not known yet
        return min(later, default=None)

    async def _begin(self, webhook_id: str, room: int) -> int:
        claimed = await self._call.write(lambda ctx: sending.claim(ctx, webhook_id, room))
        for one in claimed:
            task = asyncio.create_task(self._attempt(one))
            self._running[webhook_id].add(task)
            task.add_done_callback(partial(self._ended, webhook_id))
        return len(claimed)

    async def _attempt(self, one: Claimed) -> None:
        signed = sending.headers(one, self._call.runtime.clock())
        answer = await self._outbound.post(one.url, signed, one.body.encode())
        crash_point("webhook_sent")
        await self._call.write(lambda ctx: sending.settle(ctx, one, answer))
        metrics.WEBHOOK_ATTEMPTS.labels("delivered" if answer.is_success else "failed").inc()
        if not answer.is_success:
            log.info("webhook_failed", webhook=one.webhook_id, attempt=one.attempt, error=answer.error)

    def _ended(self, webhook_id: str, task: asyncio.Task[None]) -> None:
        self._running[webhook_id].discard(task)
        if not self._running[webhook_id]:
            del self._running[webhook_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("attempt_lost", webhook=webhook_id, error=repr(error), exc_info=error)
        self._wake()


async def forget(call: Call, keep_seconds: float) -> int:
    """Remove deliveries that are older, and what is left of deleted webhooks, in small transactions."""
    before, removed = call.runtime.clock() - keep_seconds, 0
    while count := await call.write(lambda ctx: sending.forget(ctx, before, _AT_ONCE)):
        removed += count
    return removed
