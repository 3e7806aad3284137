"""However many rows there are, neither an export nor an import holds more than a few parts of them."""

import tracemalloc

import pytest
from sqlalchemy import insert, select

from cogmill.models.sessions import session, session_event

ROWS, MOST = 10_000, 16 << 20
SUMMARY = "x" * 4000


@pytest.mark.one_database
async def test_memory_is_flat(site, server, sessions, empty_site, tmp_path):
    made = await sessions.create()

    def fill(ctx):
        row = ctx.db.execute(select(session.c.id).where(session.c.session_id == made["session_id"])).scalar_one()
        same = {"session": row, "event_type": "x", "category": "other", "direction": "incoming", "created_at": 1.0}
        for begin in range(100, 100 + ROWS, 1000):
            ctx.db.execute(
                insert(session_event),
                [same | {"seq": seq, "summary": SUMMARY, "contents": "{}"} for seq in range(begin, begin + 1000)],
            )

    await server.write(fill)
    at = empty_site("sqlite", site.data / "keys.json")
    site.done("organizations", "list")  # what is imported once is no part of it
    for command, place in (("export", site), ("import", at)):
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        place.done(command, tmp_path / "e.cogmill")
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        assert peak < MOST < ROWS * len(SUMMARY) / 2
