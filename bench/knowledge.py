"""Knowledge: choosing a session's notes among 10,000, and pages and searches of 100,000, on both databases."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, Engine, insert, select

from bench import seeded
from bench.numbers import Number, percentile
from bench.wire import Target
from cogmill.access.context import Context
from cogmill.access.scope import Scope
from cogmill.domain.knowledge import index
from cogmill.domain.knowledge.fit import fitting
from cogmill.domain.knowledge.use import find, load
from cogmill.kit.paging import encode_cursor
from cogmill.kit.words import stems, words
from cogmill.models.access import organization
from cogmill.models.knowledge import knowledge_note

SELECTED, LISTED = 10_000, 100_000
ASKED = 200
VOCABULARY = [
    f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("ana", "ero", "ilu", "onde", "uvi") for c in "bdfgklmnprstvz"
]
"""840 words; the first ones are as frequent as words of a language are."""
WEIGHTS = [1 / (rank + 2) for rank in range(len(VOCABULARY))]


def choosing(root: Path, runs: int) -> list[Number]:
    """From a prompt of 60 or 600 words to the texts of the notes that fit it."""
    found = []
    for kind in seeded.DATABASES:
        with seeded.installation(root, kind) as (_, engine):
            home = _fill(engine, SELECTED)
            seeded.settle(engine)
            for length in (60, 600):
                row = Number(f"notes of a session among {SELECTED:,}, {kind}, prompt of {length} words: p99", "ms", 30)
                for _ in range(runs):
                    with engine.begin() as db:
                        row.values.append(_choose(db, Scope("", home.org_id), length, row))
                found.append(row)
    return found


def _choose(db: Connection, scope: Scope, length: int, row: Number) -> float:
    """p99 of one selection as the engine makes it."""
    taken, given = [], 0
    for number in range(ASKED):
        prompt = " ".join(random.choices(VOCABULARY, WEIGHTS, k=length)) + (" !none" if number % 2 else "")
        began = time.perf_counter()
        ctx = Context(None, db, scope, 0.0, "bench")  # type: ignore[arg-type]
        some = find(ctx, None, prompt, ["acme/app7"], ())
        assert some.scope is not None
        given += len(load(ctx, some.scope, fitting(some.candidates, None), some.given)) + len(some.given)
        taken.append((time.perf_counter() - began) * 1000)
    row.note = f"(p50 {percentile(taken, 0.5):.1f} ms; {given / ASKED:.1f} notes each)"
    return percentile(taken, 0.99)


def _fill(engine: Engine, count: int) -> Any:
    """Notes with triggers of 3 to 8 words and texts of 150; one of a hundred is pinned. Answers their organization.

    In several transactions: in a single one, PostgreSQL would keep every version of the words' counters.
    """
    with engine.begin() as db:
        home = db.execute(select(organization).limit(1)).one()
    chance = random.Random(4)
    fixed = {"enterprise_id": home.enterprise_id, "org_id": home.org_id, "place": home.org_id, "is_enabled": True}
    stamps = {"created_at": 1.0, "updated_at": 1.0, "created_by": "bench", "updated_by": "bench"}
    for begin in range(0, count, 1_000):
        rows = []
        for number in range(begin + 1, begin + 1_001):
            trigger = " ".join(chance.choices(VOCABULARY, WEIGHTS, k=chance.randint(3, 8)))
            body = " ".join(chance.choices(VOCABULARY, WEIGHTS, k=150))
            pin = f"acme/app{number // 100}" if number % 100 == 0 else None
            values = {"id": number, "note_id": f"note-{number:06}", "name": f"Note {number}", "body": body}
            values |= {"trigger": trigger, "pinned_repo": pin, "pinned_to": pin, **fixed, **stamps}
            rows.append(values | {"fit_words": "" if pin else " ".join(stems(trigger))})
        with engine.begin() as db:
            db.execute(insert(knowledge_note), rows)
            for one in rows:
                _index(db, one)
    return home


def _index(db: Connection, one: dict[str, Any]) -> None:
    ctx = Context(None, db, Scope("", one["org_id"]), 0.0, "bench")  # type: ignore[arg-type]
    said = words(f"{one['name']} {one['trigger']} {one['body']}")
    index.put(ctx, one["id"], one["place"], one["fit_words"].split(), said)


def pages(root: Path, runs: int) -> list[Number]:
    """Pages of 100 and searches by a frequent, a rare and two words, at any depth, over HTTP."""
    found = []
    for kind in seeded.DATABASES:
        with seeded.installation(root, kind) as (server, engine):
            _fill(engine, LISTED)
            seeded.settle(engine)
            with seeded.started(server) as target:
                row = Number(f"pages and searches of {LISTED:,} notes, {kind}: p99", "ms", 20)
                for _ in range(runs):
                    worst = asyncio.run(_worst(target))
                    row.values.append(worst[0])
                    row.note = f"(worst: {worst[1]})"
                found.append(row)
    return found


async def _worst(target: Target) -> tuple[float, str]:
    connection, found = await target.connect(), []
    kinds = {
        "page": {}, "frequent word": {"search": VOCABULARY[0]}, "rare word": {"search": VOCABULARY[-1]},
        "two words": {"search": f"{VOCABULARY[1]} {VOCABULARY[40]}"}, "pinned": {"pinned_repo": "acme/app7"},
        "folder": {"folder_path": "/"},
    }  # fmt: skip
    for name, query in kinds.items():
        taken = []
        for number in range(-10, 300):  # the first ones warm up what a busy server has in its caches
            place = {"after": encode_cursor(random.randint(1, LISTED))} if number % 2 else {}
            path = f"/v3/organizations/{target.org_id}/knowledge/notes?{urlencode({'first': 20, **query, **place})}"
            began = time.perf_counter()
            status, answer = await connection.ask(target.request("GET", path))
            if number >= 0:
                taken.append((time.perf_counter() - began) * 1000)
            if status != 200:
                raise RuntimeError(f"{path} answered {status}: {answer[:200]!r}")
        found.append((percentile(taken, 0.99), name))
    connection.close()
    return max(found)
