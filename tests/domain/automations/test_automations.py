"""Automations over HTTP: their life, what cannot be, both ways of changing, as whom they run."""

import asyncio
import json

import pytest
from sqlalchemy import delete, select

from cogmill.access.permissions import Permission as P
from cogmill.models.access import role, role_assignment
from cogmill.models.audit import audit_log
from cogmill.models.automations import automation, automation_run, automation_trigger
from tests.factories import assign

from .conftest import ENDED, HOOK, START, daily, only


async def test_the_life_of_an_automation(automations, server):
    made = await automations.create(
        HOOK, {"event_type": "session:ended", "conditions": only("origin", "equals", "api")},
        name="Triage", metadata={"team": "a"}, limits={"max_acu_limit": 5}, concurrency={"max_concurrent_runs": 2},
        session_settings={"tags": ["auto"]},
    )  # fmt: skip
    secret, url, mine = made.pop("webhook_secret"), made["webhook_url"], server.world.ids["org_admin"]
    assert len(secret) > 40
    assert made["automation_id"] not in url, "the address is a secret of its own"
    kept = await automations.ask("GET", automations.path(made))
    assert kept.pop("webhook_secret") is None
    assert kept == made
    assert (made["name"], made["enabled"], made["metadata"], made["created_by"]) == (
        "Triage",
        True,
        {"team": "a"},
        mine,
    )
    assert made["limits"] == {"max_acu_limit": 5, "invocations": None}
    assert [one["automation_id"] for one in (await automations.ask("GET", automations.base))["items"]] == [
        made["automation_id"]
    ]
    await automations.hook(made, secret=secret)
    assert (await automations.ask("DELETE", automations.path(made)))["automation_id"] == made["automation_id"]
    await automations.ask("GET", automations.path(made), expect=404)
    await automations.hook(made, secret=secret, expect=401)
    tables = (automation, automation_trigger, automation_run)
    assert await server.read(lambda ctx: [ctx.db.execute(select(one)).all() for one in tables]) == [[], [], []]
    records = await server.read(lambda ctx: ctx.db.execute(select(audit_log)).all())
    assert {"create_automation", "delete_automation", "trigger_automation"} <= {one.action for one in records}
    assert secret not in str(records)


async def test_who_may(automations):
    made = await automations.create()
    for caller in ("org_member", "person"):
        seen = await automations.ask("GET", automations.path(made), caller=caller)
        assert seen["webhook_secret"] is None
        await automations.create(caller=caller, expect=403)
        await automations.ask("DELETE", automations.path(made), caller=caller, expect=403)
    await automations.ask("GET", automations.base, caller="viewer", expect=403)


async def test_schemas_say_what_there_is(automations):
    told = await automations.ask("GET", f"{automations.base}/schemas")
    assert told["update_semantics"] == "merge_patch"
    fields = {one["event_type"]: [f["field"] for f in one["fields"]] for one in told["events"]}
    assert fields["schedule:recurring"] == ["rrule"]
    assert "status_detail" in fields["session:ended"]
    assert "branch" in fields["pull_request:opened"]
    assert {"webhook:incoming", "pull_request:merged"} <= set(fields)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"triggers": [HOOK, HOOK]}, 400, "at most one of type webhook:incoming"),
        ({"triggers": [{"event_type": "slack:message"}]}, 400, "is not known here"),
        ({"triggers": [HOOK | {"replies": [{"type": "notify_thread"}]}]}, 400, "no chat"),
        ({"triggers": [HOOK | {"conditions": only("body.a", "matches", "x")}]}, 400, "operator 'matches'"),
        ({"triggers": [HOOK | {"conditions": only("body.a", "in", "x")}]}, 400, "list of values"),
        ({"triggers": [{"event_type": "schedule:recurring"}]}, 400, "field rrule"),
        ({"triggers": [daily("FREQ=SECONDLY")]}, 400, "FREQ must be one of"),
        ({"triggers": [daily("FREQ=DAILY;COUNT=3")]}, 400, "COUNT is not understood"),
        ({"triggers": [daily("FREQ=DAILY;UNTIL=20200101")]}, 400, "names no time"),
        ({"triggers": []}, 422, "at least 1"),
        ({"actions": [START, START]}, 400, "at most one of type start_session"),
        ({"actions": [{"type": "start_session"}]}, 400, "actions.0.prompt"),
        ({"actions": [{"type": "monitor_session"}]}, 400, "monitor_session"),
        ({"actions": [{"type": "message_session", "prompt": "a"}]}, 400, "name a session_id"),
        ({"actions": [START | {"session": {"bypass_approval": True}}]}, 400, "automations do not set this"),
        ({"actions": [START | {"session": {"devin_mode": "odd"}}]}, 400, "devin_mode"),
        ({"actions": [{"type": "email", "to": ["a@example.org"], "subject": "S"}]}, 400, "mail is not configured"),
        ({"actions": [{"type": "webhook", "webhook_id": "webhook-0"}]}, 400, "does not exist"),
        ({"notifications": {"email": {"when": "always"}}}, 400, "mail is not configured"),
        ({"tools": {"a": 1}}, 400, "no tools"), ({"run_as": "creator"}, 400, "service user"),
        ({"run_as": "somebody"}, 422, "run_as"), ({"limits": {"max_acu_limit": 1001}}, 422, "max_acu_limit"),
        ({"metadata": {"k" * 33: "v"}}, 422, "metadata"), ({"metadata": {"k": "v" * 129}}, 422, "metadata"),
    ],
)  # fmt: skip
@pytest.mark.one_database
async def test_what_cannot_be(automations, body, status, words):
    whole = {"triggers": [HOOK], "actions": [START], "run_as": "organization"} | body
    answer = await automations.ask("POST", automations.base, json=whole, expect=status)
    assert words in json.dumps(answer)


