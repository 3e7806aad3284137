"""What sets automations off, what they do then, and that it happens once."""

import asyncio
import sqlite3
import time
from functools import partial

import httpx
import pytest
from sqlalchemy import select, update

from cogmill.domain.automations import firing
from cogmill.domain.sessions.states import State, Status
from cogmill.kit.recurrence import next_after, parse
from cogmill.models.automations import automation, automation_run
from cogmill.models.mails import mail
from tests.contract.things import FACTS
from tests.serving import Served

from .conftest import ENDED, HOOK, START, daily, only

MAIL = {"smtp_host": "127.0.0.1", "smtp_port": 2525, "mail_from": "cogmill@example.org"}


async def test_a_webhook_starts_a_session(automations, sessions):
    made = await automations.create(
        HOOK | {"conditions": only("body.severity", "greater_than", 2)},
        limits={"max_acu_limit": 5}, session_settings={"tags": ["auto"], "max_acu_limit": 9}, name="Alarm",
    )  # fmt: skip
    assert (await automations.hook(made, {"severity": 1}))["state"] == "not_matched"
    queued = await automations.hook(made, {"severity": 3, "text": "Run !release now"}, x_github_event="alarm")
    assert queued["state"] == "queued"
    await automations.do()
    (run,) = await automations.runs(made)
    assert (run["run_id"], run["state"], run["event"]["headers"]["x-github-event"]) == (
        queued["run_id"],
        "done",
        "alarm",
    )
    one = await sessions.ask("GET", run["session_id"])
    assert (one["origin"], one["tags"], one["user_id"], one["service_user_id"]) == ("automation", ["auto"], None, None)
    row = await sessions.row(run["session_id"])
    assert row.max_acu_limit == 5
    assert row.prompt.startswith(START["prompt"])
    assert '"severity": 3' in row.prompt
    assert "!release" not in row.prompt
    events = (await sessions.ask("GET", run["session_id"], "/events/details"))["items"]
    (fired,) = [event for event in events if event["event_type"] == "automation_fired"]
    assert fired["contents"]["automation_id"] == made["automation_id"]


async def test_a_repeated_message_counts_once(automations):
    made = await automations.create()
    first = await automations.hook(made, idempotency_key="abc")
    again = await automations.hook(made, idempotency_key="abc")
    assert (first["state"], again["state"], again["run_id"]) == ("queued", "duplicate", None)
    await automations.hook(made, webhook_id="msg-1")
    await automations.do()
    assert [one["state"] for one in await automations.runs(made)] == ["done", "done"]


async def test_who_does_not_know_the_secret_is_slowed_down(automations, server):
    made = await automations.create()
    await automations.hook(made, secret="wrong", expect=401)
    unknown = made | {"webhook_url": "https://x/cogmill/v1/hooks/" + "0" * 32}
    assert await automations.hook(unknown, expect=401)
    statuses = []
    for _ in range(30):
        client = await server.client()
        path = "/" + made["webhook_url"].split("/", 3)[3]
        answer = await client.post(path, headers={"x-webhook-secret": "wrong"})
        statuses.append(answer.status_code)
    assert statuses[-1] == 429
    assert int(answer.headers["retry-after"]) > 0
    assert await automations.runs(made) == []


@pytest.mark.one_database
async def test_bodies_of_every_kind(automations, server):
    made = await automations.create()
    client, path = await server.client(), "/" + made["webhook_url"].split("/", 3)[3]
    headers = {"x-webhook-secret": made["webhook_secret"]}
    for body in (
        b"",
        b"plain",
        b"\xff\xfe",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'"\\u0000\\ud800"',
        b'{"a":' * 60 + b"1" + b"}" * 60,
    ):
        assert (await client.post(path, content=body, headers=headers)).status_code == 200
    assert (await client.post(path, content=b"a" * 300_000, headers=headers)).status_code == 413
    await automations.do()
    assert {one["state"] for one in await automations.runs(made)} == {"done"}


async def test_a_number_without_end_is_none(automations, server, sessions):
    made = await automations.create()
    client, path = await server.client(), "/" + made["webhook_url"].split("/", 3)[3]
    headers = {"x-webhook-secret": made["webhook_secret"]}
    assert (await client.post(path, content=b'{"a": [1e999, -1e999]}', headers=headers)).status_code == 200
    await automations.do()
    (run,) = await automations.runs(made)
    assert run["event"]["body"] == {"a": [None, None]}
    assert "Infinity" not in (await sessions.row(run["session_id"])).prompt


