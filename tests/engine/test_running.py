"""Sessions that really run: steps, streams, messages, sleep, end, stop of the server, limits, secrets."""

import json
import os
import subprocess
import time

import pytest

from tests.serving import Served

TWO = "# One\n```sh\necho one\n```\n# Two\n```sh\necho two\n```"
SLOW = "# One\n```sh\necho begun; sleep 97531 & setsid sleep 97532 & sleep 97533\n```"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("running") / "data")
    server.start()
    yield server
    server.close()


def processes(text):
    return subprocess.run(["pgrep", "-f", text], capture_output=True, text=True, check=False).stdout.split()


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_two_hundred_at_once_complete(served):
    ids = [served.create(TWO) for _ in range(200)]
    for session_id in ids:
        session = served.wait(session_id, "finished", seconds=60)
        assert session["acus_consumed"] > 0


def test_stream_has_every_event_once_and_resumes(served):
    session_id = served.create(TWO)
    served.wait(session_id, "finished")
    expected = [e["event_id"] for e in served.events(session_id)]

    def follow(after, most):
        seen = []
        with served.client.stream(
            "GET", f"/v3/organizations/sessions/{session_id}/events/stream", headers={"last-event-id": str(after)}
        ) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:]))
                    if len(seen) == most:
                        return seen
        return seen

    first = follow(0, 3)
    rest = follow(first[-1]["seq"], len(expected) - 3)
    assert [e["event_id"] for e in first + rest] == expected
    assert [e["seq"] for e in first + rest] == list(range(1, len(expected) + 1))


def test_stream_ends_with_the_session(served):
    session_id = served.create(SLOW)
    wait_for(lambda: processes("sleep 97533"))
    served.client.delete(f"/v3/organizations/sessions/{session_id}")
    with served.client.stream("GET", f"/v3/organizations/sessions/{session_id}/events/stream") as stream:
        text = "".join(stream.iter_text())
    assert '"status": "exit"' in text.replace('":"', '": "')


def test_terminate_kills_everything_within_two_seconds(served):
    session_id = served.create(SLOW)
    wait_for(lambda: processes("sleep 97532"))
    assert served.client.delete(f"/v3/organizations/sessions/{session_id}").json()["status"] == "exit"
    wait_for(lambda: not processes("sleep 9753"), seconds=2)
    refused = served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json={"message": "go on"})
    assert refused.status_code == 409
    assert refused.headers["x-should-retry"] == "false"


def test_sleep_and_message_wakes(served):
    session_id = served.create("# Wait\n```sh retry=never\nsleep 97541\n```")
    wait_for(lambda: processes("sleep 97541"))
    org = served.keys["org_id"]
    slept = served.client.post(f"/cogmill/v1/organizations/{org}/sessions/{session_id}/sleep").json()
    assert (slept["status"], slept["status_detail"]) == ("suspended", "user_request")
    wait_for(lambda: not processes("sleep 97541"), seconds=2)
    said = served.client.post(
        f"/v3/organizations/sessions/{session_id}/messages", json={"message": "# Now\n```sh\necho woken\n```"}
    )
    assert said.json()["status"] == "resuming"
    served.wait(session_id, "finished", "waiting_for_user")
    kinds = [e["event_type"] for e in served.events(session_id)]
    assert "shell_process_interrupted" in kinds


def test_shell_keeps_its_state_between_blocks_and_after_a_restart(served):
    prompt = "# A\n```sh\ncd /tmp; export X=7; y=8\n```\n# B\n```sh\necho $X$y; pwd; false\n```"
    session_id = served.create(prompt)
    served.wait(session_id, "waiting_for_user")
    served.client.post(
        f"/v3/organizations/sessions/{session_id}/messages", json={"message": "# C\n```sh\necho again $X$y $PWD\n```"}
    )
    served.wait(session_id, "finished")
    outputs = [
        e["contents"]["output"] for e in served.events(session_id) if e["event_type"] == "shell_process_completed"
    ]
    assert "78" in outputs[1]
    assert "again 78 /tmp" in outputs[2]


def test_secrets_reach_commands_and_nothing_else(served):
    canary = "canary-9f3a6c71d2"
    prompt = '# Use it\n```sh\necho $API_TOKEN; echo -n $API_TOKEN | base64; env > e.txt; test "$API_TOKEN"\n```'
    session_id = served.create(prompt, session_secrets=[{"key": "API-TOKEN", "value": canary}])
    served.wait(session_id, "finished")
    everything = json.dumps(served.events(session_id))
    assert canary not in everything
    assert "[secret API_TOKEN]" in everything
    stored = (
        b"".join(file.read_bytes() for file in served.data.glob("cogmill.db*"))
        + (served.data / "serve.log").read_bytes()
    )
    assert canary.encode() not in stored