async def test_merge_patch(automations):
    first = HOOK | {"conditions": only("body.a", "equals", 1)}
    made = await automations.create(
        first, daily(), name="N", metadata={"a": "1", "b": "2"}, limits={"max_acu_limit": 5}
    )
    changed = await automations.patch(
        made,
        metadata={"b": None, "c": "3"},
        name=None,
        limits={"invocations": {"max_per_window": 1, "window_seconds": 60}},
    )
    assert changed["metadata"] == {"a": "1", "c": "3"}
    assert changed["name"] == "Untitled automation"
    assert changed["limits"] == {"max_acu_limit": 5, "invocations": {"max_per_window": 1, "window_seconds": 60}}
    assert changed["triggers"] == made["triggers"]
    assert (await automations.patch(made, limits=None))["limits"] is None
    kept = await automations.patch(
        made, triggers=[HOOK], actions=[{"type": "start_session", "session": {"tags": ["x"]}}]
    )
    assert kept["triggers"] == [made["triggers"][0]], "it merges onto the one of its type: conditions stay"
    assert kept["actions"][0]["prompt"] == START["prompt"]
    assert kept["next_run_at"] is None
    assert (kept["webhook_url"], kept["webhook_secret"]) == (made["webhook_url"], None)
    gone = await automations.patch(made, triggers=[ENDED])
    assert gone["webhook_url"] is None
    again = await automations.patch(made, triggers=[HOOK])
    assert again["webhook_url"] not in {None, made["webhook_url"]}
    assert again["webhook_secret"] not in {None, made["webhook_secret"]}
    for name in ("triggers", "actions", "run_as", "enabled"):
        await automations.patch(made, expect=422, **{name: None})
    await automations.patch(made, triggers=[{"event_type": "odd"}], expect=400)


@pytest.mark.settings(automation_updates="replace_groups")
async def test_replace_groups(automations):
    first = HOOK | {"conditions": only("body.a", "equals", 1)}
    made = await automations.create(first, metadata={"a": "1"}, limits={"max_acu_limit": 5})
    changed = await automations.patch(
        made, metadata={"c": "3"}, triggers=[HOOK], limits={"invocations": {"max_per_window": 1, "window_seconds": 60}}
    )
    assert changed["metadata"] == {"c": "3"}
    assert changed["triggers"][0]["conditions"] is None
    assert changed["limits"]["max_acu_limit"] is None
    assert changed["webhook_url"] == made["webhook_url"]
    assert "full set" in (await automations.patch(made, metadata={"c": None}, expect=400))["detail"]
    assert (await automations.ask("GET", f"{automations.base}/schemas"))["update_semantics"] == "replace_groups"


async def test_an_automation_runs_as_its_creator_with_the_rights_of_that_moment(automations, sessions, server):
    person, held = server.world.ids["colleague"], [P.MANAGE_ORG_AUTOMATIONS, P.USE_DEVIN_SESSIONS]
    await server.write(lambda ctx: _replace_role(ctx, server, person, held))
    await automations.create(run_as="creator", caller="colleague", expect=403)
    await server.write(lambda ctx: _replace_role(ctx, server, person, [*held, P.USE_PERSONAL_AUTOMATIONS]))
    made = await _eventually(lambda: automations.create(run_as="creator", caller="colleague"))
    await automations.hook(made)
    await automations.do()
    (run,) = await automations.runs(made)
    one = await sessions.ask("GET", run["session_id"])
    assert (one["user_id"], one["service_user_id"], one["origin"]) == (person, None, "automation")
    await server.write(lambda ctx: _replace_role(ctx, server, person, [P.READ]))
    await automations.hook(made)
    await automations.do()
    failed, _ = await automations.runs(made)
    assert (failed["state"], failed["session_id"]) == ("failed", None)
    assert "UsePersonalAutomations" in failed["error"]
    off = await automations.patch(made, enabled=False)
    assert off["enabled"] is False, "an administrator may stop it"
    assert "service user" in (await automations.patch(made, actions=[START], expect=400))["detail"]


def _replace_role(ctx, server, person, permissions):
    ctx.db.execute(delete(role_assignment).where(role_assignment.c.principal_id == person))
    ctx.db.execute(delete(role).where(role.c.name == f"Role of {person}"))
    assign(ctx.db, server.world.enterprise, person, server.world.org, permissions)


async def _eventually(ask):
    """Rights are cached for a second."""
    for _ in range(30):
        try:
            return await ask()
        except AssertionError:
            await asyncio.sleep(0.1)
    return await ask()
