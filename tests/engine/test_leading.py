"""Sessions that lead others, ask for approval, or have an advanced mode: a real server and a provider on loopback."""

import json
import re
import time

import pytest

from tests.engine.agents.provider import StubProvider, call
from tests.engine.test_model_sessions import of_type, said, say, settings
from tests.serving import Served


class Plays(StubProvider):
    """Answers each conversation by the mark in its prompt: the entry whose turn it is."""

    def __init__(self):
        super().__init__()
        self.parts = {}

    def _entry(self, messages):
        prompt = next(one["content"] for one in messages if one["role"] == "user")
        mark = next((one for one in self.parts if one in str(prompt)), None)
        number = sum(one["role"] == "assistant" for one in messages)
        entry = self.parts[mark][number] if mark and number < len(self.parts[mark]) else {"text": "Nothing to do."}
        return entry if isinstance(entry, dict) else entry(messages)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Plays() as provider:
        server = Served(tmp_path_factory.mktemp("leading") / "data")
        prices = {"COGMILL_MODEL_FAST_INPUT_USD_PER_MTOK": "1", "COGMILL_MODEL_FAST_OUTPUT_USD_PER_MTOK": "2"}
        server.start(**settings(provider, COGMILL_MODEL_FAST="quick", COGMILL_MAX_CHILD_SESSIONS="3", **prices))
        yield server, provider
        server.close()


@pytest.fixture
def served(shared):
    return shared[0]


@pytest.fixture
def provider(shared):
    shared[1].requests.clear()
    return shared[1]


def until(check, seconds=20):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def system_of(provider, mark):
    for request in provider.requests:
        if mark in json.dumps(request["messages"]):
            return json.dumps(request["messages"][0])
    raise AssertionError(mark)


def tools_of(provider, mark):
    request = next(one for one in provider.requests if mark in json.dumps(one["messages"]))
    return {one["function"]["name"] for one in request["tools"]}


def session_id_in(messages):
    return re.findall(r"devin-[0-9a-f]{32}", json.dumps(messages))[-1]


def test_children_are_approved_then_run_and_their_parent_hears_of_them(served, provider):
    start = {"calls": [call("start_session", prompt="PART-ONE of it", title="One", max_acu_limit=2),
                       call("start_session", prompt="PART-TWO of it")]}  # fmt: skip
    provider.parts = {
        "LEAD-1": [
            start,
            {"calls": [call("start_session", prompt="PART-ONE of it", title="One", max_acu_limit=2)]},
            {"text": "I wait for the part."},
            lambda said: {"calls": [call("read_session", session_id=session_id_in(said)), call("list_sessions")]},
            lambda said: {"calls": [call("message_session", session_id=session_id_in(said), message="Once more")]},
            {"text": "I wait again."},
            lambda said: {"calls": [call("end_session", session_id=session_id_in(said))]},
            {"calls": [call("finish", summary="The part is done.")]},
        ],
        "PART-ONE": [{"text": "First answer of the part."}, {"text": "Second answer of the part."}],
    }  # fmt: skip
    parent = served.create("LEAD-1", max_acu_limit=4)
    served.wait(parent, "waiting_for_approval")
    (question,) = said(served, parent)
    assert "PART-ONE" in question
    assert "PART-TWO" in question
    assert "`approve`" in question
    assert served.get(parent)["child_session_ids"] is None
    say(served, parent, "Only the first part, please.")
    until(lambda: len(said(served, parent)) == 2)
    refused = [e for e in of_type(served, parent, "session_start_completed") if not e["ok"]]
    assert [("Only the first part" in e["error"]) for e in refused] == [True, True]
    served.wait(parent, "waiting_for_approval")
    say(served, parent, "Approve.")
    until(lambda: "The part is done." in said(served, parent))
    (child,) = served.get(parent)["child_session_ids"]
    assert served.get(child)["parent_session_id"] == parent
    assert served.get(child)["status"] == "exit"
    assert served.get(child)["title"] == "One"
    messages = [one["message"] for one in served.get(parent, "/messages")["items"] if one["source"] == "user"]
    heard = [one for one in messages if child in one]
    assert ["First answer" in one for one in heard] == [True, False]
    assert "Second answer" in heard[1]
    (read,) = of_type(served, parent, "session_read_completed")
    assert read["messages"][-1]["message"] == "First answer of the part."
    (made,) = [e for e in of_type(served, parent, "session_start_completed") if e["ok"]]
    assert made["session"]["session_id"] == child


