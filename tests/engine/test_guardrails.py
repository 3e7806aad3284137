"""Real sessions that run into guardrails: what is warned of, refused, asked; and what is left of it after kill -9."""

import signal
import sqlite3

import httpx
import pytest

from tests.serving import Served

RULES = "/cogmill/v1/enterprise/guardrails"
ONE = (
    "# First\n```sh\necho first > one\n```\n# Second\n```sh\n{} && echo ran-second\n```\n"
    "# Third\n```sh\necho third\n```"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("guardrails") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def rule(served):
    """Makes a rule for the test alone."""
    key = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    made = []

    def make(action, pattern, target="command"):
        body = {"name": f"no {pattern}", "target": target, "pattern": pattern, "action": action}
        answer = httpx.post(served.url + RULES, json=body, headers=key, timeout=30)
        assert answer.status_code == 200, answer.text
        made.append(answer.json()["guardrail_id"])
        return made[-1]

    yield make
    for one in made:
        httpx.delete(f"{served.url}{RULES}/{one}", headers=key, timeout=30)


def violations(served, session_id):
    key = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    query = {"session_id": session_id, "order": "asc"}
    path = f"{served.url}/v3beta1/enterprise/guardrail-violations"
    return httpx.get(path, params=query, headers=key, timeout=30).json()["items"]


def outputs(served, session_id):
    found = [one for one in served.events(session_id) if one["event_type"] == "shell_process_completed"]
    return [(one["contents"].get("output", "").strip(), one["contents"].get("error")) for one in found]


def message(served, session_id, text):
    answer = served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json={"message": text})
    assert answer.status_code == 200, answer.text


def test_a_warning_lets_the_step_run(served, rule):
    rule("warn", "true warned")
    session_id = served.create(ONE.format("true warned"))
    served.wait(session_id, "finished")
    assert [one[0] for one in outputs(served, session_id)] == ["", "ran-second", "third"]
    (found,) = violations(served, session_id)
    types = [one["event_type"] for one in served.events(session_id)]
    assert found["action_taken"] == "warned"
    assert "true warned && echo ran-second" in found["reasoning"]
    assert types.index("guardrail_violation") < [i for i, one in enumerate(types) if one == "shell_process_started"][1]
    assert found["event_id"] in [one["event_id"] for one in served.events(session_id)]


def test_a_blocked_step_has_no_effect_and_the_agent_is_told(served, rule):
    rule("block", "true blocked")
    session_id = served.create(ONE.format("true blocked"))
    served.wait(session_id, "waiting_for_user")
    assert [one["action_taken"] for one in violations(served, session_id)] == ["blocked"]
    last = outputs(served, session_id)[-1]
    assert "Refused by the guardrail" in last[1]
    assert not any("ran-second" in one[0] for one in outputs(served, session_id))
    said = served.get(session_id, "/messages")["items"][-1]["message"]
    assert "no true blocked" in said
    message(served, session_id, "skip")
    served.wait(session_id, "finished")
    assert outputs(served, session_id)[-1][0] == "third"
    assert len(violations(served, session_id)) == 1


def test_what_is_asked_and_approved_runs_once(served, rule):
    rule("ask", "true asked")
    session_id = served.create(ONE.format("true asked"), bypass_approval=True)
    served.wait(session_id, "waiting_for_approval")
    assert [one["action_taken"] for one in violations(served, session_id)] == ["asked"]
    question = served.get(session_id, "/messages")["items"][-1]["message"]
    assert "May I do this?" in question
    assert "true asked && echo ran-second" in question
    message(served, session_id, "Approve.")
    served.wait(session_id, "finished")
    assert [one[0] for one in outputs(served, session_id)] == ["", "ran-second", "third"]
    assert [one["action_taken"] for one in violations(served, session_id)] == ["approved"]
    assert not any(
        "This session runs shell blocks" in one["message"] for one in served.get(session_id, "/messages")["items"]
    )


def test_a_question_names_every_guardrail_that_asks(served, rule):
    for pattern in ("true both", "ran-second"):
        rule("ask", pattern)
    session_id = served.create(ONE.format("true both"))
    served.wait(session_id, "waiting_for_approval")
    question = served.get(session_id, "/messages")["items"][-1]["message"]
    assert "The guardrails “no true both”, “no ran-second” want you to decide" in question
    message(served, session_id, "approve")
    served.wait(session_id, "finished")
    assert {one["action_taken"] for one in violations(served, session_id)} == {"approved"}


