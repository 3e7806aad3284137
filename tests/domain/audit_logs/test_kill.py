"""kill -9 in the middle of many changes: the chain holds, and records and changes are the same set."""

import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.serving import Served

KILLS, CLIENTS = 3, 6
ROLES, GROUPS = "/cogmill/v1/enterprise/roles", "/v3/enterprise/idp-groups"


@pytest.fixture
def served(request, database_kind, tmp_path):
    settings = {}
    if database_kind == "postgres":
        cluster = request.getfixturevalue("cluster")
        settings["COGMILL_DATABASE_URL"] = cluster.create()
    server = Served(tmp_path / "data", **settings)
    yield server
    assert (server.data / "cogmill.db").exists() == (database_kind == "sqlite")
    server.close()
    if settings:
        cluster.drop(settings["COGMILL_DATABASE_URL"])


class Load:
    """Clients that change things without pause until their server is gone; remembers which changes were accepted."""

    def __init__(self, served):
        self.served = served
        self.headers = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
        self.accepted = {"create_role": [], "delete_role": [], "register_idp_groups": []}
        self.count = 0
        self.changed = threading.Condition()

    def run_until_killed(self, name, accepted):
        """Kill the server once it has accepted so many more changes, wherever the other ones are then."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._client, f"{name}-{number}") for number in range(CLIENTS)]
            with self.changed:
                until = self.count + accepted
                reached = self.changed.wait_for(lambda: self.count >= until, timeout=60)
            self.served.end(signal.SIGKILL)
        for client in clients:
            client.result()
        assert reached

    def _client(self, name):
        with httpx.Client(base_url=self.served.url, headers=self.headers, timeout=30) as client:
            number = 0
            try:
                while True:
                    number += 1
                    self._change(client, f"{name}-{number}")
            except httpx.TransportError:
                return  # it was killed: whether the last change was made, only the records know

    def _change(self, client, name):
        body = {"name": name, "role_type": "org", "permissions": []}
        role = self._ask("create_role", name, client.post(ROLES, json=body))
        self._ask("register_idp_groups", name, client.post(GROUPS, json={"idp_group_names": [name]}))
        if random.random() < 0.5:
            self._ask("delete_role", name, client.delete(f"{ROLES}/{role['role_id']}"))

    def _ask(self, action, name, answer):
        assert answer.status_code == 200, answer.text
        with self.changed:
            self.accepted[action].append(name)
            self.count += 1
            self.changed.notify()
        return answer.json()

    def everything(self, path):
        """All items of a list, page after page."""
        with httpx.Client(base_url=self.served.url, headers=self.headers, timeout=30) as client:
            found, query = [], {"first": 200}
            while True:
                page = client.get(path, params=query).json()
                found += page["items"]
                if page["end_cursor"] is None:
                    return found
                query["after"] = page["end_cursor"]

    def recorded(self):
        """Names by action, as the audit log has them."""
        found = {action: [] for action in self.accepted}
        for record in self.everything("/v3/enterprise/audit-logs"):
            if record["action"] == "register_idp_groups":
                found["register_idp_groups"] += record["data"]["registered"]
            elif record["action"] in found:
                found[record["action"]].append(record["data"]["role_name"])
        return found


def verify(served):
    command = [sys.executable, "-m", "cogmill", "audit", "verify", "--data", str(served.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=served.environment)


def test_records_and_changes_stay_one_when_the_server_is_killed(served):
    load = Load(served)
    for round_ in range(KILLS):
        served.start()
        load.run_until_killed(f"round-{round_}", random.randint(5, 80))
        checked = verify(served)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    served.start()
    recorded = load.recorded()
    for action, names in load.accepted.items():
        assert Counter(names) - Counter(recorded[action]) == Counter(), f"{action} without a record"
        assert max(Counter(recorded[action]).values()) == 1, f"{action} recorded twice"
    live = {one["role_name"] for one in load.everything(ROLES) if not one["is_default"]}
    assert live == set(recorded["create_role"]) - set(recorded["delete_role"])
    assert {one["idp_group_name"] for one in load.everything(GROUPS)} == set(recorded["register_idp_groups"])
    unanswered = sum(map(len, recorded.values())) - sum(map(len, load.accepted.values()))
    assert 0 <= unanswered <= KILLS * CLIENTS
