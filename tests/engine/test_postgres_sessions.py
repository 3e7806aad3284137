"""Sessions over a real PostgreSQL: fifty at once, killed with -9 and taken up again, streams resumed."""

import json
import signal
import time

import pytest

from tests.serving import Served

TWO = "# One\n```sh\necho one\n```\n# Two\n```sh\necho two\n```"
LONG = "# One\n```sh\necho one >> log\n```\n# Two\n```sh retry=never\nsleep 60\n```\n# Three\n```sh\ncat log\n```"


@pytest.fixture(scope="module")
def served(tmp_path_factory, cluster):
    url = cluster.create()
    server = Served(tmp_path_factory.mktemp("postgres") / "data", COGMILL_DATABASE_URL=url)
    server.start()
    yield server
    server.close()
    cluster.drop(url)


def kinds(served, session_id):
    return [event["event_type"] for event in served.events(session_id)]


def follow(served, session_id, after, until):
    """Events behind `after`, from the live stream, until one satisfies."""
    address = f"/v3/organizations/sessions/{session_id}/events/stream"
    seen = []
    with served.client.stream("GET", address, headers={"last-event-id": str(after)}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line[6:]))
                if until(seen[-1]):
                    break
    return seen


def test_fifty_at_once_complete(served):
    ids = [served.create(TWO) for _ in range(50)]
    for session_id in ids:
        assert served.wait(session_id, "finished", seconds=60)["acus_consumed"] > 0
    assert not list(served.data.glob("cogmill.db*"))  # it is really PostgreSQL


def test_kill_9_loses_nothing_and_streams_go_on(served):
    session_id = served.create(LONG)
    first = follow(served, session_id, 0, lambda event: event["contents"].get("title") == "Two")
    served.end(signal.SIGKILL)
    served.start()
    session = served.wait(session_id, "waiting_for_user")  # Two must not be repeated: the user decides
    assert session["status"] == "running"
    served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json={"message": "skip"})
    served.wait(session_id, "finished")
    rest = follow(
        served, session_id, first[-1]["seq"], lambda event: event["contents"].get("status_detail") == "finished"
    )
    assert [event["seq"] for event in first + rest] == list(range(1, len(first + rest) + 1))
    assert kinds(served, session_id) == [event["event_type"] for event in first + rest]
    assert kinds(served, session_id).count("shell_process_interrupted") == 1
    last = [one["contents"]["output"] for one in rest if one["event_type"] == "shell_process_completed"][-1]
    assert last == "one\n"


def test_terminate_and_sigterm(served):
    session_id = served.create(LONG)
    until = time.monotonic() + 10
    while "shell_process_completed" not in kinds(served, session_id):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert served.client.delete(f"/v3/organizations/sessions/{session_id}").json()["status"] == "exit"
    assert served.end() == 0
