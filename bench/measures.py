"""The measurements themselves. Each takes a folder to work in and answers rows of the table."""

import asyncio
import json
import re
import statistics
import time
from collections import Counter
from pathlib import Path

from bench import machine
from bench.numbers import Number, percentile
from bench.place import LONG, first_answer, id_of, runbook, running, target_of
from bench.wire import Connection, Target
from cogmill.demo.local_server import LocalServer

FINISHED = re.compile(rb'"status_detail": ?"(finished|error)"')
SETTLED = {"finished", "error"}


def start_and_idle(root: Path, runs: int) -> list[Number]:
    """Start on a folder that exists, and memory when nothing goes on."""
    first = Number("first start ever (with database and keys) to first 200", "s")
    start = Number("start to first 200", "s", 2, peer="9 to 14 s")
    rss = Number("idle memory, resident", "MB", 120, peer="333 to 343 MB")
    pss = Number("idle memory, proportional", "MB")
    for _ in range(max(runs, 3)):
        data = root / f"start-{time.monotonic_ns()}"
        data.mkdir()
        server = LocalServer(data)
        try:
            first.values.append(first_answer(server))
            server.stop()
            start.values.append(first_answer(server))
            time.sleep(1)
            assert server.process is not None
            for number, value in zip((rss, pss), machine.memory(server.process.pid), strict=True):
                number.values.append(value)
        finally:
            server.stop()
    return [start, first, rss, pss]


def creates(root: Path, runs: int) -> list[Number]:
    """Creating with 50 clients that never pause: with the engine's only slot taken, and with the engine busy."""
    alone = _create_rows("", 20, 100, "154 to 244 ms")
    busy = _create_rows(", while 16 sessions run", None, None, "")
    for _ in range(runs):
        with running(root, max_running_sessions="1", max_running_sessions_per_org="1") as (_, target):
            asyncio.run(_note_creates(target, alone, blocked=True))
        with running(root) as (_, target):
            asyncio.run(_note_creates(target, busy, blocked=False))
    return [*alone, *busy]


def _create_rows(which: str, p50: float | None, p99: float | None, peer: str) -> list[Number]:
    return [
        Number(f"create, 50 clients{which}: p50", "ms", p50, peer=peer),
        Number(f"create, 50 clients{which}: p99", "ms", p99),
        Number(f"create, 50 clients{which}: refused", "of all", 1 if p50 else None),
        Number(f"create, 50 clients{which}: rate", "/s"),
    ]


async def _note_creates(target: Target, rows: list[Number], *, blocked: bool) -> None:
    connections = [await target.connect() for _ in range(50)]
    if blocked:
        await target.ask(connections[0], "POST", target.sessions, runbook(LONG))
    request = target.request("POST", target.sessions, runbook())
    for connection in connections:
        await connection.ask(request)
    taken: list[float] = []
    statuses: Counter[int] = Counter()

    async def client(connection: Connection) -> None:
        for _ in range(40):
            began = time.perf_counter()
            status, _ = await connection.ask(request)
            taken.append((time.perf_counter() - began) * 1000)
            statuses[status] += 1

    began = time.perf_counter()
    await asyncio.gather(*map(client, connections))
    seconds = time.perf_counter() - began
    refused = sum(count for status, count in statuses.items() if status != 200)
    for row, value in zip(
        rows, (percentile(taken, 0.5), percentile(taken, 0.99), refused, len(taken) / seconds), strict=True
    ):
        row.values.append(value)
    for connection in connections:
        connection.close()


