"""Units of work: each all or nothing, alone in its failure, durable and visible when answered; many share a commit."""

import asyncio
import sqlite3
import threading
import time

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from cogmill.kit.db import SqliteDatabase, open_database
from cogmill.kit.hot_insert import HotInsert

NOTES = Table(
    "note",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
)


class Refused(Exception):
    pass


@pytest.fixture
def url(database_kind, request, tmp_path):
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    cluster = request.getfixturevalue("cluster")
    made = cluster.create()
    yield made.replace("postgresql://", "postgresql+psycopg://")
    cluster.drop(made)


@pytest.fixture
async def database(url):
    made = open_database(url)
    with made.engine.begin() as db:
        NOTES.create(db)
    yield made
    await made.close()


def put(name):
    def unit(db):
        db.execute(insert(NOTES).values(name=name))
        return name

    return unit


def names(db):
    return list(db.execute(select(NOTES.c.name).order_by(NOTES.c.id)).scalars())


def seen_by_another_connection(database):
    """What is committed, looked at from outside."""
    with database.engine.connect() as db:
        return names(db)


async def test_an_answered_write_is_committed(database):
    assert await database.write(put("a")) == "a"
    assert seen_by_another_connection(database) == ["a"]
    assert await database.read(names) == ["a"]


async def test_a_failed_unit_leaves_nothing_and_tells_its_error(database):
    def unit(db):
        put("a")(db)
        raise Refused("no")

    with pytest.raises(Refused, match="no"):
        await database.write(unit)
    assert seen_by_another_connection(database) == []
    await database.write(put("b"))
    assert seen_by_another_connection(database) == ["b"]


async def test_a_refusal_of_the_database_is_told_to_its_writer_only(database):
    await database.write(put("taken"))
    results = await asyncio.gather(
        *(database.write(put(name)) for name in ("a", "taken", "b", "taken", "c")), return_exceptions=True
    )
    assert [result if isinstance(result, str) else type(result) for result in results] == [
        "a", IntegrityError, "b", IntegrityError, "c",
    ]  # fmt: skip
    assert sorted(await database.read(names)) == ["a", "b", "c", "taken"]


async def test_an_error_does_not_hold_what_was_to_be_written(database):
    """Errors are logged; prompts and messages must not be."""
    with pytest.raises(IntegrityError) as refused:
        await database.write(
            lambda db: db.execute(insert(NOTES), [{"id": 1, "name": "canary"}, {"id": 1, "name": "b"}])
        )
    assert "canary" not in str(refused.value)


async def test_many_writers_of_whom_some_fail(database):
    """One that fails takes nobody along, whatever it wrote before it failed."""

    def unit(number):
        def work(db):
            put(f"first {number}")(db)
            if number % 3 == 0:
                put(f"first {number}")(db)  # taken by itself
            if number % 7 == 0:
                raise Refused
            put(f"second {number}")(db)
            return number

        return work

    results = await asyncio.gather(*(database.write(unit(n)) for n in range(200)), return_exceptions=True)
    good = [n for n in range(200) if n % 3 and n % 7]
    assert [n for n, result in enumerate(results) if result == n] == good
    stored = await database.read(names)
    assert sorted(stored) == sorted(f"{which} {n}" for n in good for which in ("first", "second"))


async def test_units_never_see_half_of_another(database):
    """Each adds two rows and counts: the count is even before and odd never."""

    def unit(number):
        def work(db):
            before = db.execute(select(func.count()).select_from(NOTES)).scalar_one()
            put(f"{number} a")(db)
            put(f"{number} b")(db)
            return before

        return work

    async def look():
        return await database.read(lambda db: db.execute(select(func.count()).select_from(NOTES)).scalar_one())

    counts = await asyncio.gather(*(database.write(unit(n)) for n in range(50)), *(look() for _ in range(20)))
    assert all(count % 2 == 0 for count in counts)


@pytest.mark.one_database
async def test_units_run_in_the_order_of_their_asking(database):
    await asyncio.gather(*(database.write(put(str(n))) for n in range(300)))
    assert await database.read(names) == [str(n) for n in range(300)]


@pytest.mark.one_database
async def test_the_order_holds_around_a_failing_unit(database):
    def broken(db):
        put("never")(db)
        raise Refused

    units = [put(str(n)) for n in range(20)]
    units.insert(10, broken)
    await asyncio.gather(*(database.write(unit) for unit in units), return_exceptions=True)
    assert await database.read(names) == [str(n) for n in range(20)]


@pytest.mark.one_database
async def test_waiting_writers_share_a_commit(database):
    commits = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def _count(_connection, _cursor, statement, *_rest):
        if statement == "COMMIT":
            commits.append(statement)

    await asyncio.gather(*(database.write(put(str(n))) for n in range(SqliteDatabase.BATCH * 2)))
    assert len(commits) <= 3