def test_a_limit_and_numbers_bound_what_a_session_starts(served, provider):
    provider.parts = {
        "LEAD-2": [
            {"calls": [call("start_session", prompt="x", max_acu_limit=9)]},
            {"calls": [call("start_session", prompt="PART-3"), call("start_session", prompt="PART-4")]},
            {"calls": [call("finish", summary="ok")]},
        ],
    }  # fmt: skip
    parent = served.create("LEAD-2", max_acu_limit=3, bypass_approval=True)
    until(lambda: "ok" in said(served, parent))
    results = of_type(served, parent, "session_start_completed")
    assert [one["ok"] for one in results] == [False, True, False]
    assert "2 are left" in results[0]["error"]
    assert "0 are left" in results[2]["error"]
    path = "/v3/organizations/sessions"
    made = [served.client.post(f"{path}?devin_id={parent}", json={"prompt": "x"}) for _ in range(3)]
    assert [one.status_code for one in made] == [200, 200, 409]
    assert "3 children" in made[2].json()["detail"]
    child = made[0].json()["session_id"]
    grandchild = served.client.post(f"{path}?devin_id={child}", json={"prompt": "x"}).json()["session_id"]
    too_deep = served.client.post(f"{path}?devin_id={grandchild}", json={"prompt": "x"})
    assert too_deep.status_code == 409
    assert "2 generations" in too_deep.json()["detail"]


def test_a_guardrail_asks_for_a_tool_call_and_refuses_another(served, provider):
    key = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    for word, action in (("guarded-act", "ask"), ("never-act", "block")):
        rule = {"name": f"No {word}", "target": "command", "pattern": word, "action": action}
        assert served.client.post("/cogmill/v1/enterprise/guardrails", json=rule, headers=key).status_code == 200
    calls = [call("shell", command="echo guarded-act"), call("shell", command="echo never-act; touch x")]
    provider.parts = {"GUARD-1": [{"calls": calls}, {"calls": [call("finish", summary="Over.")]}]}
    for answer, first in (("approve", (True, "guarded-act")), ("Rather not.", (False, "did not approve"))):
        session_id = served.create("GUARD-1")
        served.wait(session_id, "waiting_for_approval")
        assert "echo guarded-act" in said(served, session_id)[0]
        say(served, session_id, answer)
        served.wait(session_id, "finished")
        done = of_type(served, session_id, "shell_process_completed")
        texts = [one.get("output") or one["error"] for one in done]
        assert (done[0]["ok"], first[1] in texts[0]) == (first[0], True)
        assert (done[1]["ok"], "Refused by the guardrail" in texts[1]) == (False, True)
        heard = json.dumps(provider.requests[-1]["messages"], ensure_ascii=False)
        assert all(text.strip()[:40] in heard for text in texts)


def test_approval_of_anything_and_its_bypass(served, provider):
    provider.parts = {"ASK-1": [{"calls": [call("ask_approval", action="Drop the table?")]}, {"text": "Dropped."}]}
    session_id = served.create("ASK-1")
    served.wait(session_id, "waiting_for_approval")
    assert said(served, session_id) == ["Drop the table?"]
    say(served, session_id, "No, keep it.")
    served.wait(session_id, "finished")
    bypassed = served.create("ASK-1", bypass_approval=True)
    served.wait(bypassed, "finished")
    assert said(served, bypassed) == ["Dropped."]


