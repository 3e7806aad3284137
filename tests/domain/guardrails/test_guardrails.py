"""Guardrails and their violations over HTTP: kept by administrators, in force at once, recorded and shown."""

import pytest

from cogmill.domain.guardrails.defaults import DEFAULTS

RULES = "/cogmill/v1/enterprise/guardrails"
VIOLATIONS = "/v3beta1/enterprise/guardrail-violations"
KEY = "AKIA" + "IOSFODNN7EXAMPLE"
MADE = {"name": "No payroll", "target": "prompt", "pattern": "(?i)payroll", "action": "block"}


@pytest.fixture
async def admin(server):
    return await server.client("enterprise_admin")


async def ok(asked, status=200):
    answer = await asked
    assert answer.status_code == status, answer.text
    return answer.json()


async def listed(client, path=VIOLATIONS, **query):
    return (await ok(client.get(path, params=query)))["items"]


async def test_an_enterprise_begins_with_some_that_are_kept_like_others(server, admin):
    found = await listed(admin, RULES)
    assert [(one["name"], one["target"], one["action"], one["pattern"]) for one in found] == [
        tuple(one) for one in DEFAULTS
    ]
    assert {(one["org_id"], one["created_by"], one["is_enabled"]) for one in found} == {(None, None, True)}
    path = f"{RULES}/{found[0]['guardrail_id']}"
    changed = await ok(admin.patch(path, json={"is_enabled": False, "action": "warn"}))
    assert (changed["is_enabled"], changed["action"], changed["name"]) == (False, "warn", found[0]["name"])
    assert await ok(admin.get(path)) == changed == await ok(admin.delete(path))
    await ok(admin.get(path), 404)


async def test_the_life_of_one(server, admin):
    made = await ok(admin.post(RULES, json=MADE | {"org_id": server.world.org}))
    assert {name: made[name] for name in MADE} == MADE
    mine = {one["name"] for one in await listed(admin, RULES, org_id=server.world.org)}
    assert "No payroll" in mine
    assert "No payroll" not in {one["name"] for one in await listed(admin, RULES, org_id=server.world.second_org)}
    log = await listed(admin, "/v3/enterprise/audit-logs", action="update_ai_guardrail")
    assert (log[0]["data"]["change"], log[0]["data"]["of_org_id"]) == ("created", server.world.org)
    assert "pattern" not in log[0]["data"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pattern": "("}, "unclosed group"), ({"pattern": ".*"}, "even an empty text"),
        ({"action": "ask"}, "has just written"),
        ({"target": "mind"}, "prompt"), ({"action": "hang"}, "warn"), ({"name": " "}, "name"),
        ({"org_id": "org-0"}, "no organization"),
    ],
)  # fmt: skip
async def test_what_cannot_be_one_is_explained(admin, wrong, said):
    answer = await admin.post(RULES, json=MADE | wrong)
    assert answer.status_code == 422
    assert said in answer.text


async def test_one_that_a_model_judges_by_needs_a_model(server, admin, monkeypatch):
    body = {"name": "Customers", "target": "command", "judgement": "Nobody may delete data.", "action": "block"}
    refused = (await ok(admin.post(RULES, json=body), 422))["detail"]
    assert (refused[0]["loc"], "COGMILL_MODEL" in refused[0]["msg"]) == (["body", "judgement"], True)
    monkeypatch.setitem(server.runtime.settings.__dict__, "model", "stub")
    made = await ok(admin.post(RULES, json=body))
    assert (made["pattern"], made["judgement"], made["when_unanswered"]) == (None, body["judgement"], "act")
    assert "shown to no model" in str(await ok(admin.post(RULES, json=body | {"target": "secret"}), 422))
    assert "needs a pattern" in str(await ok(admin.post(RULES, json=body | {"judgement": None}), 422))
    path = f"{RULES}/{made['guardrail_id']}"
    assert "needs a pattern" in str(await ok(admin.patch(path, json={"judgement": None}), 422))
    for wrong in ({"when_unanswered": None}, {"when_unanswered": "hang"}, {"judgement": " "}):
        await ok(admin.patch(path, json=wrong), 422)
    changed = await ok(admin.patch(path, json={"pattern": "drop", "when_unanswered": "pass"}))
    assert (changed["pattern"], changed["when_unanswered"]) == ("drop", "pass")
    # Without the model it can still be kept, and made a pattern alone.
    monkeypatch.setitem(server.runtime.settings.__dict__, "model", None)
    assert (await ok(admin.patch(path, json={"is_enabled": False})))["judgement"] == body["judgement"]
    assert (await ok(admin.patch(path, json={"judgement": None})))["judgement"] is None
    await ok(admin.patch(path, json={"judgement": "Again."}), 422)
    monkeypatch.setitem(server.runtime.settings.__dict__, "model", "stub")
    for number in range(20):
        await ok(admin.post(RULES, json=body | {"name": f"Rule {number}"}))
    for more in (admin.post(RULES, json=body), admin.patch(path, json={"judgement": "Again."})):
        assert "no more" in (await ok(more, 409))["detail"]


@pytest.mark.one_database
async def test_a_change_is_checked_as_a_whole(admin):
    made = await ok(admin.post(RULES, json=MADE | {"target": "command", "action": "ask"}))
    path = f"{RULES}/{made['guardrail_id']}"
    for wrong in ({"target": "prompt"}, {"pattern": None}, {"pattern": "["}):
        assert (await admin.patch(path, json=wrong)).status_code == 422
    assert (await ok(admin.patch(path, json={"target": "prompt", "action": "warn"})))["target"] == "prompt"


