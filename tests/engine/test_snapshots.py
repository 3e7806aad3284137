"""Snapshots that are really built, and sessions that really start from them."""

import signal
import sqlite3
import subprocess
import time

import pytest

from tests.serving import Served

SETUP = "/v3beta1/organizations/{org}/snapshot-setup"
ORG_BLUEPRINT = """
initialize:
  - name: Tools
    run: |
      mkdir -p ~/.local/bin
      printf '#!/bin/sh\\necho tool %s\\n' "$KIND" >~/.local/bin/tool
      chmod +x ~/.local/bin/tool
      echo "GREETING='hello from the build'" >>"$ENVRC"
    env:
      KIND: sharp
  - echo "the token is $NPM_TOKEN"; printf %s "$NPM_TOKEN" | base64
maintenance: |
  echo "settings: $(cat "$FILE_SETTINGS_XML")"; tool
knowledge:
  - name: lint
    contents: make lint
post-build: test -f /workspace/calc/installed && echo all is there
"""
REPO_BLUEPRINT = """
initialize: pwd
maintenance: |
  ls a.py && touch installed && mkdir -p big && head -c 100000 /dev/zero >big/file
knowledge:
  - name: test
    contents: pytest -q
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repos") / "calc"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    (folder / ".gitignore").write_text("installed\nbig\n")
    commit(folder, "first", init=True)
    return folder


def commit(folder, message, *, init=False):
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in ([["init", "-q", "-b", "main"]] if init else []) + [
        ["add", "."], [*identity, "commit", "-qm", message],
    ]:  # fmt: skip
        subprocess.run(["git", *command], cwd=folder, check=True)


class Environments:
    """The snapshot set-up of a served organization, over HTTP."""

    def __init__(self, served):
        self.served = served
        self.base = SETUP.format(org=served.keys["org_id"])

    def ask(self, method, path, expect=200, **more):
        answer = self.served.client.request(method, self.base + path, **more)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    def blueprint(self, contents, **more):
        return self.ask("POST", "/blueprints", 201, json={"contents": contents, **more})["blueprint_id"]

    def trigger(self):
        return self.ask("POST", "/builds", 201, json={})["build_id"]

    def wait(self, build_id, *statuses, seconds=30):
        until = time.monotonic() + seconds
        while (build := self.ask("GET", f"/builds/{build_id}"))["status"] not in statuses:
            assert time.monotonic() < until, (build, self.log(build_id))
            time.sleep(0.05)
        return build

    def build(self, status="succeeded"):
        build_id = self.trigger()
        build = self.wait(build_id, "succeeded", "failed", "cancelled")
        assert build["status"] == status, (build, self.log(build_id))
        return build_id

    def log(self, build_id, more=""):
        link = self.ask("GET", f"/builds/{build_id}/logs")
        return self.served.client.get(link["url"] + more, headers={"authorization": ""}).text


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("snapshots") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def built(served, repository):
    """An organization with a secret, three blueprints, a file, and a build of them."""
    environments = Environments(served)
    organization = f"/v3/organizations/{served.keys['org_id']}"
    secret = {"type": "key-value", "key": "NPM_TOKEN", "value": "token-of-the-registry"}
    assert served.client.post(f"{organization}/secrets", json=secret).status_code == 200
    top = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    shared = {"contents": "initialize: echo first >>~/order"}
    answer = served.client.post("/v3beta1/enterprise/snapshot-setup/blueprints", json=shared, headers=top)
    assert answer.status_code == 201, answer.text
    environments.blueprint(REPO_BLUEPRINT, repo_name=str(repository))
    org = environments.blueprint(ORG_BLUEPRINT)
    file = {"file": ("any", b"<settings/>")}
    environments.ask("POST", f"/blueprints/{org}/files", 201, params={"name": "settings.xml"}, files=file)
    environments.build_id = environments.build()
    return environments


def session(served, script, **more):
    session_id = served.create(f"```sh\n{script}\n```", **more)
    served.wait(session_id, "finished", "error", "suspended")
    events = served.events(session_id)
    steps = [one["contents"] for one in events if one["event_type"] == "shell_process_completed"]
    return session_id, steps[0]["output"], events


def test_the_log_tells_every_step_in_order_and_no_secret(built):
    text = built.log(built.build_id)
    order = ["Enterprise: initialize", "Organization: Tools", "settings: <settings/>\ntool sharp", "Cloning",
             "calc: maintenance", "Organization: post-build", "all is there", "The snapshot is ready."]  # fmt: skip
    places = [text.index(one) for one in order]
    assert places == sorted(places), text
    assert "[secret NPM_TOKEN]" in text
    assert "token-of-the" not in text
    assert "dG9rZW4tb2YtdGhl" not in text
    assert built.log(built.build_id, "&offset=6&limit=5") == text[6:11]
    assert built.log(built.build_id, f"&limit={2**62}") == built.log(built.build_id, f"&limit={2**80}") == text
    assert built.log(built.build_id, f"&offset={2**80}") == ""


def test_a_session_starts_from_the_snapshot(served, built, repository):
    script = "pwd; cat ~/order; tool; echo $GREETING; ls /workspace/calc; git -C /workspace/calc status --short"
    session_id, output, events = session(served, script, repos=[str(repository)])
    assert output.split() == [
        "/workspace", "first", "tool", "sharp", "hello", "from", "the", "build", "a.py", "big", "installed",
    ]  # fmt: skip
    (told,) = [one for one in events if one["event_type"] == "snapshot_selected"]
    assert told["contents"]["build_id"] == built.build_id
    (clone,) = [one["contents"] for one in events if one["event_type"] == "git_clone_completed"]
    assert clone["path"] == "/workspace/calc"
    assert session_id[6:14] in clone["work_branch"]


def test_what_a_session_writes_stays_in_it_and_outlives_a_kill(served, built, repository):
    script = """cd /workspace/calc && echo y = 2 >a.py && git commit -qam Second && rm installed && echo mine >~/order
