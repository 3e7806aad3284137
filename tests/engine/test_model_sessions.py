"""Sessions of the model agent through a real server, against a provider on loopback that speaks OpenAI's protocol."""

import base64
import json
import re
import signal
import socket
import subprocess
import time

import pytest

from tests.engine.agents.provider import StubProvider, call
from tests.serving import Served

KEY = "sk-verysecret123"
SCHEMA = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}


def settings(provider, **more):
    known = {
        "COGMILL_MODEL": "stub", "COGMILL_MODEL_BASE_URL": provider.url, "COGMILL_MODEL_API_KEY": KEY,
        "COGMILL_MODEL_INPUT_USD_PER_MTOK": "3", "COGMILL_MODEL_OUTPUT_USD_PER_MTOK": "15",
        "COGMILL_MODEL_ATTEMPTS": "2",
    }  # fmt: skip
    return known | more


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with StubProvider() as provider:
        server = Served(tmp_path_factory.mktemp("models") / "data")
        server.start(**settings(provider))
        yield server, provider
        server.close()


@pytest.fixture
def served(shared):
    return shared[0]


@pytest.fixture
def provider(shared):
    """The stub with a fresh script."""
    stub = shared[1]
    stub.script.clear()
    stub.requests.clear()
    return stub


@pytest.fixture
def own(tmp_path):
    """A server of the test's own, not started."""
    server = Served(tmp_path / "data")
    yield server
    server.close()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "calc"
    folder.mkdir()
    (folder / "calc.py").write_text("def add(a, b):\n    return a - b  # hm\n")
    (folder / "test_calc.py").write_text("from calc import add\nassert add(1, 2) == 3\n")
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def say(served, session_id, message):
    answer = served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json={"message": message})
    assert answer.status_code == 200, answer.text


def said(served, session_id):
    items = served.get(session_id, "/messages")["items"]
    return [one["message"] for one in items if one["source"] == "devin"]


def of_type(served, session_id, kind):
    return [e["contents"] for e in served.events(session_id) if e["event_type"] == kind]


def tool_answers(provider):
    return [one["content"] for one in provider.messages() if one["role"] == "tool"]


def look_at_job(messages):
    job = re.findall(r"\[job (\w+) is running\]", json.dumps(messages))[-1]
    return {"calls": [call("job_output", job_id=job), call("job_stop", job_id=job)]}


