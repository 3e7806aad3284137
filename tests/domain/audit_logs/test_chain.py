"""The chain holds after any sequence of operations, and shows every single change that is made behind it."""

import asyncio
import itertools
import json
import random

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, insert, select, update

from cogmill.domain.audit_logs import chain
from cogmill.domain.audit_logs.verify import check
from cogmill.kit.crypto import Keyring
from cogmill.kit.db import open_database
from cogmill.models.audit import audit_log
from tests.factories import BEGINNING, KEYRING

from .conftest import put

AT_EASE = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


class Undone(Exception):
    pass


@pytest.fixture
def url(database_url):
    return database_url.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def db(url):
    """A connection whose changes nobody else sees."""
    engine = create_engine(url)
    with engine.connect() as db:
        yield db
    engine.dispose()


def checked(db, world):
    return check(db, KEYRING, world.enterprise)


@AT_EASE
@given(
    steps=st.lists(st.lists(st.sampled_from(["change", "two", "undone", "other"]), min_size=1, max_size=6), max_size=6)
)
def test_it_holds_after_any_sequence_of_units_that_share_commits_or_are_undone(url, world, steps):
    """Each inner list is sent at once: on SQLite its units share a transaction, and one that fails undoes them all."""
    numbers = itertools.count()

    def unit(kind):
        def work(db):
            put(db, world, next(numbers))
            if kind == "two":
                put(db, world, next(numbers))
            if kind == "other":
                chain.append(
                    db, KEYRING, enterprise_id="ent-other", org_id=None, action="x", at=BEGINNING, user_id=None,
                    service_user_id=None, request_id="req", data={},
                )  # fmt: skip
            if kind == "undone":
                raise Undone

        return work

    async def play():
        database = open_database(url)
        try:
            await database.write(lambda db: db.execute(delete(audit_log)))
            for together in steps:
                await asyncio.gather(*(database.write(unit(kind)) for kind in together), return_exceptions=True)
            both = await database.read(lambda db: [check(db, KEYRING, e) for e in (world.enterprise, "ent-other")])
        finally:
            await database.close()
        return both

    main, other = asyncio.run(play())
    kinds = [kind for together in steps for kind in together]
    assert (main.broken, other.broken) == (None, None)
    assert main.count == sum({"change": 1, "two": 2, "undone": 0, "other": 1}[kind] for kind in kinds)
    assert other.count == kinds.count("other")
    assert main.head.partition(".")[0] == (str(main.count) if main.count else "")


COLUMNS = [column.name for column in audit_log.c if column.name != "id"]
LENGTH = 6


def fill(db, world):
    db.rollback()  # what an example before left
    for number in range(LENGTH):
        put(db, world, number, user_id=world.ids["person"] if number % 2 else None)


def rows(db, world):
    return db.execute(select(audit_log).where(audit_log.c.enterprise_id == world.enterprise).order_by("id")).all()


def other_value(column, old):
    if column == "created_at":
        return old + 0.001
    if column == "data":
        return {**old, "more": None}
    return "x" if old is None else None if column in {"org_id", "user_id", "service_user_id"} else old[:-1] + "~"


@AT_EASE
@given(place=st.integers(0, LENGTH - 1), column=st.sampled_from(COLUMNS))
def test_an_edited_column_shows(db, world, place, column):
    fill(db, world)
    head = checked(db, world).head
    row = rows(db, world)[place]
    db.execute(
        update(audit_log).where(audit_log.c.id == row.id).values({column: other_value(column, row._asdict()[column])})
    )
    found = check(db, KEYRING, world.enterprise, frozenset({head}))
    if column == "enterprise_id":
        assert found.broken.reason == "missing" if place < LENGTH - 1 else head not in found.passed
        assert check(db, KEYRING, row.enterprise_id[:-1] + "~").broken.number == 1
    else:
        assert (found.broken.reason, found.broken.number, found.count) == ("changed", place + 1, place)
        assert found.broken.audit_log_id == rows(db, world)[place].audit_log_id
    db.rollback()


@AT_EASE
@given(places=st.sets(st.integers(0, LENGTH - 1), min_size=1, max_size=3))
def test_deleted_records_show(db, world, places):
    fill(db, world)
    head = checked(db, world).head
    all_ = rows(db, world)
    db.execute(delete(audit_log).where(audit_log.c.id.in_([all_[place].id for place in places])))
    found = check(db, KEYRING, world.enterprise, frozenset({head}))
    first = min(places)
    if set(range(first, LENGTH)) == places:  # the end was cut: only a head that was kept elsewhere tells
        assert found.broken is None
        assert head not in found.passed
    else:
        assert (found.broken.reason, found.broken.number) == ("missing", first + 1)
        assert head not in found.passed
    db.rollback()