mv big moved; dd if=/dev/zero of=/workspace/own bs=1k count=64 2>/dev/null; sleep 0.2"""
    session_id, _, _ = session(served, script, repos=[str(repository)])
    served.end(signal.SIGKILL)
    served.start()
    said = {
        "message": "```sh\ncat ~/order; ls /workspace /workspace/calc; git -C /workspace/calc log --oneline -1\n```"
    }
    answer = served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json=said)
    assert answer.status_code == 200
    served.wait(session_id, "finished")
    (diff,) = [one for one in served.events(session_id) if one["event_type"] == "workspace_diff"][-1]["contents"][
        "diffs"
    ]
    assert "+y = 2" in diff["diff"]
    snapshot = served.data / "snapshots" / built.build_id
    assert (snapshot / "home" / "order").read_text() == "first\n"
    assert (snapshot / "workspace" / "calc" / "a.py").read_text() == "x = 1\n"
    assert (snapshot / "workspace" / "calc" / "installed").exists()
    assert not (snapshot / "workspace" / "own").exists()
    _, output, _ = session(served, "cat ~/order; ls /workspace")
    assert output.split() == ["first", "calc"]


def test_a_pull_request_of_a_session_that_began_with_a_snapshot(served, built, repository):
    (repository / "later.py").write_text("new\n")
    commit(repository, "after the build")
    script = "cd /workspace/calc && cat later.py && echo z = 3 >>a.py && git commit -qam Third"
    session_id, output, _ = session(served, script, repos=[str(repository)])
    assert output == "new\n"
    assert len(served.get(session_id)["pull_requests"]) == 1


def test_pinned_builds_count_until_they_are_unpinned(served, built):
    newer = built.build()
    assert [one["build_id"] for one in built.ask("GET", "/builds?active=true")["items"]] == [newer]
    assert built.ask("POST", f"/builds/{built.build_id}/pin", json={})["pinned"]
    assert [one["build_id"] for one in built.ask("GET", "/builds?active=true")["items"]] == [built.build_id]
    _, _, events = session(served, "true")
    used = [one["contents"]["build_id"] for one in events if one["event_type"] == "snapshot_selected"]
    assert used == [built.build_id]
    assert not built.ask("DELETE", f"/builds/{built.build_id}/pin")["pinned"]
    assert [one["build_id"] for one in built.ask("GET", "/builds?active=true")["items"]] == [newer]


def test_a_failing_step_is_named_and_the_snapshot_stays_the_old_one(served, built):
    active = built.ask("GET", "/builds?active=true")["items"][0]["build_id"]
    org = next(one for one in built.ask("GET", "/blueprints")["data"] if one["type"] == "org")
    broken = "initialize:\n  - name: Break\n    run: |\n      echo before\n      false\n      echo after\n"
    built.ask("PATCH", f"/blueprints/{org['blueprint_id']}", json={"contents": broken})
    failed = built.build("failed")
    assert built.ask("GET", f"/builds/{failed}")["failed_step"] == "Organization: Break: exit code 1"
    text = built.log(failed)
    assert "before" in text
    assert "after" not in text
    assert "FAILED: Organization: Break: exit code 1" in text
    assert built.ask("GET", "/builds?active=true")["items"][0]["build_id"] == active
    assert built.ask("POST", f"/builds/{failed}/pin", 409, json={})["detail"].startswith("Only a build that succeeded")
    assert not (served.data / "snapshots" / failed).exists()
    assert not (served.data / "builds" / failed).exists()


def alive(text):
    return subprocess.run(["pgrep", "-f", text], capture_output=True, text=True, check=False).stdout.split()


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def fresh(tmp_path):
    server = Served(tmp_path / "data")
    server.start()
    yield Environments(server)
    server.close()


def test_cancelling_kills_what_runs_and_builds_wait_for_each_other(fresh):
    fresh.blueprint("initialize: sleep 86421")
    first, second = fresh.trigger(), fresh.trigger()
    wait_for(lambda: alive("sleep 86421"))
    assert fresh.ask("GET", f"/builds/{second}")["status"] == "pending"
    began = time.monotonic()
    assert fresh.ask("POST", f"/builds/{first}/cancel")["status"] == "cancelled"
    fresh.ask("POST", f"/builds/{second}/cancel")
    wait_for(lambda: not alive("sleep 86421"), 2)
    assert time.monotonic() - began < 2
    assert fresh.ask("GET", f"/builds/{second}")["status"] == "cancelled"
    wait_for(lambda: not list((fresh.served.data / "builds").iterdir()))


def test_a_build_goes_on_after_kill_9(fresh):
    fresh.blueprint("initialize: echo once >>~/log; [ -e /workspace/never ] || sleep 3")
    build_id = fresh.trigger()
    wait_for(lambda: fresh.ask("GET", f"/builds/{build_id}")["status"] == "running")
    time.sleep(0.5)
    fresh.served.end(signal.SIGKILL)
    fresh.served.start()
    fresh.wait(build_id, "succeeded")
    assert (fresh.served.data / "snapshots" / build_id / "home" / "log").read_text() == "once\n"
    assert "attempt 2" in fresh.log(build_id)


def test_killed_with_the_snapshot_in_its_place_it_is_built_once_more(fresh):
    fresh.served.end()
    fresh.served.start(COGMILL_CRASH_AT="snapshot_kept")
    fresh.blueprint("initialize: echo one >>~/log")
    build_id = fresh.trigger()
    assert fresh.served.process.wait(30) == -9
    fresh.served.start()
    fresh.wait(build_id, "succeeded")
    assert (fresh.served.data / "snapshots" / build_id / "home" / "log").read_text() == "one\n"
    with sqlite3.connect(fresh.served.data / "cogmill.db") as db:
        assert db.execute("SELECT status, attempt FROM snapshot_build").fetchall() == [("succeeded", 2)]