def test_from_free_words_to_a_pull_request(served, provider, repository):
    provider.says(
        {"text": "I look first.", "calls": [
            call("update_plan", items=[{"text": "Fix add", "status": "in_progress"}]),
            call("read_file", path="calc.py"), call("search", pattern="def "),
            call("shell", command="cd calc && python3 test_calc.py"),
        ]},
        {"calls": [call("shell", command="python3 -m http.server 8123", background=True)]},
        lambda messages: {"calls": [call("shell", command="sleep 0.3; curl -s http://127.0.0.1:8123/ | head -1"),
                                    *look_at_job(messages)["calls"]]},
        {"calls": [call("edit_file", path="calc.py", old="a - b  # hm", new="a + b"),
                   call("write_file", path="NEWS.md", content="add adds\n")]},
        {"calls": [call("shell", command="python3 test_calc.py && mkdir -p __pycache__ && touch __pycache__/x.pyc"),
                   call("git_status"), call("git_diff"), call("git_commit", message="Fix add")]},
        {"calls": [call("git_push"), call("ask_user", question="Shall I open a pull request?")]},
    )  # fmt: skip
    session_id = served.create("Make add add, please.", repos=[str(repository)])
    served.wait(session_id, "waiting_for_user")
    assert said(served, session_id) == ["Shall I open a pull request?"]
    provider.says(
        {"calls": [call("open_pull_request", title="Fix add", body="It subtracted.")]},
        {"calls": [call("finish", summary="add adds now.")]},
    )
    say(served, session_id, "Yes, do.")
    session = served.wait(session_id, "finished")
    assert said(served, session_id)[-1] == "add adds now."
    assert session["pull_requests"][0]["pr_state"] == "open"
    assert 0 < session["acus_consumed"] < 0.1
    answers = "\n".join(tool_answers(provider))
    for part in (
        "return a - b",
        "AssertionError",
        "<!DOCTYPE HTML>",
        "is stopped",
        "?? NEWS.md",
        "Committed ",
        "Pushed ",
    ):
        assert part in answers, part
    (commit,) = of_type(served, session_id, "git_commit_completed")
    assert commit["files"] == ["NEWS.md", "calc.py"]  # what the tests left behind stays out
    org = served.keys["org_id"]
    diff = served.client.get(f"/cogmill/v1/organizations/{org}/sessions/{session_id}/diff").json()["diffs"][0]["diff"]
    assert "+    return a + b" in diff
    assert provider.headers[-1]["authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(served.events(session_id)) + (served.data / "serve.log").read_text()


def test_commands_do_not_see_the_provider_s_key(served, provider):
    provider.says({"calls": [call("shell", command="env; cat /proc/*/environ | tr '\\0' '\\n'")]}, {"text": "Seen."})
    served.wait(served.create("Show the environment."), "finished")
    assert "COGMILL_SESSION_ID" in tool_answers(provider)[0]
    assert "COGMILL_MODEL" not in tool_answers(provider)[0]


def test_structured_output_is_checked_demanded_and_kept(served, provider):
    provider.says(
        {"calls": [call("structured_output", output={"count": "many"})]},
        {"text": "Done."},
        {"calls": [call("structured_output", output={"count": 3}), call("finish", summary="Three.")]},
    )
    session_id = served.create("Count.", structured_output_schema=SCHEMA)
    assert served.wait(session_id, "finished")["structured_output"] == {"count": 3}
    assert "'many' is not of type 'integer'" in tool_answers(provider)[0]
    assert said(served, session_id) == ["Three."]


PASSING = {
    "asked to wait": {"status": 429, "headers": {"Retry-After": "1"}, "body": {"error": {"message": "slow down"}}},
    "server error": {"status": 500},
    "connection dropped": {"drop": True},
    "malformed stream": {"raw": "data: {not json\n\n"},
    "another page": {"raw": "<html>Bad gateway</html>"},
    "error within the stream": {"raw": 'data: {"error": {"message": "Overloaded", "code": 502}}\n\n'},
    "text broken off": {"text": "I will now", "cut": 2},
    "call broken off": {"calls": [call("shell", command="echo half")], "cut": 3},
}


def test_trouble_that_passes_is_waited_out(served, provider):
    """All kinds side by side, since each waits for a second or so."""
    by_prompt = {f"Trouble: {name}": entry for name, entry in PASSING.items()}

    def answer(messages):
        prompt = messages[1]["content"]
        return by_prompt.pop(prompt, {"text": f"Got over: {prompt}"})

    provider.says(*[answer] * 2 * len(PASSING))
    ids = {prompt: served.create(prompt) for prompt in by_prompt}
    for prompt, session_id in ids.items():
        served.wait(session_id, "finished", "suspended")
        assert said(served, session_id) == [f"Got over: {prompt}"]
        assert of_type(served, session_id, "shell_process_started") == []
    assert provider.script == []


LASTING = {
    "wait an hour": ({"status": 429, "headers": {"Retry-After": "3600"}}, "asks to wait 3600 seconds"),
    "bad key": ({"status": 401, "body": {"error": {"message": f"Incorrect key {KEY}"}}}, "COGMILL_MODEL_API_KEY"),
    "no credit": ({"status": 429, "body": {"error": {"message": "No quota", "code": "insufficient_quota"}}}, "credit"),
    "no such model": ({"status": 404, "body": {"error": {"message": "no model stub"}}}, "COGMILL_MODEL_BASE_URL"),
    "server down": ({"status": 500}, "Given up after 2 attempts"),
    "always broken off": ({"text": "I will now", "cut": 2}, "broke off"),
}


def test_trouble_that_lasts_suspends_with_the_reason_and_a_message_resumes(served, provider):
    healthy = []

    def answer(messages):
        entry, _ = LASTING[messages[1]["content"]]
        return {"text": "Back again."} if healthy else entry

    provider.says(*[answer] * 50)
    ids = {name: served.create(name) for name in LASTING}
    for name, session_id in ids.items():
        session = served.wait(session_id, "suspended", "finished")
        assert session["status_detail"] == "error", name
        (why,) = said(served, session_id)
        assert LASTING[name][1] in why
        assert "write a message, or resume" in why
        assert KEY not in json.dumps(served.events(session_id))
    healthy.append(True)
    for name, session_id in ids.items():
        if name == "bad key":
            org = served.keys["org_id"]
            served.client.post(f"/cogmill/v1/organizations/{org}/sessions/{session_id}/wake")
        else:
            say(served, session_id, "Try again.")
        served.wait(session_id, "finished")
        assert said(served, session_id)[-1] == "Back again."


def test_a_refused_connection_names_the_address(own, provider):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        own.start(**settings(provider, COGMILL_MODEL_BASE_URL=url))
        session_id = own.create("Anything.")
        assert own.wait(session_id, "suspended")["status_detail"] == "error"
    assert f"connection refused at {url}" in said(own, session_id)[0]


def test_a_request_too_long_for_the_model_is_shortened(served, provider):
    long = {"calls": [call("shell", command="seq 1 4000")]}
    window = 9_000

    def answer(messages):
        if len(json.dumps(messages)) // 4 > window:
            message = f"This model's maximum context length is {window} tokens."
            return {"status": 400, "body": {"error": {"message": message, "code": "context_length_exceeded"}}}
        steps = sum(one["role"] == "tool" for one in messages)
        return {**long, "usage": None} if steps < 4 and "condensed" not in json.dumps(messages) else {"text": "Done."}

    provider.says(*[answer] * 20)
    session_id = served.create("Count to four thousand, a few times.")
    session = served.wait(session_id, "finished", "suspended")
    assert session["status_detail"] == "finished", said(served, session_id)
    failed = [one for one in of_type(served, session_id, "model_call_completed") if one.get("failure") == "context"]
    assert failed
    assert provider.messages()[1]["content"] == "Count to four thousand, a few times."


def test_a_small_window_keeps_task_plan_and_recent_steps(own, provider):
    plan = call("update_plan", items=[{"text": "Count upwards", "status": "in_progress"}])
    steps = [{"calls": [call("shell", command=f"echo step {n}; seq 1 900")], "usage": None} for n in range(1, 13)]
    provider.says({"calls": [plan], "usage": None}, *steps, {"text": "Done."})
    own.start(**settings(provider, COGMILL_MODEL_CONTEXT_TOKENS="10000", COGMILL_MODEL_MAX_OUTPUT_TOKENS="1000"))
    session_id = own.create("THE TASK")
    own.wait(session_id, "finished")
    longest = max(len(json.dumps(request)) for request in provider.requests)
    assert longest // 4 < 10_000
    last = provider.messages()
    assert last[1]["content"].startswith("THE TASK")
    assert "condensed" in last[2]["content"]
    assert "Count upwards" in last[2]["content"]
    assert any("step 12" in str(one["content"]) for one in last[3:] if one["role"] == "tool")


def test_max_acu_limit_suspends_before_it_is_overspent(served, provider):
    # A call costs at most 0.06 ACU: 8192 output tokens at 15 dollars a million, half an ACU for a dollar.
    dear = {"calls": [call("shell", command="true")], "usage": (2_000, 8_000)}
    provider.says(*[dear] * 30)
    session_id = served.create("Spend.", max_acu_limit=1)
    session = served.wait(session_id, "suspended")
    assert session["status_detail"] == "usage_limit_exceeded"
    assert 0.8 < session["acus_consumed"] <= 1
    made = len(provider.requests)
    say(served, session_id, "Go on.")
    served.wait(session_id, "usage_limit_exceeded")
    assert len(provider.requests) == made


def test_the_limit_of_an_automation_stops_the_session_that_it_starts(served, provider):
    """Whatever the action asks for, and the limit as it stands when the automation is set off."""
    base = f"/v3/organizations/{served.keys['org_id']}/automations"
    body = {
        "triggers": [{"event_type": "webhook:incoming"}], "run_as": "organization", "limits": {"max_acu_limit": 900},
        "actions": [{"type": "start_session", "prompt": "Spend.", "session": {"max_acu_limit": 700}}],
        "session_settings": {"max_acu_limit": 800},
    }  # fmt: skip
    made = served.client.post(base, json=body).json()
    changed = served.client.patch(f"{base}/{made['automation_id']}", json={"limits": {"max_acu_limit": 1}})
    assert changed.json()["limits"]["max_acu_limit"] == 1
    provider.says(*[{"calls": [call("shell", command="true")], "usage": (2_000, 8_000)}] * 30)
    served.client.post(made["webhook_url"], headers={"x-webhook-secret": made["webhook_secret"]}, json={})
    runs = f"/cogmill/v1/organizations/{served.keys['org_id']}/automations/{made['automation_id']}/runs"
    wait_for(lambda: served.client.get(runs).json()["items"][0]["state"] == "done")
    session = served.wait(served.client.get(runs).json()["items"][0]["session_id"], "suspended")
    assert (session["status_detail"], session["origin"]) == ("usage_limit_exceeded", "automation")
    assert 0.8 < session["acus_consumed"] <= 1


def test_kill_9_in_the_middle_runs_no_tool_twice_silently(own, provider):
    provider.by_progress = True
    try:
        provider.says(
            {"calls": [call("shell", command="echo one >> log")]},
            {"calls": [call("shell", command="echo two >> log; sleep 5")]},
            {"text": "Slow.", "calls": [call("shell", command="cat log")], "wait": 1.5},
            {"calls": [call("finish", summary="Done.")]},
        )
        own.start(**settings(provider))
        session_id = own.create("Log it.")
        own.wait(session_id, "working")
        wait_for(lambda: len(of_type(own, session_id, "shell_process_started")) == 2)
        own.end(signal.SIGKILL)
        own.start(**settings(provider))
        wait_for(lambda: len(provider.requests) == 3)  # cut a second time, inside a model call
        own.end(signal.SIGKILL)
        own.start(**settings(provider))
        own.wait(session_id, "finished")
    finally:
        provider.by_progress = False
    answers = tool_answers(provider)
    assert "interrupted: the server stopped while this ran" in answers[1]
    assert answers[2].startswith("one\ntwo\n")
    counted = {end: len(of_type(own, session_id, f"shell_process_{end}")) for end in ("started", "completed")}
    assert counted == {"started": 3, "completed": 2}
    assert len(of_type(own, session_id, "shell_process_interrupted")) == 1
    assert len(of_type(own, session_id, "model_call_interrupted")) == 1
    assert said(own, session_id) == ["Done."]


def test_pictures_reach_the_model_and_nothing_else_keeps_them(own, provider):
    own.start(**settings(provider))
    first, second = (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * times for times in (3, 5))
    files = {name: upload(own, name, content) for name, content in (
        ("first.png", first), ("second.png", second), ("notes.txt", b"no picture"), ("huge.png", first * 6000),
    )}  # fmt: skip
    provider.says({"calls": [call("ask_user", question="And the other one?")]})
    urls = [files[name] for name in ("first.png", "notes.txt", "huge.png")]
    session_id = own.create("What do you see?", attachment_urls=urls)
    own.wait(session_id, "waiting_for_user")
    assert pictures(provider) == [first]
    told = json.dumps(provider.messages())
    assert "/workspace/attachments/first.png:" in told
    assert "huge.png is not shown to you: it has more than 3750000 bytes" in told
    own.end(signal.SIGKILL)
    own.start(**settings(provider))
    provider.says({"calls": [call("shell", command="wc -c attachments/*.png attachments/*/*.png")]})
    provider.says(
        {"status": 400, "body": {"error": {"message": "stop here"}}}, {"calls": [call("finish", summary="Ok")]}
    )
    say(own, session_id, f'This one:\nATTACHMENT:"{files["second.png"]}"')
    own.wait(session_id, "finished")
    assert [pictures(provider, index) for index in (1, 2, 3)] == [[first, second], [first, second], []]
    assert f"{len(second)} attachments/" in tool_answers(provider)[-1]
    assert "second.png is not shown to you: the model refused a request with pictures" in json.dumps(
        provider.messages()
    )
    calls = of_type(own, session_id, "model_call_completed")
    assert [one.get("pictures") for one in calls] == [1, 2, 2, None]
    path = f"/cogmill/v1/organizations/{own.keys['org_id']}/sessions/{session_id}/recording"
    kept = json.dumps(own.events(session_id)) + own.client.get(path).text
    for content in (first, second):
        assert base64.b64encode(content).decode()[:60] not in kept


def upload(served, name, content):
    path = f"/v3/organizations/{served.keys['org_id']}/attachments"
    answer = served.client.post(path, files={"file": (name, content, "image/png" if "png" in name else "text/plain")})
    assert answer.status_code == 200, answer.text
    return answer.json()["url"]


def pictures(provider, index=-1):
    """The bytes of the pictures of a request."""
    parts = [part for one in provider.messages(index) if isinstance(one["content"], list) for part in one["content"]]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    assert all(url.startswith("data:image/png;base64,") for url in urls)
    return [base64.b64decode(url.partition(",")[2]) for url in urls]


def wait_for(condition, seconds=15):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_without_a_model_the_session_says_how_to_get_one_and_waits(own, provider):
    own.start()
    session_id = own.create("Please tidy up.")
    own.wait(session_id, "waiting_for_user")
    (how,) = said(own, session_id)
    for part in ("COGMILL_MODEL=", "ANTHROPIC_API_KEY", "COGMILL_MODEL_BASE_URL", "restart"):
        assert part in how
    say(own, session_id, "Hello?")
    wait_for(lambda: len(said(own, session_id)) == 2)
    assert "still no model" in said(own, session_id)[-1]
    own.wait(session_id, "waiting_for_user")
    own.end()
    provider.says({"text": "Tidied up."})
    own.start(**settings(provider))
    say(own, session_id, "There is one now.")
    own.wait(session_id, "finished")
    assert said(own, session_id)[-1] == "Tidied up."
    users = [one["content"] for one in provider.messages() if one["role"] == "user"]
    assert users == ["Please tidy up.", "Hello?", "There is one now."]
