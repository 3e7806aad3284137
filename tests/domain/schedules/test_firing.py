"""Runs of schedules: on time, once, in the right name, made up for once, left out, failed, told by mail."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from cogmill.access.scope import Scope
from cogmill.domain.schedules.times import following, next_after
from cogmill.engine.loops import schedules as loop
from cogmill.kit.db import open_database
from cogmill.models.access import service_user, user
from cogmill.models.audit import audit_log
from cogmill.models.schedules import schedule, schedule_run
from cogmill.web.call import Call


async def test_it_starts_a_session_when_it_is_due(schedules, sessions, server):
    made = await schedules.create(tags=["night"], overlap="allow")
    assert await schedules.run() == schedules.clock.now + 30 * 60
    assert await schedules.started(made) == []
    next_at = await schedules.run("2027-01-04T07:00:00Z")
    assert next_at == schedules.clock.now + 86400
    (one,) = await schedules.started(made)
    assert (one["origin"], one["title"], one["tags"]) == ("automation", "Nightly", ["night"])
    assert (one["service_user_id"], one["user_id"]) == (server.world.ids["org_admin"], None)
    row = await sessions.row(one["session_id"])
    assert (row.prompt, row.schedule_id) == ("Look around.", made["scheduled_session_id"])
    assert server.engine.queued == [row.id]
    details = (await sessions.ask("GET", one["session_id"], "/events/details"))["items"]
    (told,) = [event["contents"] for event in details if event["event_type"] == "schedule_fired"]
    assert (told["schedule_id"], told["is_catch_up"]) == (made["scheduled_session_id"], False)
    now = await schedules.get(made)
    assert (now["last_executed_at"], now["next_run_at"]) == ("2027-01-04T07:00:00Z", "2027-01-05T07:00:00Z")
    assert await schedules.runs(made) == [
        {"number": 1, "due_at": "2027-01-04T07:00:00Z", "ran_at": "2027-01-04T07:00:00Z", "outcome": "started",
         "session_id": one["session_id"], "error": None, "is_catch_up": False, "missed": 0}
    ]  # fmt: skip
    await schedules.run()
    await schedules.run("2027-01-05T07:00:30Z")
    assert len(await schedules.started(made)) == 2
    found = await sessions.ids(f"schedule_id={made['scheduled_session_id']}")
    assert len(found) == 2
    assert await sessions.ids("origins=scheduled") == found
    assert await sessions.ids("schedule_id=sched-none") == []
    query = select(audit_log).where(audit_log.c.action == "create_session").order_by(audit_log.c.id)
    audit = await server.read(lambda ctx: ctx.db.execute(query).all())
    assert audit[0].service_user_id == server.world.ids["org_admin"]
    assert (audit[0].data["session_id"], audit[0].data["schedule_id"]) == (one["session_id"], row.schedule_id)


async def test_a_playbook_and_a_secret_go_along(schedules, sessions, server):
    client, base = await server.client("org_admin"), f"/v3/organizations/{server.world.org}"
    book = (await client.post(f"{base}/playbooks", json={"title": "T", "body": "Step one."})).json()["playbook_id"]
    await client.post(f"{base}/secrets", json={"type": "key-value", "key": "K", "value": "v"})
    made = await schedules.create(playbook_id=book)
    await schedules.run("2027-01-04T07:00:00Z")
    (one,) = await schedules.started(made)
    assert one["playbook_id"] == book
    assert (await sessions.row(one["session_id"])).request["playbook"] == "Step one."
    kinds = [event["event_type"] for event in (await sessions.ask("GET", one["session_id"], "/events"))["items"]]
    assert {"playbook_selected", "secrets_provided", "schedule_fired"} <= set(kinds)
    await client.delete(f"{base}/playbooks/{book}")
    await sessions.ask("DELETE", one["session_id"])
    await schedules.run("2027-01-05T07:00:00Z")
    now = await schedules.get(made)
    assert now["consecutive_failures"] == 1
    assert "playbook_id" in now["last_error_message"]


async def test_missed_runs_are_made_up_for_once_and_that_is_recorded(schedules, sessions):
    hourly = await schedules.create(frequency="0 * * * *")
    daily = await schedules.create()
    once = await schedules.once(at="2027-01-04T08:00:00Z")
    next_at = await schedules.run("2027-01-04T11:30:00Z")  # the server was down since half past six
    assert next_at == schedules.clock.now + 30 * 60
    assert [len(await schedules.started(one)) for one in (hourly, daily, once)] == [1, 1, 1]
    (run,) = await schedules.runs(hourly)
    assert (run["due_at"], run["ran_at"]) == ("2027-01-04T07:00:00Z", "2027-01-04T11:30:00Z")
    assert (run["is_catch_up"], run["missed"]) == (True, 4)
    (run,) = await schedules.runs(daily)
    assert (run["is_catch_up"], run["missed"]) == (True, 0)
    (one,) = await schedules.started(hourly)
    details = (await sessions.ask("GET", one["session_id"], "/events/details"))["items"]
    (told,) = [event["contents"] for event in details if event["event_type"] == "schedule_fired"]
    assert (told["is_catch_up"], told["missed"]) == (True, 4)
    assert (await schedules.get(hourly))["next_run_at"] == "2027-01-04T12:00:00Z"


def test_series():
    def hours(*moments):
        return [moment / 3600 for moment in moments]

    hourly = "0 * * * *"
    assert following(hourly, 1, 0, 0) == (3600, 0)
    assert following(hourly, 3, 0, 0) == (3 * 3600, 0)
    assert following(hourly, 3, 0, 3 * 3600) == (6 * 3600, 1)  # it stays in step
    assert following(hourly, 3, 0, 10 * 3600) == (12 * 3600, 3)
    leap = next_after("0 0 * 2 1#5", 0)  # a fifth Monday in February: every 28 years
    assert following("0 0 * 2 1#5", 1000, leap, leap) == (None, 0), "not before the year 10000"
    moment, missed = following("* * * * *", 1, 0, 86400 * 365)
    assert (moment, missed) == (86400 * 365 + 60, 1000)
    assert next_after(hourly, 3599.5) == 3600
    assert next_after(hourly, 3600) == 7200
    assert hours(next_after("0 0 29 2 *", 0)) == [18936.0]


async def test_every_second_time(schedules):
    made = await schedules.create(interval_count=2, overlap="allow")
    for day in range(4, 9):
        await schedules.run(f"2027-01-0{day}T07:00:00Z")
    assert [run["due_at"][8:10] for run in await schedules.runs(made)] == ["04", "06", "08"]


async def test_a_one_time_schedule_disables_itself(schedules):
    made = await schedules.once()
    assert await schedules.run("2027-01-04T08:00:00Z") is None
    ran = await schedules.get(made)
    assert (ran["enabled"], ran["last_executed_at"]) == (False, "2027-01-04T08:00:00Z")
    assert len(await schedules.started(made)) == 1


async def test_it_writes_to_the_session_that_is_named(schedules, sessions):
    target = (await sessions.create())["session_id"]
    await sessions.change(target, run_state="idle", status="suspended", status_detail="inactivity")
    made = await schedules.once(target_devin_id=target.removeprefix("devin-"), prompt="Go on.")
    assert made["target_devin_id"] == target
    await schedules.run("2027-01-04T08:00:00Z")
    row = await sessions.row(target)
    assert (row.status, row.run_state) == ("resuming", "queued")
    said = (await sessions.ask("GET", target, "/messages"))["items"]
    assert said[-1]["message"] == "Go on."
    assert await schedules.started(made) == []
    (run,) = await schedules.runs(made)
    assert (run["outcome"], run["session_id"]) == ("messaged", target)


async def test_a_target_that_has_ended_is_a_failure(schedules, sessions):
    target = (await sessions.create())["session_id"]
    made = await schedules.once(target_devin_id=target)
    await sessions.ask("DELETE", target)
    await schedules.run("2027-01-04T08:00:00Z")
    now = await schedules.get(made)
    assert (now["enabled"], now["consecutive_failures"], now["last_executed_at"]) == (False, 1, None)
    assert "cannot go on" in now["last_error_message"]


async def test_a_run_is_left_out_while_the_one_before_still_works(schedules, sessions):
    made, careless = await schedules.create(), await schedules.create(overlap="allow")
    await schedules.run("2027-01-04T07:00:00Z")
    (first,) = await schedules.started(made)
    await schedules.run("2027-01-05T07:00:00Z")
    assert len(await schedules.started(made)) == 1
    assert len(await schedules.started(careless)) == 2
    run = (await schedules.runs(made))[-1]
    assert (run["outcome"], run["session_id"]) == ("skipped", first["session_id"])
    now = await schedules.get(made)
    assert (now["consecutive_failures"], now["last_executed_at"]) == (0, "2027-01-04T07:00:00Z")
    await sessions.change(first["session_id"], run_state="idle", status="running", status_detail="finished")
    await schedules.run("2027-01-06T07:00:00Z")
    assert len(await schedules.started(made)) == 2


async def test_it_runs_as_the_user_that_is_named(schedules, sessions, server):
    person = server.world.ids["person"]
    made = await schedules.create(create_as_user_id=person, overlap="allow")
    await schedules.run("2027-01-04T07:00:00Z")
    await schedules.patch(made, run_as_user_id=None)
    await schedules.run("2027-01-05T07:00:00Z")
    first, second = await schedules.started(made)
    assert (first["user_id"], first["service_user_id"]) == (person, None)
    assert (second["user_id"], second["service_user_id"]) == (None, server.world.ids["org_admin"])


async def test_who_was_removed_or_lost_the_right_runs_nothing(schedules, ids):
    person, bot = ids.world.ids["person"], ids.world.ids["org_admin"]
    as_person, as_bot = await schedules.create(caller="person"), await schedules.create()
    await ids.ask("DELETE", f"{ids.organization}/users/{person}")
    await ids.execute(update(service_user).where(service_user.c.service_user_id == bot).values(expires_at=1.0))
    await schedules.run("2027-01-04T07:00:00Z")
    await ids.execute(update(service_user).where(service_user.c.service_user_id == bot).values(expires_at=None))
    assert [await schedules.started(one) for one in (as_person, as_bot)] == [[], []]
    now = await schedules.get(as_person)
    assert (now["consecutive_failures"], now["last_error_at"]) == (1, "2027-01-04T07:00:00Z")
    assert person in now["last_error_message"]
    assert "UseDevinSessions" in now["last_error_message"]
    assert "was removed" in (await schedules.get(as_bot))["last_error_message"]
    await schedules.run("2027-01-05T07:00:00Z")
    assert (await schedules.get(as_person))["consecutive_failures"] == 2
    back = await schedules.get(as_bot)
    assert (back["consecutive_failures"], back["last_executed_at"]) == (0, "2027-01-05T07:00:00Z")
    assert "was removed" in back["last_error_message"]  # the last one stays readable


async def test_the_right_to_bypass_approval_is_asked_for_again(schedules, ids):
    made = await schedules.create(caller="person", bypass_approval=True)
    less = await ids.custom_role("UseDevinSessions", "ManageOrgSchedules")
    await ids.ask("PATCH", f"{ids.organization}/users/{ids.world.ids['person']}", role_id=less)
    await schedules.run("2027-01-04T07:00:00Z")
    assert await schedules.started(made) == []
    assert "UseDevinExpert" in (await schedules.get(made))["last_error_message"]


async def test_a_deleted_organization_runs_nothing_and_makes_up_for_it_when_it_is_back(schedules, server):
    from cogmill.models.access import organization

    made = await schedules.create()
    change = update(organization).where(organization.c.org_id == server.world.org)
    await server.write(lambda ctx: ctx.db.execute(change.values(deleted_at=1.0)))
    assert await schedules.run("2027-01-05T07:00:00Z") is None
    await server.write(lambda ctx: ctx.db.execute(change.values(deleted_at=None)))
    await schedules.run()
    assert len(await schedules.started(made)) == 1


async def test_a_limit_that_stops_the_organization_is_a_failure(schedules, server):
    made = await schedules.create()
    top = await server.client("enterprise_admin")
    path = f"/v3/enterprise/organizations/{server.world.org}"
    assert (await top.patch(path, json={"max_cycle_acu_limit": 0})).status_code == 200
    await schedules.run("2027-01-04T07:00:00Z")
    assert "max_cycle_acu_limit" in (await schedules.get(made))["last_error_message"]


async def test_a_fault_of_the_server_stops_neither_that_schedule_nor_others(schedules, server, monkeypatch):
    import cogmill.domain.schedules.firing as firing

    bad, good = await schedules.create(name="bad"), await schedules.create(name="good")
    create = firing.create_session

    def broken(ctx, data, *rest, **more):
        if data.title == "bad":
            raise TypeError("password=hunter2")
        return create(ctx, data, *rest, **more)

    monkeypatch.setattr(firing, "create_session", broken)
    await schedules.run("2027-01-04T07:00:00Z")
    assert len(await schedules.started(good)) == 1
    now = await schedules.get(bad)
    assert (now["consecutive_failures"], now["next_run_at"]) == (1, "2027-01-05T07:00:00Z")
    assert "hunter2" not in now["last_error_message"]


async def test_the_last_hundred_runs_are_kept(schedules):
    made = await schedules.create(frequency="* * * * *")
    row = update(schedule).values(runs=250, overlap="skip")
    await schedules.server.write(lambda ctx: ctx.db.execute(row))
    await schedules.run("2027-01-04T06:31:00Z")
    await schedules.server.write(lambda ctx: ctx.db.execute(update(schedule_run).values(number=151)))
    await schedules.run("2027-01-04T06:32:00Z")
    assert [run["number"] for run in await schedules.runs(made)] == [252]


async def test_two_processes_run_it_once(schedules, server, settings):
    """Two engines over one database, each with its own connections, woken at the same moment, again and again."""
    made = [await schedules.create(name=f"S{n}", overlap="allow", frequency="* * * * *") for n in range(5)]
    other = open_database(settings.database)
    second = Call(replace(server.runtime, database=other), Scope("", None), "other", None)
    try:
        for minute in range(31, 37):
            schedules.clock.set(f"2027-01-04T06:{minute}:00Z")
            await asyncio.gather(loop.run_once(schedules.call), loop.run_once(second), loop.run_once(second))
    finally:
        await other.close()
    for one in made:
        assert [run["number"] for run in await schedules.runs(one)] == [1, 2, 3, 4, 5, 6]
        assert len({run["due_at"] for run in await schedules.runs(one)}) == 6
        assert len(await schedules.started(one)) == 6


async def test_a_change_that_comes_between_counts(schedules):
    """What was read as due is asked for again in the transaction that runs it."""
    made = await schedules.create()
    schedules.clock.set("2027-01-04T07:00:00Z")
    due = await schedules.call.read(loop._due)
    await schedules.patch(made, frequency="0 8 * * *")
    assert await schedules.call.write(lambda ctx: loop.fire_all(ctx, due)) == 0
    await schedules.patch(made, enabled=False)
    await schedules.run("2027-01-04T08:00:00Z")
    assert await schedules.started(made) == []


@pytest.mark.usefixtures("with_mail")
async def test_failures_are_told_to_the_acting_user_by_mail(schedules, ids, server):
    person = ids.world.ids["person"]
    made = await schedules.create(create_as_user_id=person, name="Look\r\nBcc: all@example.org")
    await schedules.create(name="bot's")  # nobody to write to
    await schedules.create(create_as_user_id=person, name="quiet", notify_on="never")
    top = await server.client("enterprise_admin")
    path = f"/v3/enterprise/organizations/{server.world.org}"
    await top.patch(path, json={"max_cycle_acu_limit": 0})
    for day in range(4, 9):
        await schedules.run(f"2027-01-0{day}T07:00:00Z")
    mails = await schedules.mails()
    assert [one.recipient for one in mails] == ["person@example.org"] * 3  # the first failure, the second, the fourth
    assert mails[0].subject == "Schedule Look Bcc: all@example.org failed"
    assert "max_cycle_acu_limit" in mails[0].body
    assert made["scheduled_session_id"] in mails[0].body
    assert "Failures in a row: 4" in mails[2].body
    assert "mails" in server.engine.woken
    await top.patch(path, json={"max_cycle_acu_limit": None})
    await schedules.run("2027-01-09T07:00:00Z")
    assert len(await schedules.mails()) == 3


@pytest.mark.usefixtures("with_mail")
async def test_every_run_is_told_when_that_is_asked_for(schedules, server):
    made = await schedules.create(caller="person", notify_on="always")
    await schedules.run("2027-01-04T07:00:00Z")
    (told,) = await schedules.mails()
    (one,) = await schedules.started(made)
    assert (told.subject, told.recipient) == ("Schedule Nightly started", "person@example.org")
    assert one["url"] in told.body
    assert "Look around." not in told.body
    await server.write(lambda ctx: ctx.db.execute(update(user).values(disabled_at=1.0)))
    await schedules.run("2027-01-05T07:00:00Z")
    assert len(await schedules.mails()) == 1  # who is switched off gets no mail
