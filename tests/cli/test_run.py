"""cogmill run: what it sends, what it shows, how it ends."""

import json

import pytest


def sent(stub):
    [(_, _, _, body)] = stub.asked("POST", "/sessions")
    return json.loads(body)


def test_minimal(cogmill, stub):
    done = cogmill("run", "Fix it", "--json")
    assert done.code == 0
    assert done.json["session_id"] in stub.sessions
    assert sent(stub) == {"prompt": "Fix it"}


def test_every_option_reaches_the_server(cogmill, stub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "proj").mkdir()
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    (tmp_path / "rec.json").write_text("{}")
    (tmp_path / "prompt.md").write_text("Do this")
    repos = ["proj", "https://example.org/a.git", "acme/calc", "git@example.org:a/b.git", "/srv/x"]
    options = [part for repo in repos for part in ("--repo", repo)]
    options += [
        "--tag",
        "a",
        "--tag",
        "b",
        "--title",
        "T",
        "--max-acu",
        "3",
        "--mode",
        "fast",
        "--playbook",
        "playbook-1",
    ]
    options += ["--attach", "schema.json", "--recording", "rec.json", "--output-schema", "schema.json"]
    done = cogmill("run", "--prompt-file", "prompt.md", *options)
    assert done.code == 0, done.err
    uploads = f"{stub.base_url}/v3/organizations/org-1/attachments"
    assert sent(stub) == {
        "prompt": "Do this",
        "repos": [str(tmp_path / "proj"), *repos[1:]],
        "agent": "replay",
        "recording": f"{uploads}/att-2/rec.json",
        "attachment_urls": [f"{uploads}/att-1/schema.json"],
        "playbook_id": "playbook-1",
        "title": "T",
        "tags": ["a", "b"],
        "max_acu_limit": 3,
        "devin_mode": "fast",
        "structured_output_schema": {"type": "object"},
    }
    assert "sessions events devin-" in done.err


def test_prompt_from_standard_input(cogmill, stub):
    assert cogmill("run", "--prompt-file", "-", input="From a pipe").code == 0
    assert sent(stub) == {"prompt": "From a pipe"}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [" "],
        ["x", "--prompt-file", "-"],
        ["x", "--agent", "genius"],
        ["x", "--agent", "model", "--recording", __file__],
        ["x", "--repo", "no-such-folder"],
        ["x", "--repo", "./no/such"],
        ["x", "--max-acu", "0"],
        ["x", "--attach", "missing.txt"],
        ["x", "--output-schema", __file__],
        ["--prompt-file", "missing.md"],
    ],
)
def test_bad_input_is_usage_and_asks_nobody(cogmill, stub, arguments):
    done = cogmill("run", *arguments)
    assert done.code == 2
    assert done.err
    assert stub.requests == []


def test_follow_shows_the_work_and_ends_well(cogmill):
    done = cogmill("run", "Fix it", "--follow")
    assert done.code == 0
    for part in (
        "$ pytest -q",
        "│ F1",
        "│ 1 failed",
        "✗ exit 1 · 1.5 s",
        "+    return a + b",
        "Something newer than",
        "Done now.",
    ):
        assert part in done.out
    assert "The session has finished." in done.out
    assert "\x1b" not in done.out


def test_follow_as_json_lines_survives_broken_connections(cogmill, stub):
    stub.cuts = [2, 0, 3]
    done = cogmill("run", "Fix it", "--follow", "--json")
    first, *events, last = done.lines
    assert done.code == 0
    assert [event["seq"] for event in events] == list(range(1, 10))
    assert events == stub.events[first["session_id"]]
    assert (first["session_id"], last["status_detail"]) == (last["session_id"], "finished")
    assert "Reconnecting" in done.err


@pytest.mark.parametrize(
    ("status", "detail", "code", "words"),
    [
        ("running", "finished", 0, "finished"),
        ("exit", None, 0, "ended"),
        ("error", None, 1, "failed"),
        ("running", "waiting_for_user", 1, "waits for your answer"),
        ("running", "waiting_for_approval", 1, "approval"),
        ("suspended", "usage_limit_exceeded", 1, "usage_limit_exceeded"),
    ],
)
def test_how_following_ends(cogmill, stub, status, detail, code, words):
    session = stub.session()
    stub.status(session, "running", "finished")  # an older settled state in the log must not end it
    stub.emit(session, "user_message", {"message": "go on"})
    stub.status(session, status, detail)
    done = cogmill("sessions", "events", session, "--follow")
    assert done.code == code
    assert words in done.out
    assert "go on" in done.out
