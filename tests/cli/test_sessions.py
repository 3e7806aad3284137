"""cogmill sessions …: output, JSON shapes, exit codes, errors."""

import json
import threading
import time

import pytest

from .conftest import stub_module


def test_list(cogmill, stub):
    assert "No sessions" in cogmill("sessions", "list").err
    ids = [stub.session(number) for number in range(1, 4)]
    page = cogmill("sessions", "list", "--first", "2", "--json").json
    assert [item["session_id"] for item in page["items"]] == ids[:2]
    assert (page["has_next_page"], page["end_cursor"]) == (True, "2")
    text = cogmill("sessions", "list", "--first", "2")
    assert ids[0] in text.out
    assert "--after 2" in text.err
    assert cogmill("sessions", "list", "--after", "2", "--json").json["items"] == [stub.sessions[ids[2]]]


def test_view(cogmill, stub):
    pull = {"pr_url": "http://x/pull-requests/pull-1", "pr_state": "open"}
    session = stub.session(pull_requests=[pull], structured_output={"n": 1}, title="Evil \x1b[31m\x07title")
    assert cogmill("sessions", "view", session.removeprefix("devin-"), "--json").json == stub.sessions[session]
    text = cogmill("sessions", "view", session).out
    assert "running/working" in text
    assert pull["pr_url"] in text
    assert "Evil title" in text


def test_events(cogmill, stub):
    session = stub.session()
    stub.emit(session, "shell_process_completed", {"command": "ls"}, "ls", "shell")
    page = cogmill("sessions", "events", session, "--json").json
    assert set(page["items"][0]) == {"seq", "event_id", "event_type", "category", "direction", "created_at", "summary"}
    assert "shell_process_completed" in cogmill("sessions", "events", session).out
    cogmill("sessions", "events", session, "--search", "ls")
    assert stub.requests[-1][1].endswith("/events/search")
    for bad in (["--follow", "--type", "x"], ["--since", "3"], ["--type", "x", "--category", "shell"]):
        assert cogmill("sessions", "events", session, *bad).code == 2


def test_changes(cogmill, stub):
    session = stub.session()
    assert cogmill("sessions", "sleep", session, "--json").json["status"] == "suspended"
    assert cogmill("sessions", "wake", session, "--json").json["status"] == "running"
    assert cogmill("sessions", "message", session, "hello", "--json").json["session_id"] == session
    assert cogmill("sessions", "archive", session, "--json").json["is_archived"] is True
    stopped = cogmill("sessions", "stop", session, "--archive", "--json").json
    assert (stopped["status"], stopped["is_archived"]) == ("exit", True)
    assert "stopped" in cogmill("sessions", "stop", session).out
    refused = cogmill("sessions", "message", session, "more")
    assert refused.code == 3
    assert "req-42" in refused.err
    assert cogmill("sessions", "message", session, "").code == 2


def test_message_and_follow_ignores_what_was_settled_before(cogmill, stub):
    session = stub.session()
    stub.status(session, "running", "waiting_for_user")

    def answer():
        while len(stub.events[session]) < 3:
            time.sleep(0.01)
        stub.emit(session, "devin_message", {"message": "thanks"})
        stub.status(session, "running", "finished")

    thread = threading.Thread(target=answer)
    thread.start()
    done = cogmill("sessions", "message", session, "blue", "--follow", "--json")
    thread.join()
    assert done.code == 0
    assert [line["seq"] for line in done.lines if "seq" in line] == [2, 3, 4, 5]


def test_diff_is_fit_for_git_apply(cogmill, stub):
    session = stub.session()
    assert cogmill("sessions", "diff", session).out == stub_module.DIFF
    assert cogmill("sessions", "diff", session, "--json").json["diffs"][0]["repo"] == "acme/calc"


def test_record(cogmill, stub, tmp_path):
    session, file = stub.session(), tmp_path / "r.json"
    done = cogmill("sessions", "record", session, "-o", file, "--json")
    assert done.json == {"session_id": session, "file": str(file), "bytes": len(file.read_bytes())}
    assert json.loads(file.read_text()) == {"version": 1, "calls": [{"text": "hallo"}]}
    assert file.stat().st_mode & 0o777 == 0o600
    assert cogmill("sessions", "record", session, "-o", file).code == 2
    assert cogmill("sessions", "record", session, "-o", file, "--force").code == 0
    assert cogmill("sessions", "record", session, "-o", "-").json["version"] == 1
    assert cogmill("sessions", "record", session, "-o", tmp_path / "no" / "r.json").code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [
        ({"COGMILL_API_KEY": ""}, 4, ["COGMILL_API_KEY", "COGMILL_URL", "DEVIN_API_KEY"]),
        ({"COGMILL_API_KEY": "cog_wrong"}, 4, ["not valid", "req-42", "COGMILL_API_KEY"]),
        ({"COGMILL_API_KEY": stub_module.ENTERPRISE_KEY}, 3, ["COGMILL_ORG_ID", "enterprise key"]),
        ({"COGMILL_URL": "http://127.0.0.1:9"}, 1, ["No server answers at http://127.0.0.1:9", "cogmill serve"]),
        ({"COGMILL_URL": "nonsense"}, 2, ["COGMILL_URL"]),
    ],
)
def test_wrong_environment(cogmill, monkeypatch, environment, code, words):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = cogmill("sessions", "list", "--json")
    assert (done.code, done.out) == (code, "")
    for word in words:
        assert word in done.err


def test_refusals_teach(cogmill, stub):
    stub.faults = [("/sessions", 403, {"detail": "Needs the permission ViewOrgSessions.", "request_id": "r-9"})]
    refused = cogmill("sessions", "list")
    assert refused.code == 3
    for word in ("permission: ViewOrgSessions", "r-9", "Ask an administrator"):
        assert word in refused.err
    invalid = cogmill("run", "x", "--max-acu", "999")
    assert invalid.code == 3
    assert "body.max_acu_limit: Input is too large" in invalid.err
    missing = cogmill("sessions", "view", "f" * 32)
    assert (missing.code, "no such session" in missing.err) == (3, True)
    stub.faults = [("/sessions", 500, {"detail": "Internal error", "request_id": "r-10"})]
    assert cogmill("sessions", "list").code == 1
    assert cogmill("sessions", "view", "not-an-id!").code == 2


def test_help_loads_no_http_client():
    import subprocess
    import sys

    code = (
        "import sys\nfrom cogmill.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'httpx', 'pydantic', 'fastapi', 'sqlalchemy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Exit codes" in done.stdout
