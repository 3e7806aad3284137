"""Pages within a window of time, whichever end they begin at and wherever the cursor is."""

from itertools import product

import pytest

from cogmill.kit.paging import encode_cursor
from tests.factories import BEGINNING

TIMES = [int(BEGINNING) + 60 * number for number in (-1, 0, 3, 8, 9)]


@pytest.fixture
async def numbered(log):
    """Nine records a minute apart, and their row ids."""
    await log.fill(9)
    return [(row.id, row.data["number"]) for row in await log.rows()]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_cursor_anywhere_shows_what_is_behind_it_within_the_window(log, numbered, order):
    """Cursors of another window are before, within or behind this one."""
    for begin, end in product(TIMES, [None, *TIMES]):
        if end is not None and end < begin:
            continue
        for cursor, _ in numbered[::2]:
            window = f"time_after={begin}" + (f"&time_before={end}" if end else "")
            found = await log.numbers(f"{window}&order={order}&after={encode_cursor(cursor)}")
            behind = [n for at, n in numbered if (at > cursor if order == "asc" else at < cursor)]
            wanted = [n for n in behind if begin <= BEGINNING + 60 * n and (not end or BEGINNING + 60 * n < end)]
            assert found == (wanted if order == "asc" else wanted[::-1])