async def test_the_end_of_a_session_sets_off_once_and_never_its_own(automations, sessions):
    made = await automations.create(ENDED | {"conditions": only("status_detail", "equals", "finished")})
    one = (await sessions.create())["session_id"]
    await automations.end(one)
    await automations.end(one, State(Status.EXIT))
    await automations.do()
    (run,) = await automations.runs(made)
    assert (run["event_type"], run["event"]["session_id"]) == ("session.finished", one)
    await automations.end(run["session_id"])
    await automations.do()
    assert len(await automations.runs(made)) == 1


async def test_automations_that_set_off_one_another_come_to_an_end(automations, sessions):
    first, second = await automations.create(ENDED), await automations.create(ENDED)
    await automations.end((await sessions.create())["session_id"])
    for _ in range(12):
        await automations.do()
        runs = [*await automations.runs(first), *await automations.runs(second)]
        working = [r["session_id"] for r in runs if (await sessions.row(r["session_id"])).status == "new"]
        for session_id in working:
            await automations.end(session_id)
    assert working == []
    assert len(runs) == 10, "two chains of five"


async def test_a_new_session_sets_off_once_and_never_its_own(automations, sessions):
    created = {"event_type": "session:created"}
    first, second = await automations.create(created), await automations.create(created)
    await sessions.create()
    runs = []
    for _ in range(12):  # one pass each: a loop of automations would keep `do` busy for ever
        for _, run_id in await automations.call.read(firing.waiting):
            await automations.call.write(partial(firing.fire, run_id=run_id))
        runs = [*await automations.runs(first), *await automations.runs(second)]
    assert {one["state"] for one in runs} == {"done"}
    assert len(runs) == 10, "two chains of five"
    started = {one["session_id"] for one in await automations.runs(first)}
    assert started.isdisjoint(one["event"]["session_id"] for one in await automations.runs(first))


async def test_a_session_that_ends_is_written_to(automations, sessions):
    message = {"type": "message_session", "prompt": "Now the tests."}
    made = await automations.create(ENDED, actions=[message])
    one = (await sessions.create())["session_id"]
    await automations.end(one)
    await automations.do()
    said = (await sessions.ask("GET", one, "/messages"))["items"]
    assert said[-1]["message"].startswith("Now the tests.")
    assert (await sessions.row(one)).run_state == "queued"
    await automations.end(one)
    await automations.do()
    assert len(await automations.runs(made)) == 1, "not again and again"
    over = (await sessions.create())["session_id"]
    await automations.end(over, State(Status.EXIT))
    await automations.do()
    failed = (await automations.runs(made))[0]
    assert failed["state"] == "failed"
    assert "cannot go on" in failed["error"]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("order", [1, -1])
async def test_one_that_starts_and_writes_comes_to_an_end(automations, sessions, named, order):
    other = (await sessions.create())["session_id"]
    target = {"session": {"session_id": other}} if named else {}
    message = {"type": "message_session", "prompt": "It is looked into."} | target
    made = await automations.create(ENDED, actions=[START, message][::order])
    one = (await sessions.create())["session_id"]
    await automations.end(one)
    await automations.do()
    (run,) = await automations.runs(made)
    assert (await sessions.row(run["session_id"])).origin == "automation", "the one that it started"
    for session_id in (run["session_id"], other if named else one):
        await automations.end(session_id)
    await automations.do()
    assert len(await automations.runs(made)) == 1


async def test_pull_requests_set_off(automations, sessions, server):
    from cogmill.domain.pull_requests.service import open_or_update

    trigger = {"event_type": "pull_request:opened", "conditions": only("repo", "starts_with", "acme/")}
    made = await automations.create(trigger)
    row = await sessions.row((await sessions.create())["session_id"])
    await server.write(lambda ctx: open_or_update(ctx, row.id, FACTS))
    await server.write(lambda ctx: open_or_update(ctx, row.id, FACTS | {"head_commit": "c" * 40}))
    await server.write(lambda ctx: open_or_update(ctx, row.id, FACTS | {"repo": "other/x"}))
    await automations.do()
    (run,) = await automations.runs(made)
    assert (run["event"]["number"], run["state"]) == (1, "done")


