"""Does the runs of automations that are queued, and queues those of their schedules."""

import asyncio
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from cogmill.domain.automations import firing
from cogmill.kit.errors import Refusal
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.web.call import Call

log = logger("automations")
AT_ONCE = 16
_SCHEDULES = 200


async def run_once(call: Call) -> float | None:
    """Do everything that can be done now; answers when the next schedule is due."""
    while await call.write(partial(firing.queue_due, most=_SCHEDULES)) == _SCHEDULES:
        pass
    stuck: set[str] = set()
    while True:
        ready = [(one, run) for one, run in await call.read(firing.waiting) if one not in stuck]
        if not ready:
            return await call.read(firing.next_time)
        for start in range(0, len(ready), AT_ONCE):
            part = ready[start : start + AT_ONCE]
            done = await asyncio.gather(*(_fire(call, run_id) for _, run_id in part))
            # What has to wait for its sessions is looked at again when one of them settles.
            stuck |= {automation_id for (automation_id, _), was_done in zip(part, done, strict=True) if not was_done}


async def _fire(call: Call, run_id: str) -> bool:
    try:
        done = await call.write(partial(firing.fire, run_id=run_id))
    except SQLAlchemyError:
        raise  # the driver tries again
    except Exception as error:
        said = error.detail if isinstance(error, Refusal) else "an internal error; the server's log has it"
        log.info("run_failed", run=run_id, error=said, exc_info=not isinstance(error, Refusal))
        if isinstance(error, Refusal) and error.afterwards is not None:
            await call.write(error.afterwards)
        return await call.write(partial(firing.fail, run_id=run_id, error=said))
    crash_point("automation_fired")
    return done


async def forget(call: Call, keep_seconds: float) -> None:
    """Remove runs that are older, in small transactions."""
    before = call.runtime.clock() - keep_seconds
    while await call.write(partial(firing.forget, before=before, most=_SCHEDULES)):
        pass