@AT_EASE
@given(pair=st.sets(st.integers(0, LENGTH - 1), min_size=2, max_size=2))
def test_records_that_changed_places_show(db, world, pair):
    fill(db, world)
    all_, (one, two) = rows(db, world), sorted(pair)
    for row, new in ((all_[one], -1), (all_[two], all_[one].id), (all_[one], all_[two].id)):
        where = audit_log.c.audit_log_id == row.audit_log_id
        db.execute(update(audit_log).where(where).values(id=new))
    found = checked(db, world).broken
    assert (found.reason, found.number) == ("reordered", one + 1)
    db.rollback()


@AT_EASE
@given(place=st.integers(0, LENGTH), made=st.sampled_from(["copy", "forged", "unlinked", "of_another_key"]))
def test_an_inserted_record_shows(db, world, place, made):
    fill(db, world)
    db.execute(update(audit_log).values(id=-audit_log.c.id * 10))
    db.execute(update(audit_log).values(id=-audit_log.c.id))
    all_ = rows(db, world)
    new = all_[min(place, LENGTH - 1)]._asdict() | {"id": all_[place].id - 5 if place < LENGTH else all_[-1].id + 5}
    if made != "copy":
        new |= {"audit_log_id": "audit_log-forged", "chain": {"forged": f"{place + 1}.AAAA", "unlinked": ""}.get(made)}
    if made == "of_another_key":
        new["chain"] = chain.link(Keyring(b"x" * 32), all_[place - 1].chain if place else "", new)
    db.execute(insert(audit_log).values(new))
    broken = checked(db, world).broken
    if made == "unlinked" and place == 0:
        assert broken.reason == "inserted"
    elif place == LENGTH and made != "copy":
        assert (broken.reason, broken.number) == ("changed", LENGTH + 1)  # nothing belongs there instead
    else:
        assert broken.reason == "inserted"
    db.rollback()


def test_records_from_before_there_was_a_chain_are_bound_by_the_first_link(db, world):
    fill(db, world)
    db.execute(update(audit_log).values(chain=""))
    assert (checked(db, world).unlinked, checked(db, world).head) == (LENGTH, "")
    put(db, world, LENGTH)
    put(db, world, LENGTH + 1)
    found = checked(db, world)
    assert (found.broken, found.count, found.unlinked) == (None, LENGTH + 2, LENGTH)
    assert found.head.startswith(f"{LENGTH + 2}.")
    first = rows(db, world)[0].id
    for change in (update(audit_log).values(action="y"), delete(audit_log)):
        with db.begin_nested() as savepoint:
            db.execute(change.where(audit_log.c.id == first))
            assert checked(db, world).broken is not None
            savepoint.rollback()
    db.rollback()


def test_a_blanked_first_link_is_no_record_from_before(db, world):
    fill(db, world)
    db.execute(update(audit_log).where(audit_log.c.id == rows(db, world)[0].id).values(chain=""))
    assert checked(db, world).broken is not None
    db.rollback()


async def test_it_holds_after_many_calls_at_once(server, sessions, log):
    """Changed, refused and repeated ones, from several callers."""
    chance = random.Random(7)
    made = [(await sessions.create())["session_id"] for _ in range(3)]
    clients = [await server.client(name) for name in ("org_admin", "person", "viewer", "manager")]
    await log.rows()

    async def call(number):
        client, session_id = chance.choice(clients), chance.choice([*made, "devin-" + "0" * 32])
        address = f"{server.sessions}/{session_id}"
        headers = {"idempotency-key": f"key-{number % 5}"} if number % 3 == 0 else {}
        ways = (
            ("POST", server.sessions, {"prompt": f"{number}"}),
            ("POST", f"{address}/messages", {"message": "Hello"}),
            ("PUT", f"{address}/tags", {"tags": [f"t{number}"]}),
            ("DELETE", address, None),
            ("POST", f"{address}/archive", None),
        )
        method, path, body = chance.choice(ways)
        return await client.request(method, path, json=body, headers=headers)

    answers: list[httpx.Response] = await asyncio.gather(*map(call, range(80)))
    codes = {one.status_code for one in answers}
    assert codes >= {200, 403, 404}
    assert max(codes) < 500
    replayed = sum("idempotent-replayed" in one.headers for one in answers)
    found = await log.check()
    assert found.broken is None
    assert found.count == 3 + 80 - replayed
    assert [chain.number_of(row.chain) for row in await log.rows()] == list(range(1, found.count + 1))
    assert json.dumps([row.data for row in await log.rows()])