async def test_a_schedule_fires_once_also_after_a_pause(automations, server):
    made = await automations.create(daily("FREQ=HOURLY;BYMINUTE=0,30"))
    now = time.time()
    assert now < made["next_run_at"] <= now + 1860
    assert await automations.do() == made["next_run_at"]
    await automations.make_due(made)
    await asyncio.gather(automations.do(), automations.do())
    (run,) = await automations.runs(made)
    assert (run["state"], run["event_type"]) == ("done", "schedule:recurring")
    assert await automations.do() == made["next_run_at"]
    await automations.patch(made, enabled=False)
    assert await automations.do() is None


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("rule", "times"),
    [
        ("FREQ=DAILY", ["2027-01-02 05:10", "2027-01-03 05:10"]),
        ("RRULE:FREQ=DAILY;INTERVAL=2;BYHOUR=7,9;BYMINUTE=0", ["2027-01-01 07:00", "2027-01-01 09:00"]),
        ("FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=4;BYMINUTE=0", ["2027-01-04 04:00", "2027-01-08 04:00"]),
        ("FREQ=WEEKLY;INTERVAL=2", ["2027-01-15 05:10", "2027-01-29 05:10"]),
        ("FREQ=MONTHLY;BYDAY=1MO,-1FR;BYHOUR=0;BYMINUTE=0", ["2027-01-04 00:00", "2027-01-29 00:00"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=6", ["2027-01-31 06:10", "2027-02-28 06:10"]),
        ("FREQ=HOURLY;INTERVAL=6", ["2027-01-01 11:10", "2027-01-01 17:10", "2027-01-01 23:10"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=1;BYMINUTE=0", ["2028-02-29 01:00", "2032-02-29 01:00"]),
        ("FREQ=DAILY;UNTIL=20270102T235900Z", ["2027-01-02 05:10", None]),
    ],
)  # fmt: skip
def test_rules_of_time(rule, times):
    """Against a clock that stands at Friday 2027-01-01 05:10:30."""
    from datetime import UTC, datetime

    began = moment = datetime(2027, 1, 1, 5, 10, 30, tzinfo=UTC).timestamp()
    for wanted in times:
        moment = next_after(parse(rule), began, moment)
        assert wanted == (moment and datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M"))


async def test_caps(automations, sessions):
    limits = {"invocations": {"max_per_window": 2, "window_seconds": 3600}}
    made = await automations.create(HOOK, ENDED, limits=limits)
    for _ in range(2):
        await automations.hook(made)
    assert "limits.invocations" in (await automations.hook(made, expect=429))["detail"]
    await automations.end((await sessions.create())["session_id"])
    await automations.do()
    states = [one["state"] for one in await automations.runs(made)]
    assert states == ["skipped", "done", "done"]
    assert "limits.invocations" in (await automations.runs(made, "?state=skipped"))[0]["error"]


async def test_so_many_at_once_and_so_many_waiting(automations, sessions):
    made = await automations.create(concurrency={"max_concurrent_runs": 1, "max_queue_depth": 1})
    await automations.hook(made)
    await automations.do()
    await automations.hook(made)
    await automations.do()
    await automations.hook(made)
    assert "max_queue_depth" in (await automations.hook(made, expect=429))["detail"]
    assert [one["state"] for one in await automations.runs(made)] == ["queued", "queued", "done"]
    automations.server.engine.woken.clear()
    await automations.end((await automations.runs(made, "?state=done"))[0]["session_id"])
    assert "automations" in automations.server.engine.woken, "a session that settles makes room"
    await automations.do()
    assert [one["state"] for one in await automations.runs(made)] == ["queued", "done", "done"]


async def test_a_disabled_one_does_nothing(automations, sessions):
    made = await automations.create(HOOK, ENDED)
    await automations.hook(made)
    await automations.patch(made, enabled=False)
    await automations.hook(made, expect=409)
    await automations.end((await sessions.create())["session_id"])
    await automations.do()
    assert [one["state"] for one in await automations.runs(made)] == ["skipped"]


@pytest.mark.settings(**MAIL)
async def test_mails(automations, server, sessions):
    action = {"type": "email", "to": ["a@example.org", "b@example.org"], "subject": "It happened", "prompt": "See:"}
    made = await automations.create(actions=[action, START])
    await automations.hook(made, {"what": "fire"})
    await automations.do()
    sent = await server.read(lambda ctx: ctx.db.execute(select(mail)).all())
    assert {(one.recipient, one.subject, one.org_id) for one in sent} == {
        (to, "It happened", server.world.org) for to in action["to"]
    }
    assert '"what": "fire"' in sent[0].body
    await automations.create(notifications={"email": {"when": "always"}}, expect=400)


async def test_what_has_become_impossible_can_still_be_switched_off(automations, server):
    made = await automations.create(daily("FREQ=DAILY;UNTIL=20900101"))
    whole = (await server.read(lambda ctx: ctx.db.execute(select(automation)).one())).document
    whole["triggers"] = [daily("FREQ=DAILY;UNTIL=20200101")]
    await server.write(lambda ctx: ctx.db.execute(update(automation).values(document=whole)))
    off = await automations.patch(made, enabled=False)
    assert (off["enabled"], off["next_run_at"]) == (False, None)


@pytest.mark.settings(webhook_private_addresses=["127.0.0.1"])
async def test_an_outgoing_webhook_as_action(automations, server):
    hooks = f"/cogmill/v1/organizations/{server.world.org}/webhooks"
    hook = await automations.ask("POST", hooks, json={"url": "http://127.0.0.1:9/", "event_types": ["session.exit"]})
    made = await automations.create(actions=[{"type": "webhook", "webhook_id": hook["webhook_id"]}])
    await automations.hook(made)
    await automations.do()
    (sent,) = (await automations.ask("GET", f"{hooks}/{hook['webhook_id']}/deliveries"))["items"]
    assert (sent["event_type"], sent["state"]) == ("automation.fired", "pending")
    await automations.ask("DELETE", f"{hooks}/{hook['webhook_id']}")
    await automations.hook(made)
    await automations.do()
    assert "does not exist" in (await automations.runs(made))[0]["error"]


async def test_a_run_that_is_refused_leaves_nothing_and_says_why(automations, server, sessions):
    made = await automations.create(session_settings={"playbook_id": "playbook-0"})
    await automations.hook(made)
    await automations.do()
    (run,) = await automations.runs(made)
    assert (run["state"], run["session_id"]) == ("failed", None)
    assert "playbook_id" in run["error"]
    assert await sessions.ids() == []


async def test_a_run_is_done_by_one(automations, server):
    made = await automations.create()
    run_id = (await automations.hook(made))["run_id"]
    done = [await server.write(lambda ctx: firing.fire(ctx, run_id)) for _ in range(2)]
    assert done == [True, False]
    assert len(await server.read(lambda ctx: ctx.db.execute(select(automation_run)).all())) == 1


@pytest.mark.one_database
def test_a_kill_neither_loses_nor_doubles_a_run(tmp_path):
    server = Served(tmp_path / "data", "--unsafe-no-sandbox")
    try:
        server.start()
        base = f"/v3/organizations/{server.keys['org_id']}/automations"
        action = START | {"session": {"agent": "runbook"}}
        body = {"triggers": [HOOK], "actions": [action], "run_as": "organization"}
        made = server.client.post(base, json=body).json()
        headers = {"x-webhook-secret": made["webhook_secret"]}
        for crash in ("automation_firing", "automation_fired"):
            server.end()
            server.start(COGMILL_CRASH_AT=crash)
            try:
                httpx.post(made["webhook_url"], json={}, headers=headers)
            except httpx.TransportError:
                pass
            assert server.process.wait(20) == -9
            server.start()
            time.sleep(1.0)
        runs = server.client.get(f"{base}/{made['automation_id']}/runs".replace("/v3/", "/cogmill/v1/")).json()["items"]
        assert [one["state"] for one in runs] == ["done", "done"]
        sessions = server.client.get(f"/v3/organizations/{server.keys['org_id']}/sessions").json()["items"]
        assert sorted(one["session_id"] for one in sessions) == sorted(one["session_id"] for one in runs)
        assert {one["origin"] for one in sessions} == {"automation"}
        with sqlite3.connect(tmp_path / "data" / "cogmill.db") as db:
            assert db.execute("SELECT count(*) FROM automation_run").fetchone() == (2,)
    finally:
        server.close()