def test_advanced_modes(served, provider):
    base = f"/v3/organizations/{served.keys['org_id']}"
    old = served.create("To be looked at")
    provider.parts = {
        "MODE-ANALYZE": [{"calls": [call("read_session", session_id=old)]}, {"text": "Seen."}],
        "MODE-CREATE": [
            {"calls": [call("save_playbook", title="New way", body="1. Do it", macro="!new-way")]}, {"text": "Saved."}
        ],
        "MODE-MANAGE": [
            {"calls": [call("save_note", name="Port", body="It is 81", trigger="ports")]},
            {"calls": [call("list_notes", search="Port")]},
            lambda messages: {"calls": [call(
                "save_note", name="Port", body="It is 82", trigger="ports",
                note_id=re.findall(r"note-[0-9a-z-]+", json.dumps(messages))[-1],
            )]},
            {"text": "Corrected."},
        ],
    }  # fmt: skip
    made = served.create("MODE-ANALYZE", advanced_mode="analyze", session_links=[old])
    served.wait(made, "finished")
    assert "change nothing" in system_of(provider, "MODE-ANALYZE")
    assert of_type(served, made, "session_read_completed")[0]["messages"][0]["message"] == "To be looked at"
    served.wait(served.create("MODE-CREATE", advanced_mode="create"), "finished")
    (book,) = [one for one in served.client.get(f"{base}/playbooks").json()["items"] if one["macro"] == "!new-way"]
    assert book["body"] == "1. Do it"
    provider.parts["MODE-IMPROVE"] = [
        {"calls": [call("save_playbook", title="New way", body="1. Do it well", playbook_id=book["playbook_id"])]},
        {"text": "Improved."},
    ]
    more = {"advanced_mode": "improve", "child_playbook_id": book["playbook_id"]}
    served.wait(served.create("MODE-IMPROVE", **more), "finished")
    assert "1. Do it" in system_of(provider, "MODE-IMPROVE")
    assert served.client.get(f"{base}/playbooks/{book['playbook_id']}").json()["body"] == "1. Do it well"
    served.wait(served.create("MODE-MANAGE", advanced_mode="manage"), "finished")
    (note,) = [one for one in served.client.get(f"{base}/knowledge/notes").json()["items"] if one["name"] == "Port"]
    assert note["body"] == "It is 82"
    assert {"save_note", "list_notes"} <= tools_of(provider, "MODE-MANAGE")
    assert not {"save_note", "save_playbook"} & tools_of(provider, "MODE-ANALYZE")
    headers = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    log = served.client.get("/v3/enterprise/audit-logs?first=200", headers=headers).json()["items"]
    by_sessions = {one["action"] for one in log if one["data"].get("session_id") and one["data"].get("playbook_id")}
    assert {"create_playbook", "update_playbook"} <= by_sessions


def test_a_mode_has_a_model_of_its_own(served, provider):
    provider.parts = {}
    served.wait(served.create("QUICKLY", devin_mode="fast"), "finished")
    served.wait(served.create("USUALLY"), "finished")
    models = {mark: one["model"] for one in provider.requests for mark in ("QUICKLY", "USUALLY")
              if mark in json.dumps(one["messages"])}  # fmt: skip
    assert models == {"QUICKLY": "quick", "USUALLY": "stub"}


def test_a_child_is_started_once_however_the_server_dies(tmp_path):
    with Plays() as provider:
        provider.parts = {
            "LEAD-9": [{"calls": [call("start_session", prompt="PART-9")]}, {"calls": [call("finish", summary="ok")]}]
        }
        server = Served(tmp_path / "data", **settings(provider))
        try:
            server.start(COGMILL_CRASH_AT="step_acted:2")
            parent = server.create("LEAD-9", bypass_approval=True)
            server.process.wait(20)
            server.start()
            until(lambda: "ok" in said(server, parent))
            children = server.get(parent)["child_session_ids"]
            assert len(children) == 1
            server.wait(children[0], "finished")
            until(lambda: [one for one in of_type(server, parent, "user_message") if "from_session_id" in one])
            results = of_type(server, parent, "session_start_completed")
            assert [one["session"]["session_id"] for one in results] == children
        finally:
            server.close()