async def test_a_blocked_prompt_makes_no_session_and_is_on_record(server, sessions, admin):
    rule = await ok(admin.post(RULES, json=MADE | {"org_id": server.world.org}))
    refused = await sessions.create(prompt=f"Print the Payroll with {KEY}", expect=403)
    assert refused["guardrail_id"] == rule["guardrail_id"]
    assert "No payroll" in refused["detail"]
    assert await sessions.list_("first=1") | {"total": None} == {
        "items": [], "end_cursor": None, "has_next_page": False, "total": None,
    }  # fmt: skip
    (found,) = [one for one in await listed(admin) if one["guardrail_id"] == rule["guardrail_id"]]
    assert (found["session_id"], found["action_taken"], found["confidence_score"]) == (None, "blocked", 1.0)
    assert found["user_message"] == "Print the Payroll with [withheld]"
    (audit,) = await listed(admin, "/v3/enterprise/audit-logs", action="ai_guardrail_violation")
    assert (audit["audit_log_id"], audit["org_id"]) == (found["event_id"], server.world.org)
    assert isinstance(found["violation_id"], int)


async def test_one_organizations_rules_are_not_anothers(server, sessions, admin):
    await ok(admin.post(RULES, json=MADE | {"org_id": server.world.second_org}))
    await sessions.create(prompt="payroll")
    assert await listed(admin) == []


async def test_a_warning_lets_pass_and_is_in_the_log_of_the_session(server, sessions, admin):
    made = await sessions.create(prompt=f"Use {KEY}, please.", session_secrets=[{"key": "S", "value": "please"}])
    (found,) = await listed(admin)
    assert (found["session_id"], found["action_taken"]) == (made["session_id"], "warned")
    assert found["user_message"] == "Use [withheld] [secret S]."
    shown = (await sessions.ask("GET", made["session_id"], "/events/details", params={"event_ids": found["event_id"]}))[
        "items"
    ]
    assert [one["event_type"] for one in shown] == ["guardrail_violation"]
    assert KEY not in str(shown)


async def test_messages_are_looked_at_too(server, sessions, admin):
    made = await sessions.create()
    rule = await ok(admin.post(RULES, json=MADE))
    await sessions.ask("POST", made["session_id"], "/messages", json={"message": "Now the payroll"}, expect=403)
    await sessions.ask("POST", made["session_id"], "/messages", json={"message": f"{KEY} it is"})
    warned, blocked = await listed(admin)
    assert (blocked["guardrail_id"], blocked["session_id"]) == (rule["guardrail_id"], made["session_id"])
    assert warned["event_id"].startswith(f"event-{made['session_id'][6:]}-")
    said = (await sessions.ask("GET", made["session_id"], "/messages"))["items"]
    assert [one["message"] for one in said] == ["Do it.", f"{KEY} it is"]


async def test_a_change_holds_at_once(sessions, admin):
    rule = await ok(admin.post(RULES, json=MADE))
    path = f"{RULES}/{rule['guardrail_id']}"
    await sessions.create(prompt="payroll", expect=403)
    await ok(admin.patch(path, json={"is_enabled": False}))
    await sessions.create(prompt="payroll")
    await ok(admin.patch(path, json={"is_enabled": True}))
    await sessions.create(prompt="payroll", expect=403)
    await ok(admin.delete(path))
    await sessions.create(prompt="payroll")


async def test_lists_filter_order_and_page(server, sessions, admin):
    first = (await sessions.create(prompt=f"a {KEY}"))["session_id"]
    second = (await sessions.create(prompt=f"b {KEY}"))["session_id"]
    here = f"/v3beta1/enterprise/organizations/{server.world.org}/guardrail-violations"
    there = f"/v3beta1/enterprise/organizations/{server.world.second_org}/guardrail-violations"
    assert [one["session_id"] for one in await listed(admin, here)] == [second, first]
    assert [one["session_id"] for one in await listed(admin, order="asc")] == [first, second]
    assert await listed(admin, there) == []
    (found,) = await listed(admin, here, session_id=first)
    assert await listed(admin, guardrail_id=found["guardrail_id"], session_id=first) == [found]
    assert await listed(admin, guardrail_id="guardrail-0") == []
    page = await ok(admin.get(here, params={"first": 1}))
    rest = await listed(admin, here, after=page["end_cursor"])
    assert (page["has_next_page"], [one["session_id"] for one in rest]) == (True, [first])
    now = found["created_at"]
    assert len(await listed(admin, time_after=now - 5, time_before=now + 60)) == 2
    assert await listed(admin, time_after=now + 60) == []
    for wrong in ({"time_before": 5}, {"time_after": 9, "time_before": 5}, {"time_after": 0, "time_before": 9_000_000}):
        assert (await admin.get(VIOLATIONS, params=wrong)).status_code == 422


async def test_others_see_and_change_nothing(server, sessions, admin):
    await sessions.create(prompt=f"a {KEY}")
    mine = (await listed(admin, RULES))[0]["guardrail_id"]
    foreigner, member = await server.client("foreign_admin"), await server.client("org_admin")
    assert await listed(foreigner) == []
    await ok(foreigner.get(f"{RULES}/{mine}"), 404)
    await ok(foreigner.patch(f"{RULES}/{mine}", json={"is_enabled": False}), 404)
    for path in (RULES, VIOLATIONS):
        await ok(member.get(path), 403)
