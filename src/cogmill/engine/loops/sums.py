"""Sums up days that are over and marked, so that metrics need not count them."""

import asyncio
import time
from functools import partial

from cogmill.access.context import Context
from cogmill.access.scope import Scope
from cogmill.domain.metrics import folding
from cogmill.domain.metrics.spans import day_of
from cogmill.kit.faults import crash_point
from cogmill.web.call import Call

LOOP = "metrics"
AT_ONCE = 100
PAUSE = 60.0
_LONGEST_PAUSE = 1.0


async def run_once(call: Call) -> float | None:
    """Sum up what is marked; answers when to look again."""
    left = await call.read(lambda ctx: folding.pending(ctx.db, day_of(ctx.now), AT_ONCE))
    for scope, day in left:
        began = time.monotonic()
        counted = await call.read(partial(_count, (scope, day)))
        crash_point("metrics_counted")
        try:
            await call.write(partial(_store, counted))
        except folding.Changed:
            continue  # it is marked again, or somebody else has done it
        await asyncio.sleep(min(time.monotonic() - began, _LONGEST_PAUSE))  # requests get at least half of the time
    return call.runtime.clock() + (0.0 if len(left) == AT_ONCE else PAUSE)


def _count(which: tuple[Scope, int], ctx: Context) -> folding.Day:
    return folding.count(ctx.db, *which)


def _store(counted: folding.Day, ctx: Context) -> None:
    folding.store(ctx.db, counted)
