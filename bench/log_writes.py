"""How many events a second become durable: the engine's own way of appending, in a process of its own.

Run as `python -m bench.log_writes DATA`: sessions must lie in the data folder already. Prints one JSON line.
"""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from bench.numbers import Number
from bench.place import LONG, runbook, running
from bench.wire import Target

SESSIONS, PER_SESSION = 64, 150


def events(root: Path, runs: int) -> list[Number]:
    """64 sessions each append one event after the other, every one answered only when it is on the disk."""
    row = Number("events persisted durably, 64 sessions", "/s", 2000, at_least=True)
    single = Number("one session alone, one event after the other", "/s")
    for _ in range(runs):
        with running(root, max_running_sessions="1", max_running_sessions_per_org="1") as (server, target):
            asyncio.run(_fill(target))
        argv = [sys.executable, "-m", "bench.log_writes", str(server.data)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
        found = json.loads(done.stdout.splitlines()[-1])
        row.values.append(found["many"])
        single.values.append(found["single"])
    return [row, single]


async def _fill(target: Target) -> None:
    connection = await target.connect()
    for _ in range(SESSIONS + 1):
        await target.ask(connection, "POST", target.sessions, runbook(LONG))
    connection.close()


async def _measure(data: Path) -> dict[str, float]:
    from sqlalchemy import select

    from cogmill import server
    from cogmill.domain.sessions.log import NewEvent
    from cogmill.engine.store import Store, claim
    from cogmill.kit.settings import load
    from cogmill.models.sessions import session

    settings = load({"data": data})
    _, runtime = server.build(settings, server.prepare(settings))
    contents = {"key": "k", "title": "Run the tests", "attempt": 1, "input": {"command": "make test"}}
    event = NewEvent("shell_process_started", "shell", "Run the tests", contents)
    rows = await runtime.database.read(lambda db: list(db.execute(select(session.c.id)).scalars()))
    stores = []
    for row_id in rows[:SESSIONS]:
        claimed = await claim(runtime, row_id)
        assert claimed is not None
        stores.append(Store(runtime, claimed))

    async def append(store: Store, count: int) -> None:
        for _ in range(count):
            await store.append([event])

    async def rate(chosen: list[Store], count: int) -> float:
        began = time.perf_counter()
        await asyncio.gather(*(append(store, count) for store in chosen))
        return len(chosen) * count / (time.perf_counter() - began)

    await rate(stores, 10)
    found = {"many": await rate(stores, PER_SESSION), "single": await rate(stores[:1], 300)}
    await runtime.database.close()
    return found


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_measure(Path(sys.argv[1])))))
