"""A real server tells that it is there, and takes no sessions while it is drained."""

import json
import signal
import subprocess
import sys
import time

import httpx
import pytest

from tests.serving import Served


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path / "data")
    server.start()
    yield server
    server.close()


def command(served, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "cogmill", "hypervisors", *arguments, "--data", str(served.data), "--json"],
        capture_output=True, text=True, env=served.environment, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def states(served):
    key = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    answer = httpx.get(f"{served.url}/v3/enterprise/hypervisors?status=all", headers=key)
    return [one["status"] for one in answer.json()["items"]]


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_server_is_listed_while_it_works_and_after_it_has_ended(served):
    until(lambda: states(served) == ["available"])
    served.end()
    (shown,) = command(served, "list")
    assert (shown["status"], shown["running"]) == ("terminated", 0)
    served.start()
    until(lambda: states(served) == ["available"])
    served.end(signal.SIGKILL)
    (killed,) = command(served, "list")
    assert killed["hypervisor_id"] == shown["hypervisor_id"]
    assert killed["status"] in {"available", "disconnected"}


def test_a_drained_server_ends_what_runs_and_takes_nothing_until_it_is_undrained(served):
    running = served.create("# Wait\n```sh\nwhile [ ! -e go ]; do sleep 0.05; done; echo done\n```")
    until(lambda: any(one["event_type"].endswith("_started") for one in served.events(running)))
    command(served, "drain")
    assert states(served) == ["draining"]
    until(lambda: "draining" in (served.data / "serve.log").read_text())
    waiting = served.create("# One\n```sh\necho one\n```")
    (workspace,) = (served.data / "sessions").glob("*/workspace")
    (workspace / "go").touch()
    served.wait(running, "finished")
    assert served.get(waiting)["status"] == "new"
    served.end()
    served.start()
    assert states(served) == ["draining"]
    assert served.get(waiting)["status"] == "new"
    assert served.client.get("/readyz").status_code == 200
    command(served, "undrain")
    served.wait(waiting, "finished")
