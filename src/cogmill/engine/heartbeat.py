"""Tells the other processes and the administrators that this one runs sessions, and hears whether it shall."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from cogmill.access.context import Context
from cogmill.domain.hypervisors import service
from cogmill.kit import metrics
from cogmill.kit.identity import identity
from cogmill.kit.logs import logger
from cogmill.web.call import Call

log = logger("engine")
LAST_WORD = 5.0
"""Seconds that the end of a process may wait for the database."""


class Heartbeat:
    """One small write every few seconds, which shares the commit of others."""

    def __init__(self, call: Call, running: Callable[[], int], hold: Callable[[bool], None]) -> None:
        """`running`: how many sessions run. `hold`: told whether no more are to be taken, when that changes."""
        settings = call.runtime.settings
        self._call, self._running, self._hold = call, running, hold
        self._place = service.Place(identity(settings.data), settings.cloud_instance_id, settings.max_running_sessions)
        self._is_drained = False
        self._heard = time.monotonic()

    async def begin(self) -> None:
        """Before anything is run."""
        self._follow(await self._call.write(partial(service.register, place=self._place)))

    async def run(self) -> None:
        """For ever, until it is cancelled."""
        while True:
            try:
                await self.beat()
            except (OSError, SQLAlchemyError) as error:
                metrics.LOOP_FAILURES.labels("heartbeat").inc()
                log.warning("heartbeat_failed", error=type(error).__name__)
            await asyncio.sleep(service.BEAT)

    async def beat(self) -> None:
        """One sign of life, and what came of it."""
        is_drained = await self._call.write(self._beat)
        self._heard = time.monotonic()
        self._follow(is_drained)

    def _beat(self, ctx: Context) -> bool:
        is_drained = service.beat(ctx, self._place.hypervisor_id, self._running())
        return service.register(ctx, self._place) if is_drained is None else is_drained

    def _follow(self, is_drained: bool) -> None:
        if is_drained != self._is_drained:
            self._is_drained = is_drained
            log.warning("draining" if is_drained else "undrained", hypervisor_id=self._place.hypervisor_id)
            self._hold(is_drained)

    async def end(self) -> None:
        """After everything has been stopped. A database that is away does not hold the end up."""
        try:
            work = self._call.write(partial(service.end, hypervisor_id=self._place.hypervisor_id))
            await asyncio.wait_for(work, LAST_WORD)
        except (OSError, SQLAlchemyError) as error:  # TimeoutError is an OSError
            log.warning("end_not_noted", error=type(error).__name__)

    @property
    def trouble(self) -> str | None:
        """Why others must think that this process is gone; None while its signs of life arrive."""
        silent = time.monotonic() - self._heard
        if silent < service.LATE:
            return None
        return f"for {silent:.0f} seconds no sign of life could be written to the database"
