"""kill -9 at every named point: the session goes on behind its last finished step, and nothing is doubled silently."""

import contextlib
import json
import sqlite3
import subprocess

import pytest

from cogmill.domain.sessions.states import rebuild
from cogmill.domain.usage.verify import check
from cogmill.kit.db import sqlite_engine
from tests.serving import Served

PROMPT = """# One
```sh
echo 1 >> /workspace/log
```
# Two
```sh
echo 2 >> /workspace/log; sleep 0.6
```
# Change
```sh
cd /workspace/calc && (git log --oneline | grep -q Fix || (echo "x = 2" > a.py && git commit -qam Fix))
```
# Last
```sh
cat /workspace/log
```
"""
POINTS = [
    "claim_before_commit", "claimed", "sandbox_started", "started", "clone_begun", "clone_made", "step_started",
    "step_started:3", "step_acted", "step_acted:3", "step_completed", "step_completed:2", "step_completed:4",
    "bundle_made", "pushed", "pull_request_recorded", "turn_ended", "before_settle", "settled",
]  # fmt: skip


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "calc"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path / "data")
    yield server
    server.close()


@pytest.mark.parametrize("point", POINTS)
def test_goes_on_after_kill_9(served, repository, point):
    served.start(COGMILL_CRASH_AT=point)
    session_id = served.create(PROMPT, repos=[str(repository)])
    assert served.process.wait(30) == -9  # it did meet the point
    served.start()
    session = served.wait(session_id, "finished", "suspended", "error", seconds=20)
    assert session["status_detail"] == "finished", served.events(session_id)[-3:]
    assert len(session["pull_requests"]) == 1
    log = served.events(session_id)
    assert_nothing_doubled(log)
    served.end()
    assert_row_follows_log(served.data / "cogmill.db", session_id)
    with contextlib.closing(sqlite_engine(f"sqlite:///{served.data / 'cogmill.db'}").connect()) as db:
        found = check(db)
        assert found.records > 0
        assert found.first == []
        db.engine.dispose()


def assert_nothing_doubled(log):
    completed = [e["contents"]["key"] for e in log if e["event_type"].endswith("_completed")]
    assert len(completed) == len(set(completed))
    runs, marked = {}, {}
    for event in log:
        key = event["contents"].get("key")
        if event["event_type"].endswith("_started"):
            runs[key] = runs.get(key, 0) + 1
        elif event["event_type"].endswith("_interrupted"):
            marked[key] = marked.get(key, 0) + 1
    assert {key: n - 1 for key, n in runs.items() if n > 1} == marked
    lines = next(
        e for e in log if e["contents"].get("title") == "Last" and e["event_type"] == "shell_process_completed"
    )
    written = lines["contents"]["output"].split()
    doubled = {"1": marked.get("block-1", 0), "2": marked.get("block-2", 0)}
    for line, cut in doubled.items():
        assert 1 <= written.count(line) <= 1 + cut


def assert_row_follows_log(database, session_id):
    with sqlite3.connect(database) as db:
        row = db.execute(
            "SELECT id, status, status_detail, last_seq, acus_micro, title FROM session WHERE session_id = ?",
            [session_id],
        ).fetchone()
        events = db.execute(
            "SELECT seq, event_type, contents FROM session_event WHERE session = ? ORDER BY seq", row[:1]
        )
        known = rebuild((seq, kind, json.loads(contents)) for seq, kind, contents in events)
    db.close()
    assert (known.state.status, known.state.detail, known.last_seq, known.acus_micro, known.title) == row[1:]
