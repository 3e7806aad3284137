"""The model's judgement of a session: laid over the rules', priced, redacted; and the rules where there is none."""

import json
from decimal import Decimal

import pytest

from cogmill.domain.sessions.log import NewEvent, status_event
from cogmill.domain.sessions.states import Detail, State, Status
from cogmill.domain.usage.verify import check
from cogmill.engine import asking, guardrail_judge, judgement
from cogmill.engine.agents.seam import ModelSettings
from cogmill.engine.loops.insights import Insights
from cogmill.engine.metering import MICRO
from cogmill.engine.runner import Run, Tools
from cogmill.engine.store import claim

from .agents.provider import StubProvider

FINISHED = State(Status.RUNNING, Detail.FINISHED)
SECRET = "hunter2-hunter2-hunter2"
SAID = {
    "issues": [{"label": "Wrong branch", "issue": f"It used {SECRET}.", "impact": "high",
                "action_item": "Name the branch.", "type": "knowledge"}],
    "suggested_prompt": "Fix the parser on branch dev.", "category": "bug_fixing", "subcategory": "Parser",
    "confidence": 0.8,
}  # fmt: skip


@pytest.fixture
def provider():
    with StubProvider() as stub:
        yield stub


@pytest.fixture
def analysed(server, sessions, provider):
    """A session that ended, analysed on demand with the stub as the model."""
    settings = ModelSettings("stub", provider.url, "none", Decimal(3), Decimal(15))

    async def go(**body):
        secrets = [{"key": "TOKEN", "value": SECRET}]
        prompt = f"Fix the parser with {SECRET} now, please do it well."
        made = (await sessions.create(**{"prompt": prompt, "session_secrets": secrets} | body))["session_id"]
        answer = NewEvent("devin_message", "message", "Done.", {"message": "Done."})
        state = {"state": FINISHED, "run_state": "idle"}
        await sessions.append(made, answer, status_event(FINISHED), **state)
        await sessions.ask("POST", made, "/insights/generate")
        await Insights(server.runtime, settings).run_once()
        return await sessions.ask("GET", made, "/insights")

    return go


async def test_a_judgement_is_laid_over_the_rules(server, sessions, provider, analysed):
    provider.says({"text": f"Here it is:\n```json\n{json.dumps(SAID)}\n```"})
    found = await analysed()
    analysis = found["analysis"]
    assert analysis["made_by"] == "stub"
    assert [(one["id"], one["label"]) for one in analysis["issues"]] == [("issue-1", "Wrong branch")]
    assert analysis["action_items"] == [{"action_item": "Name the branch.", "type": "knowledge", "issue_id": "issue-1"}]
    assert analysis["suggested_prompt"]["suggested_prompt"] == "Fix the parser on branch dev."
    assert [one["title"] for one in analysis["timeline"]] == ["Asked", "Answered", "Finished"]
    assert (found["category"], found["subcategory"]) == ("bug_fixing", "Parser")
    assert SECRET not in json.dumps(analysis["issues"])
    assert SECRET not in json.dumps(provider.requests)
    assert found["acus_consumed"] > 0
    log = await sessions.ask("GET", found["session_id"], "/events")
    assert log["items"][-1]["event_type"] == "insights_judged"
    checked = await server.read(lambda ctx: check(ctx.db))
    assert (checked.records, checked.first) == (1, [])


@pytest.mark.parametrize(
    "entry",
    [
        {"text": "All went well."},
        {"text": json.dumps(SAID | {"category": "nonsense"})},
        {"status": 401},
        {"drop": True},
    ],
    ids=["prose", "unknown category", "refused", "cut"],
)
async def test_a_model_that_is_no_use_leaves_the_rules(provider, analysed, entry):
    provider.says(*[entry] * 3)
    found = await analysed()
    assert (found["analysis"]["made_by"], found["category"]) == ("rules", "bug_fixing")
    assert (found["acus_consumed"] > 0) == ("text" in entry)  # an answer is paid for, whatever it says


async def test_a_question_that_is_given_up_costs_what_it_can_have_cost_at_most(provider, analysed, monkeypatch):
    monkeypatch.setattr(judgement, "SECONDS", 0.2)
    provider.says({"text": json.dumps(SAID), "wait": 1})
    found = await analysed()
    assert found["analysis"]["made_by"] == "rules"
    assert 0.12 < found["acus_consumed"] * 2 < 0.5  # US dollars for twice the longest answer, half an ACU for each

    monkeypatch.setattr(guardrail_judge, "SECONDS", 0.2)
    provider.says({"text": "No.", "wait": 1})
    settings = ModelSettings("stub", provider.url, "none", Decimal(3), Decimal(15))
    result, usd = await guardrail_judge.judge(settings, "{}")
    assert (result.contents["violates"], result.contents["usd"]) == (None, str(usd))
    assert usd == guardrail_judge.dearest(settings, "{}") > Decimal("0.1")


@pytest.mark.settings(acu_per_usd=100_000.0)
async def test_a_limit_that_leaves_no_room_is_kept(server, sessions, provider, analysed):
    admin = await server.client("enterprise_admin")
    org = f"/v3/enterprise/organizations/{server.world.org}"
    assert (await admin.patch(org, json={"max_session_acu_limit": 1})).status_code == 200
    found = await analysed()
    assert (found["analysis"]["made_by"], provider.requests, found["acus_consumed"]) == ("rules", [], 0)


@pytest.mark.parametrize("limit", ["of the cycle", None])
async def test_a_run_that_begins_meanwhile_leaves_room_for_what_is_asked(
    server, sessions, provider, analysed, monkeypatch, limit
):
    """The session's own limit holds for both together."""
    ask, claims = asking.ask, []

    async def woken_meanwhile(*args):
        [found] = (await sessions.list_())["items"]
        path = f"/v3/organizations/{server.world.org}/sessions/{found['session_id']}/messages"
        answer = await (await server.client("org_admin")).post(path, json={"message": "Go on."})
        assert answer.status_code == 200, answer.text
        claims.append(await claim(server.runtime, (await sessions.row(found["session_id"])).id))
        return await ask(*args)

    if limit is not None:
        admin = await server.client("enterprise_admin")
        org = f"/v3/enterprise/organizations/{server.world.org}"
        assert (await admin.patch(org, json={"max_cycle_acu_limit": 5})).status_code == 200
    monkeypatch.setattr(asking, "ask", woken_meanwhile)
    provider.says({"text": json.dumps(SAID), "usage": (1_000, 8_000)})
    found = await analysed(max_acu_limit=1)
    assert found["analysis"]["made_by"] == "stub"
    [claimed] = claims
    meter = Run(Tools(server.runtime, None, None, None, None), claimed).meter
    assert 0 < found["acus_consumed"] <= 1 - meter.remaining() / MICRO < 0.2
