"""Sessions of an outpost with a real server, real worker processes, git and the forge; killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from tests.sandbox.conftest import on_host
from tests.serving import Served

QUEUE = "/opbeta/outposts/devins"
BLOCKS = """# One
```sh
cd calc; echo one >> one.txt; cat /workspace/attachments/notes.txt; echo "word $WORD"
```
# Two
```sh
cd /workspace/calc; echo begun >> two.txt; [ $(wc -l < two.txt) -gt 1 ] || sleep 97669200; echo done >> two.txt
```
# Three
```sh
cd /workspace/calc; git add . && git commit -qm 'One and two' && cat one.txt two.txt; env | grep 'DEVIN\\|cog_' || true
```
"""


class Site:
    """A server, an outpost, and workers by name, each with a folder of its own."""

    def __init__(self, served, folder):
        self.served, self.folder = served, folder
        self.top = httpx.Client(
            base_url=served.url, headers={"authorization": f"Bearer {served.keys['enterprise_key']}"}, timeout=30
        )
        made = self.top.post("/opbeta/outposts", json={"name": "Basement"}).json()
        self.outpost_id = made["metadata"]["outpost_id"]
        self.processes = {}

    def work(self, name, *flags):
        command = [sys.executable, "-m", "cogmill", "outposts", "work", "--outpost", "Basement", "--acceptor-id", name]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("COGMILL_", "DEVIN_"))}
        environment |= {"COGMILL_URL": self.served.url, "COGMILL_API_KEY": self.served.keys["enterprise_key"]}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*command, "--state", str(self.folder / name), "--json", *flags],
                env=environment, stdout=log, stderr=log,
            )  # fmt: skip

    def create(self, prompt, **more):
        return self.served.create(prompt, platform=self.outpost_id, agent="runbook", **more)

    def says(self, session_id, message):
        path = f"/v3/organizations/sessions/{session_id}/messages"
        assert self.served.client.post(path, json={"message": message}).status_code == 200

    def types(self, session_id, *without):
        hidden = {"user_message", "title_changed", "session_created", *without}
        return [one["event_type"] for one in self.served.events(session_id) if one["event_type"] not in hidden]

    def ends(self, name, how=signal.SIGTERM):
        self.processes[name].send_signal(how)
        self.processes[name].wait(15)

    def log(self, name):
        return [json.loads(line) for line in (self.folder / f"{name}.log").read_text().splitlines()]

    def close(self):
        for process in self.processes.values():
            process.kill()
        self.top.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outposts")
    served = Served(folder / "data")
    served.start()
    site = Site(served, folder)
    yield site
    site.close()
    served.close()


@pytest.fixture(scope="module")
def repository(site):
    folder = site.folder / "calc"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return str(folder)


def eventually(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.05)
    return found


def outputs(served, session_id):
    return [
        one["contents"]["output"] for one in served.events(session_id) if one["event_type"] == "shell_process_completed"
    ]


def test_a_session_runs_on_a_worker_that_is_killed_and_goes_on_where_it_was(site, repository):
    served = site.served
    file = served.client.post("/v3/organizations/attachments", files={"file": ("notes.txt", b"read me\n")}).json()
    more = {
        "repos": [repository], "attachment_urls": [file["url"]],
        "session_secrets": [{"key": "WORD", "value": "s3cret-word"}],
    }  # fmt: skip
    session_id = site.create(BLOCKS, **more)
    time.sleep(0.3)
    assert served.get(session_id)["status"] == "new"  # nobody is there
    site.work("w1")
    eventually(lambda: on_host("sleep 97669200"))
    claimed = site.top.get(f"{QUEUE}/{session_id}").json()
    assert (claimed["status"]["phase"], claimed["status"]["acceptor_id"]) == ("claimed", "w1")
    refused = site.top.post(f"{QUEUE}/{session_id}/claim", json={"acceptor_id": "w2"})
    assert (refused.status_code, refused.json()["detail"]) == (409, f"{session_id} is claimed by 'w1'.")
    site.ends("w1", signal.SIGKILL)
    eventually(lambda: not on_host("sleep 97669200"), 5)
    eventually(lambda: site.top.get(f"{QUEUE}/{session_id}").json()["status"]["phase"] == "pending", 5)
    waiting = site.top.get(QUEUE, params={"phase": "pending"}).json()["items"]
    assert [(one["metadata"]["session_id"], one["spec"]["kind"]) for one in waiting] == [(session_id, "resume")]
    site.work("w1")
    session = served.wait(session_id, "finished")
    # Begun twice and done once: the cut step is marked and run again; the files of before are still there.
    assert outputs(served, session_id) == ["read me\nword [secret WORD]\n", "", "one\nbegun\nbegun\ndone\n"]
    assert site.types(session_id, "shell_process_output", "devin_message", "workspace_diff") == [
        "secrets_provided", "status_changed", "worker_joined", "status_changed",
        "git_clone_started", "git_clone_completed", "file_write_started", "file_write_completed",
        "shell_process_started", "shell_process_completed", "shell_process_started",
        "worker_left", "worker_joined", "shell_process_interrupted", "shell_process_started",
        "shell_process_completed", "shell_process_started", "shell_process_completed", "git_status_completed",
        "pull_request_started", "pull_request_completed", "status_changed",
    ]  # fmt: skip
    assert len(session["pull_requests"]) == 1
    # The same session on another machine: what was pushed is there, what was not is gone, and the log says so.
    site.says(session_id, "# Leave\n```sh\necho gone > /workspace/calc/untracked\n```")
    eventually(
        lambda: "gone" in str(served.events(session_id)[-3:]) or served.get(session_id)["status_detail"] == "finished"
    )
    served.wait(session_id, "finished")
    site.ends("w1")
    assert site.log("w1")[-1]["event"] == "ended"
    site.work("w2", "--head-start", "0.5")
    site.says(
        session_id, "# Look\n```sh\ncd /workspace/calc; git log --format=%s; ls; cat ../attachments/notes.txt\n```"
    )
    eventually(lambda: len(outputs(served, session_id)) == 5)
    assert outputs(served, session_id)[-1] == "One and two\nfirst\na.py\none.txt\ntwo.txt\nread me\n"
    assert "workspace_lost" in site.types(session_id)
    # Ended: its processes and its entry are gone, and the worker waits for the next session.
    served.wait(session_id, "finished")
    site.says(session_id, "# Nap\n```sh\nsleep 97669201 & sleep 97669202\n```")
    eventually(lambda: on_host("sleep 97669202"))
    assert served.client.delete(f"/v3/organizations/sessions/{session_id}").status_code == 200
    eventually(lambda: not on_host("sleep 9766920"), 3)
    assert site.top.get(f"{QUEUE}/{session_id}").status_code == 404
    eventually(lambda: not list((site.folder / "w2" / "sessions").iterdir()))
    site.ends("w2")


def test_a_server_that_is_killed_finds_its_sessions_and_workers_again(site):
    served = site.served
    session_id = site.create(
        "# One\n```sh\necho once >> log; [ $(wc -l < log) -gt 1 ] || sleep 97669203\n```\n# Two\n```sh\ncat log\n```"
    )
    site.work("w3", "--once")
    eventually(lambda: on_host("sleep 97669203"))
    served.end(signal.SIGKILL)
    eventually(lambda: not on_host("sleep 97669203"), 5)
    served.start()
    served.wait(session_id, "finished", seconds=40)
    types = site.types(session_id)
    assert types.count("session_recovered") == types.count("shell_process_interrupted") == 1
    assert outputs(served, session_id)[-1] == "once\nonce\n"
    slept = served.client.post(f"/cogmill/v1/organizations/{served.keys['org_id']}/sessions/{session_id}/sleep")
    assert slept.status_code == 200
    assert site.processes["w3"].wait(20) == 0  # it has served its one session
    assert [one["event"] for one in site.log("w3")][-1] == "released"
    entry = site.top.get(f"{QUEUE}/{session_id}").json()
    assert (entry["status"]["phase"], entry["status"]["session_status"]) == ("pending", "suspended")
    served.client.delete(f"/v3/organizations/sessions/{session_id}")


def test_the_gateway_lets_in_a_token_once_and_in_time(site):
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    session_id = site.create("# One\n```sh\ntrue\n```")
    claim = site.top.post(f"{QUEUE}/{session_id}/claim", json={"acceptor_id": "hand"}).json()["status"]
    assert claim["gateway_url"] == site.served.url.replace("http", "ws") + "/opbeta/outposts/gateway"

    def enter(token, session=session_id):
        headers = {"authorization": f"Bearer {token}", "x-outpost-session": session}
        return connect(claim["gateway_url"], additional_headers=headers)

    key = site.served.keys["enterprise_key"]
    for token, session in (("cogc_x", session_id), (key, session_id), (claim["connect_token"], "devin-" + "0" * 32)):
        with pytest.raises(InvalidStatus) as refused:
            enter(token, session)
        assert refused.value.response.status_code == 403
        assert "Claim the session again" in json.loads(refused.value.response.body)["detail"]
    with enter(claim["connect_token"]) as socket:
        with pytest.raises(InvalidStatus):
            enter(claim["connect_token"])
        socket.send(b"no frame")
        assert site.top.get(f"{QUEUE}/{session_id}").json()["status"]["claim_deadline"] is None
    eventually(lambda: site.top.get(f"{QUEUE}/{session_id}").json()["status"]["phase"] == "pending", 5)
    left = [one["contents"]["reason"] for one in site.served.events(session_id) if one["event_type"] == "worker_left"]
    assert left == ["Worker hand has left: A frame is cut off."]
    stored = (site.served.data / "cogmill.db").read_bytes() + (site.served.data / "serve.log").read_bytes()
    assert claim["connect_token"].encode() not in stored
    site.served.client.delete(f"/v3/organizations/sessions/{session_id}")


def test_commands_of_administrators(site):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COGMILL_", "DEVIN_"))}
    environment |= {"COGMILL_URL": site.served.url, "COGMILL_API_KEY": site.served.keys["enterprise_key"]}

    def cogmill(*words, code=0, **more):
        command = [sys.executable, "-m", "cogmill", "outposts", *words]
        done = subprocess.run(command, env=environment | more, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    made = json.loads(cogmill("create", "Attic", "--org", site.served.keys["org_id"], "--json"))
    assert made["spec"]["allowed_org_ids"] == [site.served.keys["org_id"]]
    assert "Attic" in cogmill("list")
    assert site.served.keys["org_id"] in cogmill("view", "Attic")
    session_id = site.served.create("Wait.", platform=made["metadata"]["outpost_id"])
    assert session_id in cogmill("queue", "Attic", "--phase", "pending")
    assert [one["metadata"]["session_id"] for one in json.loads(cogmill("queue", "--json"))["items"]] == [session_id]
    assert "have not ended" in cogmill("delete", "Attic", code=3)
    site.served.client.delete(f"/v3/organizations/sessions/{session_id}")
    assert "deleted: Attic" in cogmill("delete", "Attic")
    assert "no outpost 'Attic'" in cogmill("work", "--outpost", "Attic", code=2)
    assert "DEVIN_OUTPOST_GATEWAY_URL" in cogmill("remote", code=1)
    given = {
        "DEVIN_OUTPOST_GATEWAY_URL": site.served.url.replace("http", "ws") + "/opbeta/outposts/gateway",
        "DEVIN_OUTPOST_CONNECT_TOKEN": "cogc_x", "DEVIN_OUTPOST_SESSION_ID": session_id,
        "DEVIN_REMOTE_STATE_DIR": str(site.folder / "by-hand"),
    }  # fmt: skip
    assert "Claim the session again" in cogmill("remote", code=1, **given)
