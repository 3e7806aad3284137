"""Consumption, metrics and the list of sessions over a million sessions and ten million records of the ledger.

    python -m bench.usage [--sessions N] [--database SQLite|PostgreSQL] [--rounds N]

Each address is asked over HTTP with other values each time. Beside the p99 that a client sees stands the p99 of the
processor's time that the server, and PostgreSQL for it, took: on a busy machine that one tells.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import uvloop
from rich.console import Console
from sqlalchemy import Engine

from bench import machine, place, seeded, usage_data
from bench.__main__ import show
from bench.numbers import Number, percentile
from bench.usage_data import Made
from bench.usage_requests import FIGURES, Values, lists
from bench.wire import Target
from cogmill.demo.local_server import LocalServer

ASKED, WARM_UP = 100, 5
FIGURE_MS, LIST_MS, MEMORY_MB = 50.0, 15.0, 200.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.usage", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000, help="a tenth of the records (default 1,000,000)")
    parser.add_argument("--database", choices=seeded.DATABASES, action="append", help="default: both")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of 100 requests; the quietest is shown")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    rows: list[Number] = []
    with place.folder() as root:
        for kind in given.database or seeded.DATABASES:
            with seeded.installation(root, kind) as (server, engine):
                made = usage_data.make(engine, given.sessions, given.seed, _say)
                rows += measured(server, engine, made, given.rounds, kind)
        return show(rows, machine.floor(root), f"Cogmill, {given.sessions:,} sessions; load {os.getloadavg()[0]:.1f}")


def _say(what: str) -> None:
    Console(stderr=True).print(what, style="dim")


def measured(server: LocalServer, engine: Engine, made: Made, rounds: int, kind: str) -> list[Number]:
    """All numbers of a database that is filled."""
    rows = []
    with seeded.started(server) as target:
        watched = [_pid(server), *_postgres(engine)]
        keys = {False: target, True: Target(server.port, server.first_keys["enterprise_key"], target.org_id)}
        for address, limit in _addresses():
            row = Number(f"{kind}: {address}", "ms", limit)
            asking = [_round(keys["enterprise" in address], Values(made, n), address, watched) for n in range(rounds)]
            found = [asyncio.run(one) for one in asking]
            row.values = [min(p99 for p99, _, _ in found)]
            row.note = (
                f"(p50 {min(p50 for _, p50, _ in found):.1f}; processor, p99: {min(one[2] for one in found):.1f})"
            )
            _say(f"{row.name}: {row.measured}")
            rows.append(row)
        memory = Number(f"{kind}: memory of the server afterwards (RSS)", "MB", MEMORY_MB)
        memory.values = [machine.memory(_pid(server))[0]]
    return [*rows, memory, writes(server, engine, kind)]


def _addresses() -> list[tuple[str, float | None]]:
    found: list[tuple[str, float | None]] = [(one, FIGURE_MS) for one in FIGURES]
    for scope in ("organizations/{home}", "enterprise"):
        wanted, others = lists(scope)
        found += [(one, LIST_MS) for one in wanted] + [(one, None) for one in others]
    return found


def _pid(server: LocalServer) -> int:
    assert server.process is not None
    return server.process.pid


def _postgres(engine: Engine) -> list[int]:
    """The process whose children serve connections; none with SQLite."""
    if engine.dialect.name == "sqlite":
        return []
    with engine.connect() as db:
        backend = int(db.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
    parent = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
    return [parent]


def _used(watched: list[int]) -> float:
    """Milliseconds of processor time of a server's threads, and of PostgreSQL's processes."""
    folders = [Path(f"/proc/{watched[0]}/task")]
    tasks = [one for folder in folders for one in folder.iterdir()]
    tasks += [Path(f"/proc/{pid}") for parent in watched[1:] for pid in machine.descendants(parent)]
    total = 0
    for task in tasks:
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return total / 1e6


async def _round(target: Target, values: Values, address: str, watched: list[int]) -> tuple[float, float, float]:
    """p99 and p50 of what a client waits, and p99 of the processor's time."""
    connection, taken, used = await target.connect(), list[float](), list[float]()
    for number in range(-WARM_UP, ASKED):
        request = target.request("GET", path := values.fill(address))
        before, began = _used(watched), time.perf_counter()
        status, answer = await connection.ask(request)
        waited, after = time.perf_counter() - began, _used(watched)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {answer[:300]!r}")
        if number >= 0:
            taken.append(waited * 1000)
            used.append(after - before)
    connection.close()
    return percentile(taken, 0.99), percentile(taken, 0.5), percentile(used, 0.99)


def writes(server: LocalServer, engine: Engine, kind: str) -> Number:
    """Bookings of 64 sessions at once, each durable with its event and its sums before the next of its session."""
    row = Number(f"{kind}: records of the ledger written", "/s")
    url = engine.url.render_as_string(hide_password=False)
    argv = [sys.executable, "-m", "bench.usage_writes", str(server.data), *([url] if kind == "PostgreSQL" else [])]
    for _ in range(3):
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=300)
        row.values.append(float(json.loads(done.stdout.splitlines()[-1])["rate"]))
    return row


if __name__ == "__main__":
    sys.exit(main())
