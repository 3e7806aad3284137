"""Schedules and playbooks: pages of 100,000 at any depth, and 1,000 runs that are due in the same minute."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from bench import seeded
from bench.numbers import Number, percentile
from bench.wire import Target
from cogmill.domain.schedules.blocks import recount
from cogmill.kit.paging import encode_cursor
from cogmill.models.access import organization, service_user
from cogmill.models.content import playbook
from cogmill.models.schedules import schedule, schedule_run

LISTED, AT_ONCE = 100_000, 1_000
ASKED = 100
BATCH = 5_000
LEAD = 12.0
"""Seconds in which the server must be up: until then it is asleep, as before any minute."""
PROMPT = "```sh\necho one\n```\n"


def pages(root: Path, runs: int) -> list[Number]:
    """Pages of 20 at random depths, over HTTP; of playbooks also for an organization that sees few of very many."""
    found = []
    for kind in seeded.DATABASES:
        with seeded.installation(root, kind) as (server, engine):
            with engine.begin() as db:
                home = db.execute(select(organization).limit(1)).one()
                _schedules(db, home.org_id, LISTED, None)
                _playbooks(db, home)
            seeded.settle(engine)
            with seeded.started(server) as target:
                for what, ask in (("schedules", _schedule_page), ("playbooks", _playbook_page)):
                    row = Number(f"pages of {LISTED:,} {what}, {kind}: p99", "ms", 20)
                    for _ in range(runs):
                        row.values.append(asyncio.run(_asked(target, [ask(target) for _ in range(ASKED)])))
                    found.append(row)
    return found


def _schedule_page(target: Target) -> str:
    depth = random.choice([0, LISTED - 20, random.randint(0, LISTED)])
    return f"/v3/organizations/{target.org_id}/schedules?limit=20&offset={depth}"


def _playbook_page(target: Target) -> str:
    after = f"&after={encode_cursor(f'playbook-{random.randint(0, LISTED):032x}')}" if random.random() < 0.5 else ""
    return f"/v3/organizations/{target.org_id}/playbooks?first=20{after}"


async def _asked(target: Target, paths: list[str]) -> float:
    connection, taken = await target.connect(), []
    for path in paths:
        began = time.perf_counter()
        status, answer = await connection.ask(target.request("GET", path))
        taken.append((time.perf_counter() - began) * 1000)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {answer[:200]!r}")
    connection.close()
    return percentile(taken, 0.99)


def same_minute(root: Path, runs: int) -> list[Number]:
    """From the minute that 1,000 schedules wait for to the start of the last one's session, and GETs meanwhile."""
    found = []
    for kind in seeded.DATABASES:
        last = Number(f"{AT_ONCE:,} schedules of one minute, {kind}: last session is there after", "s", 5)
        gets = Number(f"{AT_ONCE:,} schedules of one minute, {kind}: GETs meanwhile, p99", "ms", 100)
        for _ in range(min(runs, 3)):
            with seeded.installation(root, kind) as (server, engine):
                due = time.time() + LEAD
                with engine.begin() as db:
                    _schedules(db, server.first_keys["org_id"], AT_ONCE, due)
                with seeded.started(server) as target:
                    seconds, p99, count = asyncio.run(_fired(engine, target, due))
                last.values.append(seconds)
                gets.values.append(p99)
                gets.note = f"(of {count})"
        found += [last, gets]
    return found


async def _fired(engine: Engine, target: Target, due: float) -> tuple[float, float, int]:
    if time.time() > due - 1:
        raise TimeoutError("The server was not up before the minute.")
    connection, taken = await target.connect(), list[float]()
    paths = [f"{target.sessions}?first=20", f"/v3/organizations/{target.org_id}/schedules?limit=20", "/v3/self"]
    done = asyncio.create_task(asyncio.to_thread(_until_done, engine, due))
    while not done.done():
        began = time.perf_counter()
        status, answer = await connection.ask(target.request("GET", paths[len(taken) % len(paths)]))
        if status != 200:
            raise RuntimeError(f"A GET answered {status}: {answer[:200]!r}")
        if time.time() >= due:
            taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.005)
    connection.close()
    return await done, percentile(taken, 0.99), len(taken)


def _until_done(engine: Engine, due: float) -> float:
    """Seconds from the minute to the last run; every one must have started a session."""
    runs = select(func.count(), func.max(schedule_run.c.ran_at)).where(schedule_run.c.outcome == "started")
    while time.time() < due + 60:
        time.sleep(0.2)
        with engine.connect() as db:
            count, last = db.execute(runs).one()
        if count == AT_ONCE:
            return float(last) - due
    raise TimeoutError(f"Only {count} of {AT_ONCE} schedules have started a session after a minute.")


def _schedules(db: Connection, org_id: str, count: int, due: float | None) -> None:
    """Written behind the server's back, as its service user made them."""
    user = db.execute(
        select(service_user.c.service_user_id).where(service_user.c.name == "organization-admin")
    ).scalar()
    fixed: dict[str, Any] = {
        "org_id": org_id, "prompt": PROMPT, "agent": "devin", "interval_count": 1, "tags": None, "runs": 0,
        "bypass_approval": False, "notify_on": "failure", "overlap": "skip", "enabled": True, "created_by": user,
        "service_user_id": user, "created_at": 1.0, "updated_at": 1.0, "consecutive_failures": 0, "due_at": due,
        "schedule_type": "recurring", "frequency": "0 0 1 1 *",
    }  # fmt: skip
    _insert(db, schedule, count, lambda one: {"schedule_id": f"sched-{one:032x}", "name": f"Schedule {one}", **fixed})
    recount(db, org_id)


def _playbooks(db: Connection, home: Any) -> None:
    """One of a thousand is the organization's own, one the enterprise's; the rest are of another organization."""
    other = "org-of-others"
    values = {"org_id": other, "enterprise_id": home.enterprise_id, "name": "Others", "created_at": 1.0}
    db.execute(insert(organization).values(values))
    owners = {0: home.org_id, 500: None}
    fixed: dict[str, Any] = {
        "enterprise_id": home.enterprise_id, "title": "Release", "body": "## Procedure\n1. Test.\n" * 10, "version": 1,
        "created_at": 1.0, "created_by": "bench", "updated_at": 1.0, "updated_by": "bench",
    }  # fmt: skip
    _insert(
        db, playbook, LISTED,
        lambda one: {"playbook_id": f"playbook-{one:032x}", "org_id": owners.get(one % 1_000, other), **fixed},
    )  # fmt: skip


def _insert(db: Connection, table: Any, count: int, row: Any) -> None:
    for begin in range(0, count, BATCH):
        db.execute(insert(table), [row(number) for number in range(begin, min(begin + BATCH, count))])