def test_a_commit_that_holds_a_secret_is_not_pushed(served, tmp_path):
    canary = "canary-0b6e2f9d41"
    folder = tmp_path / "leaky"
    folder.mkdir()
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], [*identity, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    organization = f"/v3/organizations/{served.keys['org_id']}"
    made = served.client.post(
        f"{organization}/secrets", json={"type": "key-value", "key": "DEPLOY", "value": canary}
    ).json()
    leak = "cd /workspace/leaky && echo -n $DEPLOY | base64 > key.txt && git add . && git commit -qm 'Add key'"
    session_id = served.create(f"# Leak\n```sh\n{leak}\n```", repos=[str(folder)])
    try:
        served.wait(session_id, "finished", "waiting_for_user")
        everything = json.dumps(served.events(session_id))
        assert "The commits hold the value of DEPLOY" in everything
        assert canary not in everything
        assert served.get(session_id)["pull_requests"] == []
    finally:
        served.client.delete(f"{organization}/secrets/{made['secret_id']}").raise_for_status()


def test_max_acu_limit_suspends(served):
    session_id = served.create("# Long\n```sh\nsleep 0.2\n```", max_acu_limit=1)
    assert served.wait(session_id, "finished")["acus_consumed"] < 1


@pytest.mark.parametrize("how", ["terminate", "archive", "sleep"])
def test_the_time_of_a_stopped_step_is_charged(served, how):
    session_id = served.create("# Long\n```sh\nsleep 97541\n```")
    wait_for(lambda: processes("sleep 97541"))
    time.sleep(0.9)
    path = f"/v3/organizations/sessions/{session_id}"
    sleep = f"/cogmill/v1/organizations/{served.get(session_id)['org_id']}/sessions/{session_id}/sleep"
    method, path = {"terminate": ("DELETE", path), "archive": ("POST", f"{path}/archive"), "sleep": ("POST", sleep)}[
        how
    ]
    used = served.client.request(method, path).json()["acus_consumed"]
    assert 0.9 / 900 < used < 30 / 900
    booked = sum(event["contents"].get("acus", 0) for event in served.events(session_id))
    assert booked == pytest.approx(used, abs=1e-9)
    time.sleep(0.2)
    assert served.get(session_id)["acus_consumed"] == used  # asleep or ended, it costs nothing


def test_output_events_hold_the_whole_output(served):
    session_id = served.create("# Talk\n```sh\necho one; sleep 0.7; echo two; printf three\n```")
    served.wait(session_id, "finished")
    log = served.events(session_id)
    live = [e["contents"]["output"] for e in log if e["event_type"] == "shell_process_output"]
    assert "".join(live) == "one\ntwo\nthree"
    assert [e["contents"]["output"] for e in log if e["event_type"] == "shell_process_completed"] == ["".join(live)]


def test_other_sessions_and_the_host_are_out_of_reach(served):
    other = served.create("# Hide\n```sh\necho hidden > /workspace/mine.txt\n```")
    served.wait(other, "finished")
    hidden = served.data / "sessions" / other / "workspace" / "mine.txt"
    # Spelled so that no guardrail sees it: the sandbox has to hold alone.
    tries = [
        f"cat {hidden}", f"ls {served.data}", "cat /etc/shado*", "ls /root", "ls /home/* | grep -v agent",
        f"kill -9 {os.getpid()}", "cat /proc/1/root/etc/hostname && ls /proc/1/root/root", "mount -t tmpfs none /mnt",
        "unshare -Ur true", "touch /usr/bin/evil", "echo > /dev/tcp/127.0.0.1/" + str(served.port), "dmesg",
        "cd /etc && ln -s $PWD/shado* /workspace/s; cat /workspace/s",
    ]  # fmt: skip
    blocks = "\n".join(f"# Try {n}\n```sh allow-failure\n{one} && echo ESCAPED\n```" for n, one in enumerate(tries))
    session_id = served.create(blocks)
    served.wait(session_id, "finished")
    for event in served.events(session_id):
        if event["event_type"] == "shell_process_completed":
            assert "ESCAPED" not in event["contents"]["output"], event["contents"]


def test_fork_bomb_and_output_flood_leave_the_server_well(served):
    prompt = (
        "# Bomb\n```sh timeout=3 allow-failure\nbomb() { bomb | bomb & }; bomb; sleep 2\n```\n"
        "# Flood\n```sh timeout=2 allow-failure\nyes\n```\n# After\n```sh\necho well\n```"
    )
    session_id = served.create(prompt)
    served.wait(session_id, "finished", seconds=40)
    assert served.client.get("/readyz").status_code == 200


def test_sigterm_is_clean_and_goes_on(tmp_path):
    server = Served(tmp_path / "data")
    try:
        server.start(COGMILL_SHUTDOWN_GRACE_SECONDS="0.2")
        session_id = server.create("# A\n```sh\necho a\n```\n# B\n```sh\nsleep 2; echo b\n```")
        wait_for(lambda: any(e["event_type"] == "shell_process_completed" for e in server.events(session_id)))
        assert server.end() == 0
        server.start()
        server.wait(session_id, "finished")
        done = [e for e in server.events(session_id) if e["event_type"] == "shell_process_completed"]
        assert [e["contents"]["title"] for e in done] == ["A", "B"]
    finally:
        server.close()


def test_waiting_session_is_suspended_for_inactivity(tmp_path):
    server = Served(tmp_path / "data")
    try:
        server.start(COGMILL_IDLE_SUSPEND_SECONDS="0.3")
        session_id = server.create(TWO)
        assert server.wait(session_id, "inactivity")["status"] == "suspended"
    finally:
        server.close()


def test_files_of_ended_sessions_are_removed_and_others_stay(tmp_path_factory):
    root = tmp_path_factory.mktemp("cleaned")
    server = Served(root / "data", COGMILL_WORKSPACE_KEEP_HOURS="0")
    server.start()
    locked = "# One\n```sh\nmkdir -p deep/er && touch deep/er/file && ln -s / deep/root && chmod 500 deep/er deep\n```"
    try:
        ended, alive = server.create(locked), server.create(TWO)
        for session_id in (ended, alive):
            server.wait(session_id, "finished")
        server.client.delete(f"/v3/organizations/sessions/{ended}").raise_for_status()
        server.end()
        server.start()
        wait_for(lambda: not (root / "data/sessions" / ended).exists())
        assert (root / "data/sessions" / alive).exists()
        assert [e["event_type"] for e in server.events(ended)]
        server.client.post(f"/v3/organizations/sessions/{alive}/messages", json={"message": TWO}).raise_for_status()
        server.wait(alive, "finished")
    finally:
        server.close()
