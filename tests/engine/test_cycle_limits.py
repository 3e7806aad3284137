"""Limits of a cycle, kept by sessions that really run: commands are cut, all go on once there is more, kill -9."""

import signal
import subprocess
import time

import httpx
import pytest

from tests.engine.agents.provider import StubProvider, call
from tests.serving import Served

LIMITS = "/v3/enterprise/consumption/acu-limits/devin/organizations"
STANDINGS = "/cogmill/v1/enterprise/acu-limits"
LONG = "# Long\n```sh\ntest -e begun && exit\ntouch begun\nsleep {}\n```"


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path / "data", COGMILL_ACU_SECONDS="1")
    yield server
    server.close()


@pytest.fixture
def ask(served):
    headers = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=30) as client:

        def ask(method, path, **body):
            answer = client.request(method, path, **({"json": body} if body else {}))
            assert answer.status_code in {200, 204}, answer.text
            return answer.json() if answer.content else None

        yield ask


def alive(text):
    return subprocess.run(["pgrep", "-f", text], capture_output=True, text=True, check=False).stdout.split()


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_commands_are_cut_at_the_limit_and_sessions_go_on_when_it_is_raised(served, ask):
    """Three sessions share six seconds; then the server is killed, and what they had set aside is not lost."""
    served.start()
    org = served.keys["org_id"]
    ask("PUT", f"{LIMITS}/{org}", cycle_acu_limit=6)
    ids = [served.create(LONG.format(f"8642{n}")) for n in range(3)]
    for session_id in ids:
        served.wait(session_id, "org_usage_limit_exceeded")
    wait_for(lambda: not alive("sleep 8642"))
    used = sum(served.get(one)["acus_consumed"] for one in ids)
    assert 5 < used <= 6
    [standing] = ask("GET", STANDINGS)["items"]
    assert (standing["acus_used"], standing["acus_reserved"]) == (pytest.approx(used), 0)
    reasons = [e["contents"]["reason"] for e in served.events(ids[0]) if e["event_type"] == "limit_reached"]
    assert "The cycle limit of the organization is 6 ACUs" in reasons[-1]
    assert "have it raised, or wait for the next cycle" in reasons[-1]
    refused = served.client.post("/v3/organizations/sessions", json={"prompt": "x"})
    assert refused.status_code in {200, 409}  # what is left may pay for a beginning
    ask("PUT", f"{LIMITS}/{org}", cycle_acu_limit=5)
    refused = served.client.post("/v3/organizations/sessions", json={"prompt": "x"})
    assert (refused.status_code, refused.headers["x-should-retry"]) == (409, "false")
    ask("PUT", f"{LIMITS}/{org}", cycle_acu_limit=10_000)
    for session_id in ids:
        served.client.post(f"/v3/organizations/{org}/sessions/{session_id}/messages", json={"message": "Go on"})
        served.wait(session_id, "finished")
    long = served.create(LONG.format(86429))
    wait_for(lambda: alive("sleep 86429"))
    wait_for(lambda: ask("GET", STANDINGS)["items"][0]["acus_reserved"] > 0)
    served.end(signal.SIGKILL)
    served.start()
    wait_for(lambda: ask("GET", STANDINGS)["items"][0]["acus_reserved"] > 0)
    served.wait(long, "finished")  # its second attempt ends at once
    assert ask("GET", STANDINGS)["items"][0]["acus_reserved"] == 0


def test_a_model_call_that_could_exceed_the_limit_is_not_made(served, ask):
    """A question costs 0.06 ACUs at most, and nearly as much in the end; two sessions ask as long as it fits."""
    with StubProvider() as provider:
        provider.says(*[{"calls": [call("shell", command="true")], "usage": (2_000, 8_000)}] * 40)
        served.start(
            COGMILL_MODEL="stub", COGMILL_MODEL_BASE_URL=provider.url, COGMILL_MODEL_API_KEY="sk-x",
            COGMILL_MODEL_INPUT_USD_PER_MTOK="3", COGMILL_MODEL_OUTPUT_USD_PER_MTOK="15",
            COGMILL_ACU_SECONDS="1000000",
        )  # fmt: skip
        ask("PUT", f"{LIMITS}/{served.keys['org_id']}", cycle_acu_limit=1)
        ids = [served.create(f"Spend {number}.") for number in range(2)]
        for session_id in ids:
            served.wait(session_id, "org_usage_limit_exceeded", seconds=90)
        used = sum(served.get(one)["acus_consumed"] for one in ids)
        assert 0.8 < used <= 1
        [standing] = ask("GET", STANDINGS)["items"]
        assert standing["acus_used"] == pytest.approx(used)
        assert standing["acus_reserved"] == 0
        made = len(provider.requests)
        address = f"/v3/organizations/sessions/{ids[0]}/messages"
        assert served.client.post(address, json={"message": "Go on."}).status_code == 200
        served.wait(ids[0], "org_usage_limit_exceeded")
        assert len(provider.requests) == made
