"""Limits and deletion of organizations, seen by sessions that really run."""

import json
import subprocess
import sys
import time

import httpx
import pytest

from tests.serving import Served

BASE = "/v3/enterprise/organizations"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("organizations") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def admin(served):
    headers = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=30) as client:
        yield client


def change(admin, org, **limits):
    assert admin.patch(f"{BASE}/{org}", json=limits).status_code == 200


def alive(text):
    return subprocess.run(["pgrep", "-f", text], capture_output=True, text=True, check=False).stdout.split()


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_organizations_limit_holds_where_the_session_has_none(served, admin):
    org = served.keys["org_id"]
    change(admin, org, max_session_acu_limit=0)
    session_id = served.create("# One\n```sh\necho one\n```")
    served.wait(session_id, "usage_limit_exceeded")
    reasons = [one["contents"]["reason"] for one in served.events(session_id) if one["event_type"] == "limit_reached"]
    assert "The max_session_acu_limit of the organization is 0 ACUs" in reasons[0]
    assert "raised, then write a message" in reasons[0]
    change(admin, org, max_session_acu_limit=None)
    served.client.post(f"/v3/organizations/{org}/sessions/{session_id}/messages", json={"message": "Go on"})
    served.wait(session_id, "finished")


def test_a_stopped_organization_stops_what_runs_and_lets_it_go_on_later(served, admin):
    org = served.keys["org_id"]
    session_id = served.create("# Long\n```sh\nsleep 86411\n```")
    wait_for(lambda: alive("sleep 86411"))
    change(admin, org, max_cycle_acu_limit=0)
    served.wait(session_id, "org_usage_limit_exceeded")
    wait_for(lambda: not alive("sleep 86411"))
    said = {"message": "Go on"}
    assert served.client.post(f"/v3/organizations/{org}/sessions/{session_id}/messages", json=said).status_code == 200
    served.wait(session_id, "org_usage_limit_exceeded")
    change(admin, org, max_cycle_acu_limit=None)
    served.client.delete(f"/v3/organizations/{org}/sessions/{session_id}")


@pytest.fixture
def beside(served, admin):
    """Another organization than the primary one, which cannot be deleted: its id, and a caller of its own."""
    org = admin.post(BASE, json={"name": "beside"}).json()["org_id"]
    roles = admin.get("/v3/enterprise/roles").json()["items"]
    role = next(one["role_id"] for one in roles if (one["role_type"], one["role_name"]) == ("org", "Member"))
    sent = {"name": "bot", "role_id": role, "ttl_seconds": 3600}
    made = admin.post(f"/v3beta1/organizations/{org}/service-users", json=sent).json()
    headers = {"authorization": f"Bearer {made['token']}"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=30) as client:
        yield org, client


def test_deleting_kills_what_runs_and_restoring_brings_the_key_back(served, admin, beside):
    org, client = beside
    sent = {"prompt": "# Long\n```sh\nsleep 86412\n```"}
    session_id = client.post("/v3/organizations/sessions", json=sent).json()["session_id"]
    wait_for(lambda: alive("sleep 86412"))
    assert admin.delete(f"{BASE}/{org}").status_code == 200
    assert client.get("/v3/self").status_code == 401
    wait_for(lambda: not alive("sleep 86412"))
    command = [sys.executable, "-m", "cogmill", "organizations", "restore", org, "--data", str(served.data), "--json"]
    done = subprocess.run(command, env=served.environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["org_id"] == org
    session = client.get(f"/v3/organizations/sessions/{session_id}").json()
    assert (session["status"], session["status_detail"]) == ("suspended", "user_request")
