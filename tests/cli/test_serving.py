"""The command line at a real server: a model session from run to record, its replay, and how it fails."""

import json
import subprocess
import time

import pytest
from typer.testing import CliRunner

from cogmill.cli.app import app
from tests.engine.agents.provider import StubProvider, call
from tests.serving import Served

from .conftest import Outcome

SECRET = "hunter2-canary"


@pytest.fixture(scope="module")
def provider():
    with StubProvider() as stub:
        yield stub


@pytest.fixture(scope="module")
def served(tmp_path_factory, provider):
    server = Served(tmp_path_factory.mktemp("cli") / "data")
    server.start(
        COGMILL_MODEL="stub", COGMILL_MODEL_BASE_URL=provider.url, COGMILL_MODEL_ATTEMPTS="1",
        COGMILL_MODEL_INPUT_USD_PER_MTOK="3", COGMILL_MODEL_OUTPUT_USD_PER_MTOK="15",
    )  # fmt: skip
    yield server
    server.close()


@pytest.fixture
def cogmill(served, provider, monkeypatch):
    """The command line with the organization's key; keyword arguments are other environment variables."""
    provider.script.clear()
    usual = {"COGMILL_URL": served.url, "COGMILL_API_KEY": served.keys["org_key"]}

    def run(*arguments, **environment):
        for name in ("URL", "API_KEY", "ORG_ID"):
            monkeypatch.delenv(f"COGMILL_{name}", raising=False)
            monkeypatch.delenv(f"DEVIN_{name.replace('URL', 'BASE_URL')}", raising=False)
        for name, value in (environment or usual).items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(app, [str(one) for one in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


def git(folder, *command):
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", *identity, *command], cwd=folder, check=True)


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "calc"
    folder.mkdir()
    (folder / "calc.py").write_text("def add(a, b):\n    return a - b  # hm\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


WORK = [
    {"text": "I look first.", "calls": [call("shell", command="cat */calc.py; echo ${TOKEN:-none}")]},
    {"calls": [call("edit_file", path="calc.py", old="a - b  # hm", new="a + b")]},
    {"calls": [call("git_commit", message="Fix add"), call("ask_user", question="Open a pull request?")]},
]
REST = [
    {"calls": [call("open_pull_request", title="Fix add", body="It subtracted.")]},
    {"calls": [call("finish", summary="add adds now.")]},
]


def test_a_session_by_hand(cogmill, provider, repository):
    provider.says(*WORK)
    asked = cogmill("run", "Make add add", "--repo", repository, "--follow", "--tag", "by-hand")
    assert asked.code == 1  # it waits for an answer
    for part in ("I look first.", "+    return a + b", "agent: Open a pull request?", "waits for your answer"):
        assert part in asked.out
    (row,) = cogmill("sessions", "list", "--tag", "by-hand", "--json").json["items"]
    session_id = row["session_id"]
    provider.says(*REST)
    done = cogmill("sessions", "message", session_id, "Yes", "--follow")
    assert done.code == 0
    for part in ("agent: add adds now.", "The session has finished.", "pull request (open): http"):
        assert part in done.out
    viewed = cogmill("sessions", "view", session_id[6:14], "--json").json
    assert (viewed["status_detail"], viewed["pull_requests"][0]["pr_state"]) == ("finished", "open")
    assert viewed["pull_requests"][0]["pr_url"] in cogmill("sessions", "view", session_id).out
    log = cogmill("sessions", "events", session_id, "--follow", "--json")
    assert log.code == 0
    assert [line["seq"] for line in log.lines[:-1]] == list(range(1, len(log.lines)))
    found = cogmill("sessions", "events", session_id, "--search", "Fix add", "--json").json["items"]
    assert {"git_commit_completed", "pull_request_completed"} <= {one["event_type"] for one in found}
    assert "+    return a + b" in cogmill("sessions", "diff", session_id).out
    (repository / "fix.patch").write_text(cogmill("sessions", "diff", session_id).out)
    git(repository, "apply", "--check", "fix.patch")
    assert cogmill("sessions", "sleep", session_id, "--json").json["status"] == "suspended"
    assert cogmill("sessions", "wake", session_id, "--json").json["session_id"] == session_id
    assert cogmill("sessions", "stop", session_id, "--json").json["status"] == "exit"
    assert cogmill("sessions", "archive", session_id, "--json").json["is_archived"] is True
    for arguments in (["message", session_id, "x"], ["wake", session_id]):
        refused = cogmill("sessions", *arguments, "--json")
        assert (refused.code, refused.out) == (3, "")
        error = json.loads(refused.err)["error"]
        assert (error["exit_code"], error["status"]) == (3, 409)
        assert error["request_id"].startswith("req-")


def test_a_recording_replays_to_the_same_diff_and_tells_what_differs(cogmill, served, provider, repository, tmp_path):
    provider.says(*WORK)
    session_id = served.create(
        "Make add add", repos=[str(repository)], session_secrets=[{"key": "TOKEN", "value": SECRET}]
    )
    served.wait(session_id, "waiting_for_user")
    provider.says(*REST)
    assert cogmill("sessions", "message", session_id, "Yes", "--follow").code == 0
    file = tmp_path / "recording.json"
    said = cogmill("sessions", "record", session_id, "-o", file, "--json").json
    assert said["bytes"] == len(file.read_bytes())
    text = file.read_text()
    assert "[secret TOKEN]" in text
    assert SECRET not in text
    recording = json.loads(text)
    assert (recording["model"], recording["prompt"], len(recording["turns"])) == ("stub", "Make add add", 5)
    provider.script.clear()
    asked = len(provider.requests)

    def replay():
        made = cogmill("run", "Make add add", "--repo", repository, "--recording", file, "--follow", "--json")
        assert (made.code, made.lines[-1]["status_detail"]) == (1, "waiting_for_user")
        again = cogmill("sessions", "message", made.lines[-1]["session_id"], "Yes", "--follow", "--json")
        assert again.code == 0
        events = [line for line in made.lines[1:-1] + again.lines[1:-1] if "event_type" in line]
        differs = [one["contents"] for one in events if one["event_type"] == "replay_divergence"]
        return again.lines[-1], differs, events

    session, differs, events = replay()
    assert len(provider.requests) == asked
    assert session["pull_requests"]
    first = cogmill("sessions", "diff", session_id, "--json").json["diffs"][0]["diff"]
    assert cogmill("sessions", "diff", session["session_id"], "--json").json["diffs"][0]["diff"] == first
    assert [one["tool"] for one in differs] == ["shell"]  # only the secret, which the replay does not have
    last = [one["contents"]["message"] for one in events if one["event_type"] == "devin_message"][-1]
    assert "words come from a recording (stub)" in last
    (repository / "calc.py").write_text("def add(a, b):\n    return a - b  # hmm\n")
    git(repository, "commit", "-qam", "another start")
    time.sleep(2.1)  # a fetch is shared for two seconds
    made = cogmill("run", "Make add add", "--repo", repository, "--recording", file, "--follow")
    assert "⚠ shell gave something else than recorded: “return a - b # hmm” instead of" in made.out
    assert "⚠ edit_file gave something else than recorded" in made.out


def test_a_recording_of_something_else_is_refused(cogmill, tmp_path):
    file = tmp_path / "no-recording.json"
    file.write_text('{"hello": 1}')
    ended = cogmill("run", "Play it", "--recording", file, "--follow")
    assert ended.code == 1
    assert "is not a cogmill-recording file" in ended.out


def test_attachments_reach_the_workspace_and_the_model(cogmill, provider, tmp_path):
    file = tmp_path / "figures 1.csv"
    file.write_text("a,b\n1,2\n")
    provider.says({"calls": [call("shell", command="cat /workspace/attachments/*.csv")]}, {"text": "Read."})
    assert cogmill("run", "Read the file", "--attach", file, "--follow").code == 0
    assert "The user attached /workspace/attachments/" in provider.messages()[0]["content"]
    assert provider.messages()[-1]["content"].startswith("a,b\n1,2\n")


def test_structured_output_is_shown(cogmill, provider, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}))
    provider.says({"calls": [call("structured_output", output={"n": 7}), call("finish", summary="Seven.")]})
    done = cogmill("run", "Count", "--output-schema", schema, "--follow", "--json")
    assert (done.code, done.lines[-1]["structured_output"]) == (0, {"n": 7})


def test_the_other_product_s_variables(cogmill, served):
    devin = {"DEVIN_BASE_URL": served.url, "DEVIN_API_KEY": served.keys["enterprise_key"]}
    refused = cogmill("sessions", "list", **devin)
    assert refused.code == 3
    assert "DEVIN_ORG_ID" in refused.err
    listed = cogmill("sessions", "list", "--json", **devin, DEVIN_ORG_ID=served.keys["org_id"])
    assert listed.code == 0
    ours_first = cogmill("sessions", "list", **(devin | {"COGMILL_API_KEY": "cog_" + "a" * 52}))
    assert ours_first.code == 4


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "words"),
    [
        (["sessions", "list"], {"COGMILL_API_KEY": "cog_" + "a" * 52}, 4, "unknown, expired or revoked"),
        (["sessions", "list"], {"COGMILL_API_KEY": ""}, 4, "No API key"),
        (["sessions", "view", "devin-" + "0" * 32], {}, 3, "There is no session"),
        (["run", "x", "--agent", "replay"], {}, 3, "not valid"),
        (["run", "x", "--repo", "nobody/nothing"], {}, 3, "not valid"),
        (["run", "x", "--playbook", "playbook-1"], {}, 3, "playbook_id"),
        (["run", "x", "--mode", "warp"], {}, 3, "not valid"),
        (["run"], {}, 2, "PROMPT"),
        (["sessions", "list", "--first", "many"], {}, 2, "--first"),
        (["sessions", "vanish"], {}, 2, "No such command"),
        (["sessions", "view", "nonsense!"], {}, 2, "not a session id"),
        (["sessions", "list"], {"COGMILL_URL": "http://127.0.0.1:9"}, 1, "No server answers"),
    ],
)
def test_errors_as_json_on_stderr(cogmill, served, arguments, environment, code, words):
    known = {"COGMILL_URL": served.url, "COGMILL_API_KEY": served.keys["org_key"]}
    done = cogmill(*arguments, "--json", **(known | environment))
    assert (done.code, done.out) == (code, "")
    error = json.loads(done.err.splitlines()[-1])["error"]
    assert error["exit_code"] == code
    assert words in error["message"]
    plain = cogmill(*arguments, **(known | environment))
    assert (plain.code, plain.out) == (code, "")
    assert words.lower() in plain.err.lower()
