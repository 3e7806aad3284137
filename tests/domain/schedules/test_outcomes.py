"""How sessions of schedules come out counts; webhooks and automations are told of every run."""

import json

import pytest
from sqlalchemy import select

from cogmill.domain.sessions.log import status_event
from cogmill.domain.sessions.states import Detail, State, Status
from cogmill.models.automations import automation_run
from cogmill.models.webhooks import webhook_delivery

FINISHED, ERROR = State(Status.RUNNING, Detail.FINISHED), State(Status.ERROR)
FAULT, WAITS = State(Status.SUSPENDED, Detail.ERROR), State(Status.RUNNING, Detail.WAITING_FOR_USER)


async def come_out(sessions, session_id, state):
    await sessions.append(session_id, status_event(state), state=state, run_state="idle")


async def run(schedules, made, day):
    """The session of that day's run."""
    await schedules.run(f"2027-01-0{day}T07:00:00Z")
    return (await schedules.started(made))[-1]["session_id"]


async def failures(schedules, made):
    return (await schedules.get(made))["consecutive_failures"]


@pytest.mark.usefixtures("with_mail")
async def test_sessions_that_end_in_an_error_are_failures_until_one_finishes(schedules, sessions):
    made = await schedules.create(caller="person")
    counted = []
    for day, state in enumerate((ERROR, FAULT, WAITS, FINISHED, ERROR), start=4):
        one = await run(schedules, made, day)
        schedules.clock.now += 60
        await come_out(sessions, one, state)
        counted.append(await failures(schedules, made))
    assert counted == [1, 2, 2, 0, 1]
    now = await schedules.get(made)
    assert (one in now["last_error_message"], now["last_error_at"]) == (True, "2027-01-08T07:01:00Z")
    runs = await schedules.runs(made)
    assert [one["outcome"] for one in runs] == ["started"] * 5
    assert [one["error"] is None for one in runs] == [False, False, True, True, False]
    mails = await schedules.mails()
    assert [one.subject for one in mails] == ["Schedule Nightly failed"] * 3
    assert one in mails[-1].body


async def test_a_session_counts_once_and_only_while_it_is_the_last_one(schedules, sessions):
    made = await schedules.create(overlap="allow")
    first = await run(schedules, made, 4)
    second = await run(schedules, made, 5)
    await come_out(sessions, first, ERROR)
    assert await failures(schedules, made) == 0
    for state in (FAULT, FAULT, ERROR):
        await come_out(sessions, second, state)
    assert await failures(schedules, made) == 1
    await schedules.ask("DELETE", f"/{made['scheduled_session_id']}")
    await come_out(sessions, (await sessions.create())["session_id"], ERROR)  # of no schedule


@pytest.mark.settings(webhook_private_addresses=["127.0.0.1"])
async def test_webhooks_and_automations_are_told(schedules, sessions, server):
    client, base = await server.client("org_admin"), f"/organizations/{server.world.org}"
    body = {"url": "http://127.0.0.1:9/", "event_types": ["schedule.*"]}
    assert (await client.post(f"/cogmill/v1{base}/webhooks", json=body)).status_code == 200
    body = {
        "run_as": "organization", "actions": [{"type": "start_session", "prompt": "Why?"}],
        "triggers": [{"event_type": "schedule:failed", "conditions": {"any": [{"all": [
            {"field": "consecutive_failures", "operator": "greater_than", "value": 0}]}]}}],
    }  # fmt: skip
    answer = await client.post(f"/v3{base}/automations", json=body)
    assert answer.status_code == 200, answer.text
    made = await schedules.create(notify_on="never", name="Quiet name")
    one = await run(schedules, made, 4)
    await schedules.run("2027-01-05T07:00:00Z")  # the session before is queued: left out
    await come_out(sessions, one, ERROR)
    await client.patch(f"/v3{base}/schedules/{made['scheduled_session_id']}", json={"run_as_user_id": None})

    told = [json.loads(row.body) for row in await server.read(lambda ctx: ctx.db.execute(select(webhook_delivery)))]
    told.sort(key=lambda one: (one["data"]["run"], one["type"] == "schedule.failed"))
    assert [(one["type"], one["data"]["run"]) for one in told] == [
        ("schedule.started", 1), ("schedule.failed", 1), ("schedule.skipped", 2)]  # fmt: skip
    assert told[1]["data"] == {
        "schedule_id": made["scheduled_session_id"], "org_id": server.world.org, "run": 1, "session_id": one,
        "consecutive_failures": 1}  # fmt: skip
    assert "Quiet name" not in json.dumps(told)
    runs = await server.read(lambda ctx: ctx.db.execute(select(automation_run)).all())
    assert [(row.event_type, row.event["run"]) for row in runs] == [("schedule.failed", 1)]


async def test_a_prompt_that_a_guardrail_blocks_is_a_failure_and_a_violation(schedules, server):
    admin = await server.client("enterprise_admin")
    made = await schedules.create(prompt="Print the payroll.")
    rule = {"name": "No payroll", "target": "prompt", "pattern": "payroll", "action": "block"}
    assert (await admin.post("/cogmill/v1/enterprise/guardrails", json=rule)).status_code == 200
    await schedules.run("2027-01-04T07:00:00Z")
    assert await schedules.started(made) == []
    assert "No payroll" in (await schedules.get(made))["last_error_message"]
    (found,) = (await admin.get("/v3beta1/enterprise/guardrail-violations")).json()["items"]
    assert (found["user_message"], found["action_taken"]) == ("Print the payroll.", "blocked")


async def test_an_automation_hears_of_every_failure_that_has_no_session(schedules, server):
    admin, base = await server.client("enterprise_admin"), f"/v3/organizations/{server.world.org}"
    rule = {"name": "No payroll", "target": "prompt", "pattern": "payroll", "action": "block"}
    assert (await admin.post("/cogmill/v1/enterprise/guardrails", json=rule)).status_code == 200
    body = {"run_as": "organization", "actions": [{"type": "start_session", "prompt": "Why?"}]}
    body["triggers"] = [{"event_type": "schedule:failed"}]
    answer = await (await server.client("org_admin")).post(f"{base}/automations", json=body)
    assert answer.status_code == 200, answer.text
    made = await schedules.create(prompt="Print the payroll.", notify_on="never")
    for day in range(4, 12):  # more in a row than automations may set off one another
        await schedules.run(f"2027-01-{day:02}T07:00:00Z")
    assert (await schedules.get(made))["consecutive_failures"] == 8
    runs = await server.read(lambda ctx: ctx.db.execute(select(automation_run)).all())
    assert sorted((row.event["run"], row.depth) for row in runs) == [(number, 1) for number in range(1, 9)]