async def run_one(target: Target, connection: Connection, body: dict[str, object]) -> tuple[str, float]:
    """Create a session and watch it to its end: its id and the seconds between."""
    began = time.monotonic()
    status, answer = await connection.ask(target.request("POST", target.sessions, body))
    if status != 200:
        raise RuntimeError(f"create answered {status}: {answer[:300]!r}")
    session_id, over = id_of(answer), asyncio.get_running_loop().create_future()
    seen = bytearray()

    def on_data(data: bytes, now: float) -> None:
        seen.extend(data)
        found = FINISHED.search(seen)
        if found and not over.done():
            over.set_result((found[1], now))

    watcher = await target.watch(session_id, on_data)
    try:
        detail, ended = await asyncio.wait_for(over, 60)
    finally:
        watcher.transport.close()
    if detail != b"finished":
        raise RuntimeError(f"Session {session_id} ended in {detail!r}: {bytes(seen[-800:])!r}")
    return session_id, ended - began


def sessions(root: Path, runs: int) -> list[Number]:
    """Two-step sessions one after the other, and ten at once."""
    single = Number("create to finished, two steps", "ms", 250, peer="737 ms")
    rate = Number("two-step sessions a second, 10 at once", "/s", 10, at_least=True, peer="2.4 to 2.7 /s")

    async def work(target: Target) -> None:
        connections = [await target.connect() for _ in range(10)]
        await run_one(target, connections[0], runbook())
        taken = [(await run_one(target, connections[0], runbook()))[1] for _ in range(15)]
        single.values.append(statistics.median(taken) * 1000)

        async def worker(connection: Connection) -> None:
            for _ in range(10):
                await run_one(target, connection, runbook())

        began = time.monotonic()
        await asyncio.gather(*map(worker, connections))
        rate.values.append(100 / (time.monotonic() - began))

    for _ in range(runs):
        with running(root) as (_, target):
            asyncio.run(work(target))
    return [single, rate]


def live_memory(root: Path, runs: int) -> list[Number]:
    """What the server itself holds for a session that runs, and what its shell holds."""
    row = Number("memory of the server per further live session", "MB", 1)
    shell = Number("memory of a live session's shell and supervisor", "MB")

    async def work(server: LocalServer, target: Target) -> None:
        assert server.process is not None
        pid = server.process.pid
        connection = await target.connect()
        for _ in range(10):  # what the first ones load stays loaded
            await target.ask(connection, "POST", target.sessions, runbook(LONG))
        await _until_running(target, connection, 10)
        before, below = machine.memory(pid)[1], machine.memory_below(pid)
        for _ in range(50):
            await target.ask(connection, "POST", target.sessions, runbook(LONG))
        await _until_running(target, connection, 60)
        row.values.append((machine.memory(pid)[1] - before) / 50)
        shell.values.append((machine.memory_below(pid) - below) / 50)

    for _ in range(min(runs, 3)):
        with running(root, max_running_sessions="64", max_running_sessions_per_org="64") as (server, target):
            asyncio.run(work(server, target))
    return [row, shell]


