"""Who calls, and what was done: authenticated requests a second, and pages of a long audit log."""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from urllib.parse import urlencode

from bench import seeded
from bench.numbers import Number, percentile
from bench.wire import Target
from cogmill.demo.local_server import LocalServer
from cogmill.kit.paging import encode_cursor

CONNECTIONS, REQUESTS = 16, 8_000
PAGES = 300
"""Pages of each kind: their p99 is the worst of the kinds."""


def self_(root: Path, runs: int) -> list[Number]:
    """`GET /v3/self` with one key, then with 100,000 keys in turn, which no cache holds."""
    found = []
    for kind in seeded.DATABASES:
        with seeded.installation(root, kind) as (server, engine):
            first = {"runs": runs, "server": server}
            found += _asked(f"GET /v3/self, {kind}, one key", None, **first)
            tokens = seeded.people(engine, server)
            found += _asked(f"GET /v3/self, {kind}, {len(tokens):,} keys in turn", tokens, **first)
    return found


def _asked(name: str, tokens: Sequence[str] | None, *, runs: int, server: LocalServer) -> list[Number]:
    rate, late = Number(f"{name}: one core", "/s"), Number(f"{name}: p99", "ms")
    with seeded.started(server) as target:
        _on_one_core(server)
        for _ in range(runs):
            keys = random.sample(tokens, REQUESTS) if tokens else [target.key] * REQUESTS
            per_second, p99 = asyncio.run(_ask_all(target, keys))
            rate.values.append(per_second)
            late.values.append(p99)
    return [rate, late]


def _on_one_core(server: LocalServer) -> None:
    """All threads of the server on the first core, the load on the others."""
    assert server.process is not None
    cores = sorted(os.sched_getaffinity(0))
    for thread in Path(f"/proc/{server.process.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {cores[0]})


async def _ask_all(target: Target, keys: Sequence[str]) -> tuple[float, float]:
    waiting = [Target(target.port, key, target.org_id).request("GET", "/v3/self") for key in keys]
    connections = [await target.connect() for _ in range(CONNECTIONS)]
    taken: list[float] = []

    async def worker(number: int) -> None:
        for request in waiting[number::CONNECTIONS]:
            began = time.perf_counter()
            status, answer = await connections[number].ask(request)
            taken.append((time.perf_counter() - began) * 1000)
            if status != 200:
                raise RuntimeError(f"GET /v3/self answered {status}: {answer[:200]!r}")

    began = time.perf_counter()
    await asyncio.gather(*map(worker, range(CONNECTIONS)))
    seconds = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return len(taken) / seconds, percentile(taken, 0.99)


def audit(root: Path, runs: int) -> list[Number]:
    """Pages of a million records at any depth: both scopes, each filter and all together, both orders."""
    found = []
    for kind in seeded.DATABASES:
        with seeded.installation(root, kind) as (server, engine):
            seeded.audit(engine)
            with seeded.started(server) as target:
                top = Target(target.port, server.first_keys["enterprise_key"], target.org_id)
                for scope in ("enterprise", f"enterprise/organizations/{target.org_id}"):
                    name = "organization" if scope.count("/") else "enterprise"
                    row = Number(f"audit log of 1,000,000, {kind}, {name}: p99 of a page", "ms", 15)
                    for _ in range(runs):
                        p99, which = asyncio.run(_worst(top, f"/v3/{scope}/audit-logs"))
                        row.values.append(p99)
                        row.note = f"(worst: {which})"
                    found.append(row)
    return found


async def _worst(target: Target, path: str) -> tuple[float, str]:
    """The highest p99 among all kinds of pages, and which kind that is."""
    connection, found = await target.connect(), []
    for action, has_times, order in product((None, "action_6", seeded.RARE, "never"), (False, True), ("desc", "asc")):
        taken = []
        for _ in range(PAGES):
            request = target.request("GET", f"{path}?{urlencode(_query(action, has_times, order))}")
            began = time.perf_counter()
            status, answer = await connection.ask(request)
            taken.append((time.perf_counter() - began) * 1000)
            if status != 200:
                raise RuntimeError(f"{path} answered {status}: {answer[:200]!r}")
        found.append((percentile(taken, 0.99), f"action {action}, {'with' if has_times else 'no'} times, {order}"))
    connection.close()
    return max(found)


def _query(action: str | None, has_times: bool, order: str) -> dict[str, object]:
    """A page somewhere in the log, within a window of a random width that may lie anywhere."""
    query: dict[str, object] = {"order": order, "first": 100, "after": encode_cursor(random.randint(1, seeded.RECORDS))}
    if action:
        query["action"] = action
    if has_times:
        begin = seeded.BEGINNING + random.randint(0, seeded.SPAN - 3600)
        query |= {"time_after": begin, "time_before": begin + random.choice((3600, 86_400, seeded.SPAN))}
        if random.random() < 0.5:
            del query["after"]  # the first page of the window
    return query