@pytest.mark.one_database
async def test_nothing_is_answered_before_the_commit(database):
    answered = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def _slow(_connection, _cursor, statement, *_rest):
        if statement == "COMMIT":
            time.sleep(0.05)
            answered.append(write.done())

    write = asyncio.create_task(database.write(put("a")))
    await write
    assert answered == [False]


@pytest.mark.one_database
async def test_a_failed_commit_fails_every_writer_of_the_batch_and_the_next_goes_on(database):
    @event.listens_for(database.engine, "before_cursor_execute")
    def _full(_connection, _cursor, statement, *_rest):
        if statement == "COMMIT":
            raise OSError("disk full")

    results = await asyncio.gather(*(database.write(put(str(n))) for n in range(5)), return_exceptions=True)
    assert all(isinstance(result, OSError) for result in results)
    event.remove(database.engine, "before_cursor_execute", _full)
    await database.write(put("later"))
    assert await database.read(names) == ["later"]


@pytest.mark.one_database
async def test_the_loop_goes_on_while_another_process_holds_the_lock(database, tmp_path):
    blocker = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(database.write(put("a")))
    began = time.monotonic()
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert time.monotonic() - began < 1
    assert not write.done()
    blocker.execute("COMMIT")
    blocker.close()
    assert await asyncio.wait_for(write, 5) == "a"


async def test_a_writer_that_stops_waiting_harms_nobody(database):
    writes = [asyncio.create_task(database.write(put(str(n)))) for n in range(10)]
    await asyncio.sleep(0)
    writes[3].cancel()
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(results[3], asyncio.CancelledError)
    assert [result for n, result in enumerate(results) if n != 3] == [str(n) for n in range(10) if n != 3]
    assert set(await database.read(names)) >= {str(n) for n in range(10) if n != 3}


async def test_readers_do_not_wait_for_each_other(database):
    both = threading.Barrier(2, timeout=5)
    await asyncio.gather(*(database.read(lambda db: (names(db), both.wait())) for _ in range(2)))


async def test_units_that_came_in_between_of_each_other_are_run_again(database):
    """Both look, and both write; and each holds what the other one waits for."""

    def make(db):
        if "new" in names(db):
            return "there"
        time.sleep(0.1)
        put("new")(db)
        return "made"

    answers = await asyncio.gather(*(database.write(make) for _ in range(3)))
    assert sorted(answers) == ["made", "there", "there"]

    def mark(*ids):
        def unit(db):
            for one in ids:
                db.execute(NOTES.update().where(NOTES.c.id == one).values(name=NOTES.c.name + "!"))
                time.sleep(0.1)

        return unit

    await database.write(put("other"))
    [first, second] = await database.read(lambda db: list(db.execute(select(NOTES.c.id)).scalars()))
    await asyncio.gather(database.write(mark(first, second)), database.write(mark(second, first)))
    assert await database.read(names) == ["new!!", "other!!"]


async def test_waiting_tells_how_busy_the_database_is(database):
    assert database.waiting == 0
    writes = [asyncio.create_task(database.write(put(str(n)))) for n in range(100)]
    await asyncio.sleep(0)
    assert database.waiting >= 0
    await asyncio.gather(*writes)
    assert database.waiting == 0


async def test_closing_waits_for_what_was_asked_before(url):
    database = open_database(url)
    with database.engine.begin() as db:
        NOTES.create(db, checkfirst=True)
    write = asyncio.create_task(database.write(put("last")))
    await asyncio.sleep(0)
    await database.close()
    assert await write == "last"
    again = open_database(url)
    assert await again.read(names) == ["last"]
    await again.close()


@pytest.mark.one_database
async def test_sqlite_is_durable_and_checks_references(database):
    pragmas = {name: await database.write(lambda db, n=name: db.execute(text(f"PRAGMA {n}")).scalar()) for name in (
        "synchronous", "journal_mode", "foreign_keys",
    )}  # fmt: skip
    assert pragmas == {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}


async def test_hot_inserts_write_what_plain_ones_do(database):
    hot, hot_with_key = HotInsert(NOTES), HotInsert(NOTES, returning="id")

    def unit(db):
        hot(db, [{"id": 7, "name": "x'; DROP TABLE note; --"}, {"id": 8, "name": "ä%(name)s ? :id"}])
        return hot_with_key(db, [{"name": "c" if database.engine.dialect.name == "sqlite" else "p"}])

    key = await database.write(unit)
    stored = await database.read(lambda db: dict(db.execute(select(NOTES.c.id, NOTES.c.name)).all()))
    assert stored[7] == "x'; DROP TABLE note; --"
    assert stored[8] == "ä%(name)s ? :id"
    assert stored[key] in "cp"


def test_an_unknown_database_is_refused():
    with pytest.raises(Exception, match="nosuch"):
        open_database("nosuch://x").engine.connect()


def test_engines_can_be_made_without_a_loop(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with database.engine.begin() as db:
        NOTES.create(db)
    asyncio.run(database.close())
    create_engine("sqlite://").dispose()
