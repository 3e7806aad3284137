"""Guardrails that a model judges by, in real sessions: what is asked, what follows, what it costs, silence."""

import json

import httpx
import pytest

from tests.engine.agents.provider import StubProvider
from tests.engine.test_guardrails import ONE, RULES, message, outputs, violations
from tests.engine.test_model_sessions import settings
from tests.serving import Served

SENTENCE = "Nobody may delete customers' data."


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with StubProvider() as provider:
        server = Served(tmp_path_factory.mktemp("judgements") / "data")
        server.start(**settings(provider))
        yield server, provider
        server.close()


@pytest.fixture
def served(shared):
    return shared[0]


@pytest.fixture
def provider(shared):
    shared[1].script.clear()
    shared[1].requests.clear()
    return shared[1]


@pytest.fixture
def rule(served):
    """Makes a rule for the test alone."""
    key = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    made = []

    def make(action, target="command", **more):
        body = {"name": "Customers", "target": target, "judgement": SENTENCE, "action": action} | more
        answer = httpx.post(served.url + RULES, json=body, headers=key, timeout=30)
        assert answer.status_code == 200, answer.text
        made.append(answer.json()["guardrail_id"])
        return made[-1]

    yield make
    for one in made:
        httpx.delete(f"{served.url}{RULES}/{one}", headers=key, timeout=30)


def says(violates, why="It drops the table.", confidence=0.9):
    return {"text": "So:\n" + json.dumps({"violates": violates, "why": why, "confidence": confidence})}


def asked(provider):
    """What the model was given, question by question."""
    return [json.loads(one["messages"][-1]["content"]) for one in provider.requests]


def run(served, command="true second", **more):
    return served.create(ONE.format(command), agent="runbook", **more)


def test_a_blocked_command_is_told_with_the_models_reason_and_paid_by_the_session(served, rule, provider):
    rule("block", pattern="second")  # the pattern says what is judged at all
    provider.says(says(True))
    secret = {"key": "WORD", "value": "hunter2-hunter2"}
    session_id = run(served, "true hunter2-hunter2 second", session_secrets=[secret])
    session = served.wait(session_id, "waiting_for_user")
    (question,) = asked(provider)
    assert (question["rule"], question["kind"]) == (SENTENCE, "a shell command")
    assert "echo ran-second" in question["thing"]
    assert "hunter2" not in json.dumps(provider.requests)
    assert "Refused by the guardrail “Customers”" in outputs(served, session_id)[-1][1]
    (found,) = violations(served, session_id)
    assert (found["action_taken"], found["confidence_score"]) == ("blocked", 0.9)
    assert "goes against “Customers” (It drops the table.)" in found["reasoning"]
    (judged,) = [one for one in served.events(session_id) if one["event_type"] == "guardrail_judgement_completed"]
    assert (judged["contents"]["model"], judged["contents"]["acus"] > 0) == ("stub", True)
    assert session["acus_consumed"] > 0
    message(served, session_id, "skip")
    served.wait(session_id, "finished")
    assert len(provider.requests) == 1  # what was answered is not asked again


def test_what_is_asked_for_and_approved_is_judged_once(served, rule, provider):
    rule("ask", pattern="second")
    provider.says(says(True))
    session_id = run(served)
    served.wait(session_id, "waiting_for_approval")
    message(served, session_id, "approve")
    served.wait(session_id, "finished")
    assert [one[0] for one in outputs(served, session_id)] == ["", "ran-second", "third"]
    assert [one["action_taken"] for one in violations(served, session_id)] == ["approved"]
    assert len(provider.requests) == 1


def test_what_does_not_go_against_it_runs(served, rule, provider):
    rule("block")
    provider.says(says(False), says(False), says(False))
    session_id = run(served)
    served.wait(session_id, "finished")
    assert len(outputs(served, session_id)) == len(provider.requests) == 3
    assert violations(served, session_id) == []


@pytest.mark.parametrize(
    "entry", [{"status": 401, "body": {}}, {"text": "I would rather not say."}], ids=["refused", "prose"]
)
def test_a_silent_model_counts_as_the_rule_says(served, rule, provider, entry):
    rule("block", pattern="second")
    provider.says(entry)
    session_id = run(served)
    served.wait(session_id, "waiting_for_user")
    (found,) = violations(served, session_id)
    assert (found["confidence_score"], "could not be asked" in found["reasoning"]) == (0.0, True)
    assert "ran-second" not in str(outputs(served, session_id))


def test_a_silent_model_lets_pass_where_that_is_wanted(served, rule, provider):
    rule("block", pattern="second", when_unanswered="pass")
    provider.says({"status": 401, "body": {}})
    session_id = run(served)
    served.wait(session_id, "finished")
    assert violations(served, session_id) == []


def test_a_prompt_that_goes_against_it_reaches_no_agent(served, rule, provider):
    rule("block", "prompt")
    provider.says(says(True, "It asks for that."))
    session_id = run(served)
    served.wait(session_id, "error")
    assert outputs(served, session_id) == []
    assert "I was not told it" in served.get(session_id, "/messages")["items"][-1]["message"]
    assert [one["action_taken"] for one in violations(served, session_id)] == ["blocked"]


def test_a_message_that_goes_against_it_is_kept_from_the_agent(served, rule, provider):
    rule("block", "prompt")
    provider.says(says(False), says(True), says(False))
    session_id = run(served)
    served.wait(session_id, "finished")
    message(served, session_id, "```sh\necho never\n```")
    served.wait(session_id, "waiting_for_user")
    assert "I was not told it" in served.get(session_id, "/messages")["items"][-1]["message"]
    message(served, session_id, "```sh\necho after\n```")
    served.wait(session_id, "finished")
    assert [one[0] for one in outputs(served, session_id)] == ["", "ran-second", "third", "after"]
    assert len(provider.requests) == 3


def test_a_limit_of_the_session_holds_for_what_is_asked(served, rule, provider):
    rule("block", pattern="second", name="Dear")
    # 200,000 tokens at 15 dollars a million: beyond one ACU even before the answer.
    provider.says(says(False) | {"usage": (10, 200_000)}, says(False))
    session_id = served.create(
        ONE.format("true second") + "\n# Fourth\n```sh\necho second again\n```", agent="runbook", max_acu_limit=1
    )
    session = served.wait(session_id, "suspended")
    assert session["status_detail"] == "usage_limit_exceeded"
    assert "second again" not in str(outputs(served, session_id))
