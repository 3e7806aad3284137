"""Pages: every row once, whatever comes in between; made-up cursors are malformed input."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, create_engine, delete, insert, select

from cogmill.kit.errors import Invalid
from cogmill.kit.paging import Slice, decode_cursor, encode_cursor, fetch_page

THINGS = Table(
    "thing",
    MetaData(),
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String, nullable=False),
)


@pytest.fixture
def db(database_kind, request, tmp_path):
    if database_kind == "sqlite":
        engine = create_engine("sqlite://")
    else:
        cluster = request.getfixturevalue("cluster")
        url = cluster.create()
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        THINGS.create(connection)
        yield connection
        connection.rollback()
    engine.dispose()
    if database_kind == "postgres":
        cluster.drop(url)


def put(db, *ids, kind="a"):
    if ids:
        db.execute(insert(THINGS), [{"id": one, "kind": kind} for one in ids])


def page(db, first, after, descending, kind=None):
    query = select(THINGS) if kind is None else select(THINGS).where(THINGS.c.kind == kind)
    return fetch_page(db, query, THINGS.c.id, first, after, descending=descending)


def key_or_refusal(cursor):
    """Whether a cursor is a key that databases can compare with, or refused as malformed."""
    try:
        return abs(decode_cursor(cursor)) < 2**63
    except Invalid as refused:
        return refused.status == 422 and refused.problems[0]["loc"] == ["query", "after"]


@given(st.integers(0, 10**17))
def test_cursors_round_trip(key):
    cursor = encode_cursor(key)
    assert decode_cursor(cursor) == key
    assert cursor.isascii()
    assert not set(cursor) & set("=&+/?#% ")


@given(st.text(max_size=60))
@example("")
@example("=")
@example("k1")
@example("aw")
@example("\ud800")
@example(encode_cursor(2**70))
@example("azE=" * 100)
def test_any_text_is_a_cursor_or_malformed_input(text):
    assert key_or_refusal(text)


@given(st.integers(1, 10**17), st.data())
def test_a_changed_cursor_is_a_cursor_or_malformed_input(key, data):
    cursor = list(encode_cursor(key))
    cursor[data.draw(st.integers(0, len(cursor) - 1))] = data.draw(st.characters(codec="utf-8"))
    assert key_or_refusal("".join(cursor))


@pytest.mark.parametrize("descending", [True, False])
@settings(deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.sets(st.integers(1, 60), max_size=30), first=st.integers(1, 12), later=st.data())
def test_a_walk_sees_every_old_row_once_while_rows_come_and_go(db, descending, ids, first, later):
    db.execute(delete(THINGS))
    put(db, *ids)
    seen, after, present, everything, removed = [], None, set(ids), set(ids), set()
    for _ in range(200):
        part = page(db, first, after, descending)
        assert len(part.items) <= first
        seen += [row.id for row in part.items]
        after = part.end_cursor
        if after is None:
            break
        new = later.draw(st.sets(st.integers(1, 60), max_size=3)) - everything
        put(db, *new)
        gone = later.draw(st.sets(st.sampled_from(sorted(present)), max_size=2))
        db.execute(delete(THINGS).where(THINGS.c.id.in_(gone)))
        everything |= new
        removed |= gone
        present = (present | new) - gone
    assert after is None
    assert seen == sorted(seen, reverse=descending)
    assert len(seen) == len(set(seen))
    assert set(ids) - removed <= set(seen) <= everything


def test_rows_with_equal_other_columns_are_all_seen(db):
    put(db, *range(1, 8), kind="same")
    put(db, *range(8, 11), kind="other")
    seen, after = [], None
    while True:
        part = page(db, 3, after, True, "same")
        seen += [row.id for row in part.items]
        if (after := part.end_cursor) is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_the_last_page_has_no_cursor_even_when_it_is_full(db):
    put(db, 1, 2, 3, 4)
    part = page(db, 2, None, False)
    assert [row.id for row in part.items] == [1, 2]
    part = page(db, 2, part.end_cursor, False)
    assert [row.id for row in part.items] == [3, 4]
    assert part.end_cursor is None


def test_nothing_is_one_empty_page(db):
    assert page(db, 5, None, True) == Slice([], None)


@pytest.mark.parametrize("key", [-5, 0, 10**17, 2**31, 2**53])
def test_cursors_outside_the_rows(db, key):
    put(db, 1, 2)
    up, down = page(db, 5, encode_cursor(key), False), page(db, 5, encode_cursor(key), True)
    assert [row.id for row in up.items] == ([1, 2] if key <= 0 else [])
    assert [row.id for row in down.items] == ([2, 1] if key > 0 else [])


def test_a_slice_can_be_mapped():
    assert Slice([1, 2], "x").map(str) == Slice(["1", "2"], "x")