async def _until_running(target: Target, connection: Connection, count: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        page = await target.ask(connection, "GET", f"{target.sessions}?first=200")
        if sum(one["status_detail"] == "working" for one in page["items"]) >= count:
            await asyncio.sleep(1)
            return
        await asyncio.sleep(0.2)
    raise TimeoutError(f"{count} sessions do not run.")


def watchers(root: Path, runs: int) -> list[Number]:
    """How soon 500 readers of one live session have an event, counted from when the request for it was sent."""
    row = Number("500 watchers see a new event, p99", "ms", 100)
    half = Number("500 watchers see a new event, p50", "ms")

    async def work(target: Target) -> None:
        connection = await target.connect()
        made = await target.ask(connection, "POST", target.sessions, runbook(LONG))
        await _until_running(target, connection, 1)
        session_id, arrivals = made["session_id"], Counter[bytes]()
        sent: dict[bytes, float] = {}
        waited: list[float] = []

        def on_data(data: bytes, now: float) -> None:
            for mark in re.findall(rb"mark-\d+-end", data):
                if mark in sent:
                    waited.append((now - sent[mark]) * 1000)
                    arrivals[mark] += 1

        all_ = [await target.watch(session_id, on_data) for _ in range(500)]
        await asyncio.gather(*(one.is_open.wait() for one in all_))
        await asyncio.sleep(2)
        for number in range(20):
            mark = f"mark-{number}-end"
            sent[mark.encode()] = time.monotonic()
            await target.ask(connection, "POST", f"{target.sessions}/{session_id}/messages", {"message": mark})
            await asyncio.sleep(0.5)
        for one in all_:
            one.transport.close()
        # The summary and the contents both carry the message: each event counts twice for each watcher.
        lost = sum(count < 500 for count in arrivals.values()) + 20 - len(arrivals)
        row.values.append(percentile(waited, 0.99))
        half.values.append(percentile(waited, 0.5))
        row.note = row.note or (f"{lost} events did not reach everybody" if lost else "")

    for _ in range(min(runs, 3)):
        with running(root) as (_, target):
            asyncio.run(work(target))
    return [row, half]


def two_hundred(root: Path, _runs: int) -> list[Number]:
    """Two hundred sessions created at once; all must finish, every step done exactly once."""
    done = Number("200 sessions at once: finished", "of 200", 200, at_least=True, peer="10, then refused (429)")
    whole = Number("200 sessions at once: all finished after", "s")
    exact = Number("200 sessions at once: steps lost or doubled", "steps", 1)

    async def work(target: Target) -> None:
        connections = [await target.connect() for _ in range(50)]
        request = target.request("POST", target.sessions, runbook())
        began = time.monotonic()

        async def client(connection: Connection) -> list[str]:
            return [id_of((await connection.ask(request))[1]) for _ in range(4)]

        ids = [one for part in await asyncio.gather(*map(client, connections)) for one in part]
        settled: dict[str, str] = {}
        while len(settled) < 200 and time.monotonic() - began < 120:
            settled = await details(target, connections[0])
            await asyncio.sleep(0.2)
        whole.values.append(time.monotonic() - began)
        done.values.append(sum(settled.get(one) == "finished" for one in ids))
        wrong = 0
        for one in ids:
            counts = Counter(event["event_type"] for event in await events(target, connections[0], one))
            wrong += abs(counts["shell_process_completed"] - 2)
        exact.values.append(wrong)

    with running(root) as (_, target):
        asyncio.run(work(target))
    return [done, whole, exact]


async def details(target: Target, connection: Connection) -> dict[str, str]:
    """The detail of every session that has come to rest."""
    found: dict[str, str] = {}
    after = ""
    while True:
        page = await target.ask(connection, "GET", f"{target.sessions}?first=200{after}")
        found |= {one["session_id"]: one["status_detail"] for one in page["items"] if one["status_detail"] in SETTLED}
        if not page["has_next_page"]:
            return found
        after = f"&after={page['end_cursor']}"


async def events(target: Target, connection: Connection, session_id: str) -> list[dict[str, object]]:
    """A session's whole log as the API lists it."""
    found: list[dict[str, object]] = []
    after = ""
    while True:
        page = await target.ask(connection, "GET", f"{target.sessions}/{session_id}/events?first=200{after}")
        found += page["items"]
        if not page["has_next_page"]:
            return found
        after = f"&after={page['end_cursor']}"


async def event_contents(target: Target, connection: Connection, session_id: str) -> list[dict[str, object]]:
    """A session's whole log with contents and sequence numbers, read from its stream."""
    last = len(await events(target, connection, session_id))
    seen, done = bytearray(), asyncio.Event()

    def on_data(data: bytes, _now: float) -> None:
        seen.extend(data)
        if re.search(rb"(^|\n)id: %d\n.*\n\n" % last, seen, re.DOTALL):
            done.set()

    watcher = await target.watch(session_id, on_data)
    await asyncio.wait_for(done.wait(), 30)
    watcher.transport.close()
    return [json.loads(line) for line in re.findall(rb"\ndata: (\{.*\})\r?\n", seen)]


__all__ = ["event_contents", "target_of"]