def test_what_is_declined_does_not_run(served, rule):
    rule("ask", "true declined")
    session_id = served.create(ONE.format("true declined"))
    served.wait(session_id, "waiting_for_approval")
    message(served, session_id, "skip")
    served.wait(session_id, "finished")
    shown = outputs(served, session_id)
    assert [one[0] for one in shown] == ["", "", "third"]
    assert "did not approve, and answered: skip" in shown[1][1]
    assert [one["action_taken"] for one in violations(served, session_id)] == ["declined"]


@pytest.mark.parametrize(("answer", "outcome"), [("skip", "declined"), ("approve", "approved")])
@pytest.mark.parametrize("then", ["deleted", "warn"])
def test_an_answer_counts_whatever_became_of_the_rule(served, rule, answer, outcome, then):
    text = f"true {answer} {then}"
    one = rule("ask", text)
    session_id = served.create(ONE.format(text))
    served.wait(session_id, "waiting_for_approval")
    key = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    if then == "deleted":
        assert httpx.delete(f"{served.url}{RULES}/{one}", headers=key, timeout=30).status_code == 200
    else:
        changed = httpx.patch(f"{served.url}{RULES}/{one}", json={"action": "warn"}, headers=key, timeout=30)
        assert changed.status_code == 200
    message(served, session_id, answer)
    served.wait(session_id, "finished")
    assert [one[0] for one in outputs(served, session_id)][1] == ("ran-second" if answer == "approve" else "")
    assert [one["action_taken"] for one in violations(served, session_id)] == [outcome]


def test_a_rule_that_comes_while_another_one_asks_asks_as_well(served, rule):
    first = rule("ask", "true both")
    session_id = served.create(ONE.format("true both"))
    served.wait(session_id, "waiting_for_approval")
    second = rule("ask", "both && echo")
    message(served, session_id, "approve")
    served.wait(session_id, "waiting_for_approval")
    assert [one[0] for one in outputs(served, session_id)] == [""]
    message(served, session_id, "approve")
    served.wait(session_id, "finished")
    assert [one[0] for one in outputs(served, session_id)] == ["", "ran-second", "third"]
    found = [(one["guardrail_id"], one["action_taken"]) for one in violations(served, session_id)]
    assert found == [(first, "approved"), (second, "approved")]


def test_a_rule_on_paths_and_one_on_hosts(served, rule):
    rule("block", "^/workspace/kept/", "write")
    rule("warn", r"(^|\.)example\.org$", "egress")
    session_id = served.create(
        "# A\n```sh allow-failure\necho x > kept/a\n```\n# B\n```sh\necho ssh me@www.example.org:x\n```"
    )
    served.wait(session_id, "finished")
    assert [one["action_taken"] for one in violations(served, session_id)] == ["blocked", "warned"]


def test_the_first_guardrails_are_on(served):
    session_id = served.create("# A\n```sh allow-failure\ncat /etc/shadow\n```")
    served.wait(session_id, "finished")
    (found,) = violations(served, session_id)
    assert (found["guardrail_name"], found["action_taken"]) == ("Credentials of the machine", "blocked")


def records(served):
    with sqlite3.connect(served.data / "cogmill.db", timeout=20) as db:
        return db.execute("SELECT COUNT(*) FROM audit_log WHERE action = 'ai_guardrail_violation'").fetchone()[0]


@pytest.mark.parametrize(
    ("point", "action", "first", "then", "taken"),
    [
        ("guardrail_asked", "ask", "waiting_for_approval", "approve", "approved"),
        ("guardrail_refused", "block", "waiting_for_user", "skip", "blocked"),
    ],
)
def test_a_crash_leaves_one_violation_and_one_question(tmp_path, point, action, first, then, taken):
    server = Served(tmp_path / "data")
    try:
        server.start()
        body = {"name": "No", "target": "command", "pattern": "true cut", "action": action}
        key = {"authorization": f"Bearer {server.keys['enterprise_key']}"}
        assert httpx.post(server.url + RULES, json=body, headers=key).status_code == 200
        server.end()
        server.start(COGMILL_CRASH_AT=point)
        session_id = server.create(ONE.format("true cut"))
        assert server.process.wait(30) != 0
        server.start()
        server.wait(session_id, first)
        server.end(signal.SIGKILL)
        server.start()
        assert [one["action_taken"] for one in violations(server, session_id)] == [
            "asked" if action == "ask" else taken
        ]
        message(server, session_id, then)
        server.wait(session_id, "finished")
        assert [one["action_taken"] for one in violations(server, session_id)] == [taken]
        assert records(server) == 1
        types = [one["event_type"] for one in server.events(session_id)]
        assert (types.count("guardrail_violation"), types.count("approval_requested")) == (1, int(action == "ask"))
        ran = ["", "ran-second", "third"] if action == "ask" else ["", "", "third"]
        assert [one[0] for one in outputs(server, session_id)] == ran
    finally:
        server.close()
