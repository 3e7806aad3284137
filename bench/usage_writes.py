"""How many records of the ledger a second become durable: the engine's own way of booking, in a process of its own.

Run as `python -m bench.usage_writes DATA [DATABASE_URL]` over a database with idle sessions. Prints one JSON line.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import Connection, select, update

from cogmill import server
from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.usage.ledger import Use
from cogmill.engine.metering import Booked
from cogmill.engine.store import Store, claim
from cogmill.kit.settings import load
from cogmill.models.sessions import session

WRITERS, WARM_UP, WRITES = 64, 5, 60
EVENT = NewEvent("model_called", "other", "Model called", {"model": "model-1", "usage": {"input_tokens": 900}})
BOOKED, USE = Booked(2_000, 1_500, 900), Use(active_ms=900, model="model-1", input_tokens=900, output_tokens=90)


async def _measure(data: Path, url: str | None) -> float:
    settings = load({"data": data} | ({"database_url": url} if url else {}))
    _, runtime = server.build(settings, server.prepare(settings))
    newest = select(session.c.id).order_by(session.c.id.desc()).limit(WRITERS)

    def wake(db: Connection) -> list[int]:
        rows = list(db.execute(newest).scalars())
        new: dict[str, Any] = {"status": "new", "status_detail": None, "run_state": "queued"}
        db.execute(update(session).where(session.c.id.in_(rows)).values(new))
        return rows

    rows = await runtime.database.write(wake)
    stores = []
    for row_id in rows:
        claimed = await claim(runtime, row_id)
        assert claimed is not None
        stores.append(Store(runtime, claimed))

    async def book(store: Store, count: int) -> None:
        for _ in range(count):
            await store.append([EVENT], booked=BOOKED, use=USE)

    await asyncio.gather(*(book(store, WARM_UP) for store in stores))
    began = time.perf_counter()
    await asyncio.gather(*(book(store, WRITES) for store in stores))
    rate = len(stores) * WRITES / (time.perf_counter() - began)
    idle = update(session).where(session.c.id.in_(rows)).values(run_state="idle", status="exit", active_since=None)
    await runtime.database.write(lambda db: db.execute(idle))
    await runtime.database.close()
    return rate


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps({"rate": runner.run(_measure(Path(sys.argv[1]), next(iter(sys.argv[2:]), None)))}))
