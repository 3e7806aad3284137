"""Indexes of a real server: they follow what sessions push, outlive kill -9, and answer the agent."""

import json
import signal
import subprocess
import time

import pytest

from tests.code_index.repository import Repository
from tests.engine.agents.provider import StubProvider, call
from tests.serving import Served

RUNBOOK = """# Change
```sh
cd /workspace/app && printf 'def freshly_pushed():\\n    pass\\n' > fresh.py && git add . && git commit -qm fresh
```
"""


class Indexed:
    """A server, a repository at its forge, and calls on both."""

    def __init__(self, served):
        self.served, self.org = served, served.keys["org_id"]
        self.repository = Repository(served.data / "forge" / self.org / "acme" / "app.git")
        self.base = f"/v3beta1/organizations/{self.org}/repositories"

    def ask(self, method, path, **options):
        answer = self.served.client.request(method, path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def turn_on(self, **body):
        return self.ask("PUT", f"{self.base}/acme/app/indexing", json=body)

    def jobs(self):
        return self.ask("GET", f"/cogmill/v1/organizations/{self.org}/index-jobs")["items"]

    def search(self, query, **more):
        path = f"/cogmill/v1/organizations/{self.org}/code-search"
        return self.ask("GET", path, params={"query": query, **more})["items"]

    def wait(self, condition, seconds=60):
        until = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < until, self.jobs()
            time.sleep(0.05)
        return found

    def wait_done(self):
        return self.wait(lambda: all(one["status"] in {"done", "failed"} for one in self.jobs()) and self.jobs())


@pytest.fixture
def indexed(tmp_path):
    served = Served(tmp_path / "data")
    yield Indexed(served)
    served.close()


def test_an_index_is_built_follows_a_push_and_goes(indexed):
    indexed.repository.write({"src/a.py": "def known_before(): ...\n"})
    indexed.served.start()
    indexed.turn_on()
    (job,) = indexed.wait_done()
    assert (job["status"], job["files_parsed"], job["error"]) == ("done", 1, None)
    assert [one["path"] for one in indexed.search("known_before")] == ["src/a.py"]

    session = indexed.served.create(RUNBOOK, repos=["acme/app"], agent="runbook")
    indexed.served.wait(session, "finished")
    names = indexed.repository.git("for-each-ref", "--format=%(refname:lstrip=2)").split()
    branch = next(one for one in names if one.startswith("cogmill/"))
    indexed.turn_on(branch_names=["main", branch])
    indexed.wait_done()
    found = indexed.search("freshly_pushed", branch=branch)
    assert [(one["path"], one["symbol_kind"]) for one in found] == [("fresh.py", "function")]
    path = f"/v3/organizations/{indexed.org}/sessions/{session}/messages"
    indexed.ask("POST", path, json={"message": RUNBOOK.replace("fresh", "later")})
    indexed.wait(lambda: indexed.search("laterly_pushed", branch=branch))  # nobody asked for it
    assert [one["files_parsed"] for one in indexed.wait_done() if one["branch_name"] == branch] == [1, 1]
    indexed.ask("DELETE", f"{indexed.base}/acme/app/indexing")
    indexed.wait(lambda: not list((indexed.served.data / "indexes").glob("*/*")))


def test_a_fetch_of_a_session_moves_the_index(indexed, tmp_path):
    source = tmp_path / "shop"
    git = ["git", "-C", str(source), "-c", "user.name=T", "-c", "user.email=t@example.invalid"]

    def commit(name):
        (source / f"{name}.py").write_text(f"def {name}(): ...\n")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", name], check=True)

    source.mkdir()
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    commit("first")
    indexed.served.start()
    one = "# One\n```sh\ntrue\n```\n"
    indexed.served.wait(indexed.served.create(one, repos=[str(source)], agent="runbook"), "finished")
    names = [repo["repo_path"] for repo in indexed.ask("GET", indexed.base)["items"]]
    assert names == ["acme/app", "local/shop"]
    indexed.ask("PUT", f"{indexed.base}/local%2Fshop/indexing")
    indexed.wait_done()
    commit("second")
    indexed.served.wait(indexed.served.create(one, repos=[str(source)], agent="runbook"), "finished")
    indexed.wait(lambda: indexed.search("second"))
    (latest, _) = indexed.wait_done()
    assert (latest["files_total"], latest["files_parsed"]) == (1, 1)


@pytest.mark.parametrize("point", ["index_claimed", "index_built"])
def test_a_kill_of_the_server_in_the_middle_of_a_job(indexed, point):
    indexed.repository.write({f"f{n}.py": f"def name_{n}(): ...\n" for n in range(50)})
    indexed.served.start(COGMILL_CRASH_AT=point)
    indexed.turn_on()
    assert indexed.served.process.wait(60) == -signal.SIGKILL
    indexed.served.start()
    (job,) = indexed.wait_done()
    assert (job["status"], job["attempts"]) == ("done", 2)
    assert len(indexed.search("name_", first=200)) == 50


def test_a_worker_that_dies_of_a_file_does_not_stop_the_rest(indexed):
    indexed.repository.write({"a.py": "def deadly(): ...\n", "b.py": "def fine(): ...\n"})
    indexed.served.start(COGMILL_CRASH_AT="index_parsing")  # every worker dies at its first file with symbols
    indexed.turn_on()
    (job,) = indexed.wait_done()
    assert job["status"] == "failed"
    assert "killed by signal 9" in job["error"]
    indexed.served.end(signal.SIGKILL)
    indexed.served.start()
    indexed.turn_on()
    indexed.wait(lambda: indexed.jobs()[0]["status"] == "done")
    assert len(indexed.search("def ", kind="text")) == 2


def test_the_agent_finds_definitions_in_the_index(indexed):
    indexed.repository.write({"src/deep/orders.py": "class Order:\n    def total(self):\n        return 3\n"})
    with StubProvider() as provider:
        known = {
            "COGMILL_MODEL": "stub", "COGMILL_MODEL_BASE_URL": provider.url,
            "COGMILL_MODEL_API_KEY": "sk-verysecret123",
            "COGMILL_MODEL_INPUT_USD_PER_MTOK": "3", "COGMILL_MODEL_OUTPUT_USD_PER_MTOK": "15",
        }  # fmt: skip
        indexed.served.start(**known)
        indexed.turn_on()
        indexed.wait_done()
        provider.says({"calls": [call("code_search", query="total")]}, {"calls": [call("finish", summary="Seen.")]})
        session = indexed.served.create("Where is it?", repos=["acme/app"], agent="model")
        indexed.served.wait(session, "finished")
        (answer,) = [one["content"] for one in provider.messages() if one["role"] == "tool"]
    head = indexed.repository.git("rev-parse", "main")
    assert answer == (
        "/workspace/app/src/deep/orders.py:2: method Order.total: def total(self):\n"
        f"[from the index of acme/app main at {head[:12]}; your own changes are not in it]"
    )
    (event,) = [one for one in indexed.served.events(session) if one["event_type"] == "code_search_completed"]
    assert event["contents"]["matches"] == 1
    assert json.dumps(event["contents"]["index"]) == f'["acme/app main at {head[:12]}"]'
