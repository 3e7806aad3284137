"""The list of findings of code scans, and their metrics, over a million findings.

    python -m bench.findings [--findings N] [--database SQLite|PostgreSQL]

Each address is asked over HTTP at the beginning and deep in the list.
"""

import argparse
import asyncio
import os
import random
import sys
import time
from typing import Any

import uvloop
from rich.console import Console
from sqlalchemy import Engine, insert, select

from bench import machine, place, seeded
from bench.__main__ import show
from bench.numbers import Number, percentile
from bench.wire import Target
from cogmill.kit.paging import encode_cursor
from cogmill.models.access import organization
from cogmill.models.code_scans import code_scan, code_scan_finding, code_scan_sighting

SCANS, TOGETHER, ASKED, WARM_UP = 5_000, 5_000, 100, 5
LIST_MS, FIGURE_MS = 50.0, 100.0
BEGINNING = int(time.time()) - 90 * 86_400
SPAN = 90 * 86_400
FILTERS = (
    "", "severity=critical", "severity=critical,high", "status=open", "status=open&severity=low",
    "repo_name=acme/app-7", "repo_name=acme/none", "repo_name=acme/app-7&status=open,dismissed", "scan_id=scan-2500",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.findings", description=__doc__)
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--database", choices=seeded.DATABASES, action="append", help="default: both")
    given = parser.parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    rows: list[Number] = []
    with place.folder() as root:
        for kind in given.database or seeded.DATABASES:
            with seeded.installation(root, kind) as (server, engine):
                _fill(engine, given.findings)
                with seeded.started(server) as target:
                    top = Target(server.port, server.first_keys["enterprise_key"], target.org_id)
                    rows += _measured(target, top, given.findings, kind)
        return show(rows, machine.floor(root), f"Cogmill, {given.findings:,} findings; load {os.getloadavg()[0]:.1f}")


def _measured(target: Target, top: Target, count: int, kind: str) -> list[Number]:
    rows = []
    middle = encode_cursor(count // 2)
    for caller, base in ((target, f"organizations/{target.org_id}"), (top, "enterprise")):
        shown = f"{kind}: {base.partition('/')[0]}"
        for one in FILTERS:
            addresses = [f"/v3/{base}/code-scans/findings?{one}{more}" for more in ("", f"&after={middle}")]
            rows.append(_timed(caller, addresses, Number(f"{shown}: {one or 'findings'}", "ms", LIST_MS)))
        days = f"time_after={BEGINNING}&time_before={BEGINNING + SPAN}"
        figures = Number(f"{shown}: metrics of 90 days", "ms", FIGURE_MS)
        rows.append(_timed(caller, [f"/v3/{base}/code-scans/metrics?{days}"], figures))
    return rows


def _timed(target: Target, addresses: list[str], row: Number) -> Number:
    taken = asyncio.run(_ask(target, addresses))
    row.values = [percentile(taken, 0.99)]
    row.note = f"(p50 {percentile(taken, 0.5):.1f})"
    Console(stderr=True).print(f"{row.name}: {row.measured}", style="dim")
    return row


async def _ask(target: Target, addresses: list[str]) -> list[float]:
    connection, taken = await target.connect(), list[float]()
    for number in range(-WARM_UP, ASKED):
        request = target.request("GET", path := addresses[number % len(addresses)])
        began = time.perf_counter()
        status, answer = await connection.ask(request)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {answer[:300]!r}")
        if number >= 0:
            taken.append((time.perf_counter() - began) * 1000)
    connection.close()
    return taken


def _fill(engine: Engine, count: int) -> None:
    """Scans of 200 repositories, with findings of which most are resolved and few critical."""
    pick = random.Random(1)
    with engine.begin() as db:
        org = db.execute(select(organization.c.org_id).limit(1)).scalar_one()
        scans = [_scan(org, number, pick) for number in range(1, SCANS + 1)]
        db.execute(insert(code_scan), scans)
        for begin in range(0, count, TOGETHER):
            numbers = range(begin + 1, min(begin + TOGETHER, count) + 1)
            found = [_finding(scans[number * (SCANS - 1) // count], number, pick) for number in numbers]
            db.execute(insert(code_scan_finding), found)
            db.execute(insert(code_scan_sighting), [{"scan": one["scan"], "finding": one["id"]} for one in found])
    seeded.settle(engine)


def _scan(org: str, number: int, pick: random.Random) -> dict[str, Any]:
    at = BEGINNING + number * SPAN / (SCANS + 1)
    return {
        "id": number, "scan_id": f"scan-{number}", "org_id": org, "repo_name": f"acme/app-{pick.randrange(200)}",
        "repository": "acme/app", "scan_type": "security", "mode": "discover", "status": "completed", "reports": 1,
        "created_at": at, "updated_at": at,
    }  # fmt: skip


def _finding(scan: dict[str, Any], number: int, pick: random.Random) -> dict[str, Any]:
    (status,) = pick.choices(["open", "resolved", "dismissed"], [3, 6, 1])
    (severity,) = pick.choices(["critical", "high", "medium", "low"], [1, 100, 400, 499])
    snippet = {"file_path": "app/db.py", "start_line": 1, "end_line": 2, "commentary": None, "code": "x" * 200}
    return {
        "id": number, "finding_id": f"finding-{number}", "org_id": scan["org_id"], "scan": scan["id"],
        "scan_id": scan["scan_id"], "scan_created_at": scan["created_at"], "repo_name": scan["repo_name"],
        "fingerprint": f"{number:064x}", "severity": severity, "status": status, "category": "injection",
        "title": "Query from text", "description": "x" * 500, "code_owners": ["@app"], "snippets": [snippet],
        "related": [], "created_at": scan["created_at"], "updated_at": scan["created_at"],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
