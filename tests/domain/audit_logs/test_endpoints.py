"""The audit log lists of both scopes: filters, order, pages, names."""

import pytest
from sqlalchemy import update

from cogmill.models.access import service_user, user
from tests.factories import BEGINNING

DAY = 86_400


async def test_newest_first_and_the_other_way(log):
    await log.fill(5)
    assert await log.numbers() == [4, 3, 2, 1, 0]
    assert await log.numbers("order=desc") == [4, 3, 2, 1, 0]
    assert await log.numbers("order=asc") == [0, 1, 2, 3, 4]
    await log.ask("order=up", expect=422)


async def test_a_record_as_it_is_shown(log, server):
    world = server.world
    await log.fill(1, user_id=world.ids["person"])
    (item,) = (await log.ask())["items"]
    assert item.pop("audit_log_id").startswith("audit_log-")
    assert item == {
        "action": "create_session", "created_at": int(BEGINNING), "data": {"number": 0}, "org_id": world.org,
        "user_id": world.ids["person"], "user_email": "person@example.org",
        "service_user_id": world.ids["org_admin"], "service_user_name": "org_admin",
    }  # fmt: skip


async def test_names_of_who_is_gone_stay(log, server):
    world = server.world
    await log.fill(1, user_id=world.ids["person"])
    for table, key, name in ((user, "user_id", "person"), (service_user, "service_user_id", "org_admin")):
        gone = update(table).where(table.c[key] == world.ids[name]).values(deleted_at=BEGINNING)
        await server.write(lambda ctx, gone=gone: ctx.db.execute(gone))
    (item,) = (await log.ask())["items"]
    assert (item["user_email"], item["service_user_name"]) == ("person@example.org", "org_admin")


async def test_records_of_nobody_have_no_names(log):
    await log.fill(1, service_user_id=None, org_id=None)
    (item,) = (await log.ask())["items"]
    assert {item[name] for name in item if name.startswith(("user", "service", "org"))} == {None}


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages(log, order):
    await log.fill(7)
    seen, after = [], ""
    for size in (3, 3, 1):
        page = await log.ask(f"first=3&order={order}{after}")
        assert len(page["items"]) == size
        seen += [one["data"]["number"] for one in page["items"]]
        assert page["has_next_page"] == (page["end_cursor"] is not None)
        after = f"&after={page['end_cursor']}"
    assert after == "&after=None"
    assert seen == (list(range(7)) if order == "asc" else list(reversed(range(7))))
    await log.ask("after=nonsense", expect=422)
    await log.ask("first=201", expect=422)


async def test_action(log):
    await log.fill(2)
    await log.fill(2, action="restore_org", at=BEGINNING + 9000)
    assert len((await log.ask("action=restore_org"))["items"]) == 2
    assert len((await log.ask("action=create_session"))["items"]) == 2
    assert (await log.ask("action=login"))["items"] == []
    assert len((await log.ask("action="))["items"]) == 4


async def test_times(log):
    await log.fill(6)
    at = [int(BEGINNING) + 60 * number for number in range(7)]
    assert await log.numbers(f"time_after={at[2]}") == [5, 4, 3, 2]
    assert await log.numbers(f"time_after={at[2] + 1}&order=asc") == [3, 4, 5]
    assert await log.numbers(f"time_after={at[1]}&time_before={at[3]}") == [2, 1]
    assert await log.numbers(f"time_after={at[1]}&time_before={at[1]}") == []
    assert await log.numbers(f"time_after={at[6]}") == []
    assert await log.numbers(f"time_after=0&time_before={60 * DAY}") == []
    assert await log.numbers(f"time_after={at[0]}&time_before={at[6]}&first=2&action=create_session") == [5, 4]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("time_before=5", "needs time_after"),
        ("time_after=10&time_before=5", "earlier"),
        (f"time_after=1&time_before={100 * DAY + 2}", "100 days"),
        ("time_after=-1", "greater"),
        ("time_after=x", "integer"),
        ("time_after=" + "9" * 30, "less"),
    ],
)
async def test_times_that_cannot_be(log, query, words):
    (problem,) = (await log.ask(query, expect=422))["detail"]
    assert problem["loc"][0] == "query"
    assert words in problem["msg"]


async def test_a_hundred_days_may_be_asked_for(log):
    await log.ask(f"time_after=1&time_before={100 * DAY + 1}")
    await log.ask("time_after=1")


async def test_scopes(log, server):
    world = server.world
    await log.fill(2)
    await log.fill(1, org_id=world.second_org, at=BEGINNING + 900)
    await log.fill(1, org_id=None, at=BEGINNING + 900)
    await log.fill(1, org_id=world.deleted_org, at=BEGINNING + 900)
    assert len((await log.ask())["items"]) == 5
    assert [one["org_id"] for one in (await log.ask(org=world.org))["items"]] == [world.org] * 2
    assert len((await log.ask("time_after=1", org=world.second_org))["items"]) == 1
    assert (await log.ask(caller="foreign_admin"))["items"] == []
    await log.ask(org=world.deleted_org, expect=404)
    await log.ask(org=world.org, caller="foreign_admin", expect=403)
    await log.ask(org=world.org, caller="org_admin", expect=403)
    await log.ask(caller="enterprise_member", expect=403)


async def test_records_whose_transactions_overlapped_are_level(log):
    await log.fill(1, at=BEGINNING + 30)
    await log.fill(1, at=BEGINNING + 10)
    await log.fill(1, at=BEGINNING - 100)  # a clock that was set back shows as such
    assert [row.created_at - BEGINNING for row in await log.rows()] == [30, 30, -100]
