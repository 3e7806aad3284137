"""Sessions on repositories of a provider: clone by token, push, pull request, read-only, what is refused and how."""

import contextlib
import json
import sqlite3
import time

import httpx
import pytest

from tests.providers import KINDS, ProviderServer, Pull, git
from tests.serving import Served

CHANGE = "# Change\n```sh\ncd /workspace/app && echo 'x = 2' > a.py && git commit -qam 'Set x to 2'\n```"
MORE = "# More\n```sh\ncd /workspace/app && echo 'y = 3' >> a.py && git commit -qam 'Add y'\n```"


class Place:
    """A server with one connection to one provider."""

    def __init__(self, served, provider):
        self.served, self.provider = served, provider
        self.top = httpx.Client(
            base_url=served.url, headers={"authorization": f"Bearer {served.keys['enterprise_key']}"}, timeout=30
        )
        self.permissions = f"/v3/enterprise/organizations/{served.keys['org_id']}/git-providers/permissions"
        self.connection = self.connect()

    def call(self, method, path, expect=200, **body):
        answer = self.top.request(method, path, json=body or None)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def connect(self, **more):
        kind = KINDS[self.provider.flavour]
        body = {"git_provider_type": kind, "address": self.provider.address, "token": self.provider.token} | more
        return self.call("POST", "/cogmill/v1/enterprise/git-connections", **body)

    def allow(self, **permission):
        permission = {"git_connection_id": self.connection["git_connection_id"]} | permission
        return self.call("PUT", self.permissions, permissions=[permission])

    def url(self, path):
        return f"{self.provider.address}/{path}"

    def finish(self, prompt, repo, seconds=30):
        session_id = self.served.create(prompt, repos=[repo])
        return self.served.wait(session_id, "finished", "waiting_for_user", "suspended", "error", seconds=seconds)

    def says(self, session_id):
        return json.dumps(self.served.events(session_id))

    def stored(self):
        """Every byte below the data folder, the log included."""
        found = b""
        for one in self.served.data.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # of a sandbox that ends just now
                found += one.read_bytes() if one.is_file() and one.name != "keys.json" else b""
        return found


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("providers") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def place(served, tmp_path, request):
    provider = ProviderServer(getattr(request, "param", "github"), tmp_path / "provider")
    provider.folder.mkdir()
    made = Place(served, provider)
    yield made
    made.call("DELETE", f"/cogmill/v1/enterprise/git-connections/{made.connection['git_connection_id']}")
    made.top.close()
    provider.close()


each_provider = pytest.mark.parametrize("place", ["github", "gitlab", "gitea"], indirect=True)


@each_provider
def test_a_session_clones_pushes_and_opens_a_pull_request_there(place):
    provider = place.provider
    provider.repository("acme/app")
    place.allow(group_prefix="acme")
    session = place.finish(CHANGE, place.url("acme/app"))
    (pull,) = provider.pulls
    assert (pull.base, pull.branch.startswith("cogmill/"), pull.title) == ("main", True, session["title"])
    assert session["pull_requests"] == [{"pr_url": session["pull_requests"][0]["pr_url"], "pr_state": "open"}]
    assert session["pull_requests"][0]["pr_url"].startswith(f"{provider.address}/acme/app/")
    assert provider.head("acme/app", "main") != provider.head("acme/app", pull.branch)
    # A second delivery brings the same one up to date.
    before = provider.head("acme/app", pull.branch)
    path = f"/v3/organizations/sessions/{session['session_id']}/messages"
    place.served.client.post(path, json={"message": MORE}).raise_for_status()
    place.served.wait(session["session_id"], "finished")
    assert provider.head("acme/app", pull.branch) != before
    assert len(provider.pulls) == 1
    assert len(place.served.get(session["session_id"])["pull_requests"]) == 1


@each_provider
def test_a_branch_of_the_same_name_in_a_fork_is_not_the_sessions(place):
    provider = place.provider
    provider.repository("acme/app")
    place.allow(group_prefix="acme")
    session = place.finish(CHANGE, place.url("acme/app"))
    (pull,) = provider.pulls
    # Providers list the newest first.
    provider.pulls.insert(0, Pull("acme/app", 3, pull.branch, "main", "Of a stranger", "Merge me", from_fork=True))
    path = f"/v3/organizations/sessions/{session['session_id']}/messages"
    place.served.client.post(path, json={"message": MORE}).raise_for_status()
    place.served.wait(session["session_id"], "finished")
    assert provider.pulls[0].title == "Of a stranger"
    assert place.served.get(session["session_id"])["pull_requests"] == session["pull_requests"]


@each_provider
def test_the_token_is_stored_nowhere_and_shown_nowhere(place):
    place.provider.repository("acme/app")
    place.allow(group_prefix="acme")
    look = (
        "# Look\n```sh\nenv; git -C /workspace/app config --list --show-origin; cat /repos/*/config; ls -la /repos\n```"
    )
    session = place.finish(f"{look}\n{CHANGE}", place.url("acme/app"))
    assert place.provider.pulls
    token = place.provider.token
    assert token not in place.says(session["session_id"])
    assert token.encode() not in place.stored()


def test_a_wrong_token_is_told_in_words(place):
    place.provider.repository("acme/app")
    place.allow(group_prefix="acme")
    connection = f"/cogmill/v1/enterprise/git-connections/{place.connection['git_connection_id']}"
    assert place.call("GET", f"{connection}/check")["works"] is True
    place.call("PATCH", connection, token="tok-wrong-81f3")
    found = place.call("GET", f"{connection}/check")
    assert found["works"] is False
    assert "401: Bad credentials" in found["detail"]
    session = place.finish(CHANGE, place.url("acme/app"))
    said = place.says(session["session_id"])
    assert "Authentication failed" in said
    assert "credentials" in said
    assert "tok-wrong" not in said
    assert session["status"] == "suspended"
    # Put right, and a message later it works.
    place.call("PATCH", connection, token=place.provider.token)
    path = f"/v3/organizations/sessions/{session['session_id']}/messages"
    place.served.client.post(path, json={"message": "Again, please."}).raise_for_status()
    place.served.wait(session["session_id"], "finished")
    assert place.provider.pulls


def test_read_only_clones_and_refuses_to_push(place):
    place.provider.repository("acme/app")
    place.allow(repo_path="acme/app", read_only=True)
    session = place.finish(CHANGE, "acme/app")
    said = place.says(session["session_id"])
    assert "acme/app at " in said
    assert "is read-only for this organization" in said
    assert place.provider.branches("acme/app") == ["main"]
    assert session["pull_requests"] == []


def test_without_a_permission_nothing_is_fetched(place):
    place.provider.repository("acme/app")
    place.call("DELETE", place.permissions)
    place.provider.seen.clear()
    for name in (place.url("acme/app"), place.url("acme/app.git")):
        answer = place.served.client.post("/v3/organizations/sessions", json={"prompt": "Hi", "repos": [name]})
        assert answer.status_code == 403
        assert "no git permission for acme/app" in answer.json()["detail"]
    assert place.provider.seen == []


def test_a_permission_that_is_taken_away_counts_at_once(place):
    """Between creation and run, between clone and push, and for the copy at the built-in forge."""
    place.provider.repository("acme/app")
    place.allow(repo_path="acme/app")
    wait = "# Wait\n```sh\nuntil [ -e /workspace/go ]; do sleep 0.05; done\n```\n"
    session_id = place.served.create(wait + CHANGE, repos=["acme/app"])
    place.served.wait(session_id, "working")
    until_cloned(place.served, session_id)
    place.call("DELETE", place.permissions)
    (place.served.data / "sessions" / session_id / "workspace" / "go").touch()
    place.served.wait(session_id, "finished", "waiting_for_user")
    assert "no git permission for acme/app" in place.says(session_id)
    assert place.provider.branches("acme/app") == ["main"]
    answer = place.served.client.post("/v3/organizations/sessions", json={"prompt": "Hi", "repos": ["acme/app"]})
    assert answer.status_code == 403
    path = f"/v3/organizations/sessions/{session_id}/messages"
    place.served.client.post(path, json={"message": MORE}).raise_for_status()
    place.served.wait(session_id, "suspended")


def until_cloned(served, session_id):
    for _ in range(200):
        if any(e["event_type"] == "git_clone_completed" for e in served.events(session_id)):
            return
        time.sleep(0.03)
    raise AssertionError("no clone")


def test_a_redirect_gets_neither_the_token_nor_another_repository(place, tmp_path):
    elsewhere = ProviderServer("github", tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    elsewhere.repository("acme/app", text="stolen = 1\n")
    place.provider.repository("acme/app")
    place.allow(group_prefix="acme")
    place.provider.redirect_to = elsewhere.address
    session = place.finish(CHANGE, place.url("acme/app"))
    assert session["status"] == "suspended"
    assert all("authorization" not in one.headers for one in elsewhere.seen)
    elsewhere.close()


def test_commits_of_others_on_the_branch_are_not_overwritten(place):
    bare = place.provider.repository("acme/app")
    place.allow(group_prefix="acme")
    session = place.finish(CHANGE, place.url("acme/app"))
    (pull,) = place.provider.pulls
    tree = git(bare, "rev-parse", f"{pull.branch}^{{tree}}")
    theirs = git(bare, "commit-tree", tree, "-p", pull.branch, "-m", "Review fix")
    git(bare, "update-ref", f"refs/heads/{pull.branch}", theirs)
    path = f"/v3/organizations/sessions/{session['session_id']}/messages"
    place.served.client.post(path, json={"message": MORE}).raise_for_status()
    place.served.wait(session["session_id"], "finished", "waiting_for_user")
    assert place.provider.head("acme/app", pull.branch) == theirs
    assert "commits of somebody else" in place.says(session["session_id"])


@pytest.mark.parametrize("point", ["pushed", "pushed_to_provider", "opened_at_provider", "pull_request_recorded"])
def test_kill_9_between_push_and_record_opens_one_pull_request(tmp_path, point):
    served, provider = Served(tmp_path / "data"), ProviderServer("github", tmp_path / "provider")
    provider.folder.mkdir()
    try:
        served.start(COGMILL_CRASH_AT=point)
        place = Place(served, provider)
        provider.repository("acme/app")
        place.allow(group_prefix="acme")
        session_id = served.create(CHANGE, repos=["acme/app"])
        assert served.process.wait(30) == -9
        served.start()
        session = served.wait(session_id, "finished", seconds=30)
        assert len(provider.pulls) == 1
        assert len(session["pull_requests"]) == 1
        assert provider.head("acme/app", provider.pulls[0].branch) is not None
        place.top.close()
    finally:
        served.close()
        provider.close()


def test_a_merge_shows_at_the_session_without_anybody_asking(tmp_path):
    served = Served(tmp_path / "data", COGMILL_PULL_REQUEST_CHECK_SECONDS="0.5")
    provider = ProviderServer("gitea", tmp_path / "provider")
    provider.folder.mkdir()
    try:
        served.start()
        place = Place(served, provider)
        provider.repository("acme/app")
        place.allow(group_prefix="acme")
        session = place.finish(CHANGE, place.url("acme/app"))
        provider.merge(provider.pulls[0])
        until = time.monotonic() + 10
        while served.get(session["session_id"])["pull_requests"][0]["pr_state"] != "merged":
            assert time.monotonic() < until
            time.sleep(0.1)
        place.top.close()
    finally:
        served.close()
        provider.close()


def test_kill_9_while_a_childs_pull_request_is_closed_closes_it_once(tmp_path):
    served, provider = Served(tmp_path / "data"), ProviderServer("gitlab", tmp_path / "provider")
    provider.folder.mkdir()
    try:
        served.start(COGMILL_CRASH_AT="pull_requests_asked")
        place = Place(served, provider)
        provider.repository("acme/app")
        place.allow(group_prefix="acme")
        parent, path = served.create("# Lead\n```sh\ntrue\n```"), "/v3/organizations/sessions"
        body = {"prompt": CHANGE, "repos": ["acme/app"]}
        child = served.client.post(path, json=body, params={"devin_id": parent}).json()["session_id"]
        served.wait(child, "finished", seconds=30)
        served.client.post(f"{path}/{parent}/archive").raise_for_status()
        assert served.process.wait(30) == -9  # it is closed there, and nobody has written it down
        assert [one.state for one in provider.pulls] == ["closed"]
        with sqlite3.connect(served.data / "cogmill.db") as db:
            db.execute("UPDATE pull_request SET check_at = 0")  # the lease of the dead process is over
        served.start()
        until = time.monotonic() + 20
        while served.get(child)["pull_requests"][0]["pr_state"] != "closed":
            assert time.monotonic() < until
            time.sleep(0.1)
        closing = [one for one in provider.seen if one.method == "PUT"]
        assert len(closing) == 1
        place.top.close()
    finally:
        served.close()
        provider.close()


class Indexes:
    """Turning indexing on for repositories that no session has been at."""

    def __init__(self, place):
        self.org, self.http = place.served.keys["org_id"], place.served.client
        self.base = f"/v3beta1/organizations/{self.org}/repositories"

    def turn_on(self, path, **body):
        answer = self.http.put(f"{self.base}/{path}/indexing", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def jobs(self):
        """Of this test's newest repository and others, newest first, when all are over."""
        until = time.monotonic() + 60
        while True:
            found = self.http.get(f"/cogmill/v1/organizations/{self.org}/index-jobs").json()["items"]
            if all(one["status"] in {"done", "failed"} for one in found):
                return found
            assert time.monotonic() < until, found
            time.sleep(0.05)

    def hits(self, query, **more):
        path = f"/cogmill/v1/organizations/{self.org}/code-search"
        answer = self.http.get(path, params={"query": query, **more})
        assert answer.status_code == 200, answer.text
        return [(one["repository_path"], one["branch"], one["path"]) for one in answer.json()["items"]]


@each_provider
def test_what_no_session_has_fetched_is_fetched_to_be_indexed(place):
    flavour, index = place.provider.flavour, Indexes(place)
    path = f"{flavour}/deep/lib" if flavour == "gitlab" else f"{flavour}/lib"
    name = "deep/lib" if flavour == "gitlab" else path
    bare = place.provider.repository(path, text=f"def treasure_of_{flavour}():\n    return 1\n")
    git(bare, "branch", "next")
    place.allow(group_prefix=flavour)
    on = index.turn_on(path)
    assert (on["indexing_enabled"], on["repository_path"]) == (True, path)
    done, fetched = index.jobs()[:2]
    assert (fetched["status"], fetched["branch_name"], fetched["repository_path"]) == ("done", None, name)
    assert (done["status"], done["branch_name"], done["commit"]) == ("done", "main", place.provider.head(path, "main"))
    assert index.hits(f"treasure_of_{flavour}") == [(name, "main", "a.py")]
    status = index.http.get(f"{index.base}/{path}/indexing").json()
    assert status["latest_completed_search_index_job"]["job_id"] == done["job_id"]
    assert status["latest_indexes"] == [status["latest_completed_search_index_job"]]
    assert place.provider.token.encode() not in place.stored()

    # What cannot be done is said by the job; asking again begins anew.
    place.provider.repository(f"{flavour}/other")
    index.turn_on(f"{flavour}/other", branch_names=["main", "no-such"])
    failed = index.jobs()[0]
    assert (failed["status"], failed["branch_name"]) == ("failed", None)
    assert "'no-such' is no branch" in failed["error"]
    index.turn_on(f"{flavour}/other", branch_names=["main"])
    assert [one["status"] for one in index.jobs()[:2]] == ["done", "failed"]
    index.turn_on(f"{flavour}/nowhere")
    failed = index.jobs()[0]
    assert (failed["repository_path"], failed["status"]) == (f"{flavour}/nowhere", "failed")
    assert "cannot be fetched" in failed["error"]
    assert place.provider.token not in failed["error"]


@pytest.mark.parametrize("point", ["fetch_claimed", "repository_fetched"])
def test_kill_9_while_a_repository_is_fetched_to_be_indexed(tmp_path, point):
    served, provider = Served(tmp_path / "data"), ProviderServer("gitea", tmp_path / "provider")
    provider.folder.mkdir()
    try:
        served.start(COGMILL_CRASH_AT=point)
        place = Place(served, provider)
        provider.repository("acme/app", text="def found(): ...\n")
        place.allow(repo_path="acme/app")
        index = Indexes(place)
        with contextlib.suppress(httpx.TransportError):  # it may die before it has answered
            index.turn_on("acme/app")
        assert served.process.wait(30) == -9
        served.start()
        index = Indexes(place)
        assert [(one["status"], one["attempts"]) for one in index.jobs()] == [("done", 1), ("done", 2)]
        assert index.hits("found") == [("acme/app", "main", "a.py")]
        place.top.close()
    finally:
        served.close()
        provider.close()


def test_code_search_ends_with_the_permission(place):
    place.provider.repository("secret/lib", text="def treasure():\n    return 1\n")
    place.allow(group_prefix="secret")
    place.finish("# Look\n```sh\nls /workspace/lib\n```", place.url("secret/lib"))
    base, org = f"/v3beta1/organizations/{place.served.keys['org_id']}/repositories", place.served.client
    org.put(f"{base}/secret/lib/indexing").raise_for_status()
    search = f"/cogmill/v1/organizations/{place.served.keys['org_id']}/code-search"

    def hits():
        answer = org.get(search, params={"query": "treasure", "repo": "secret/lib"})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    until = time.monotonic() + 30
    while not hits():
        assert time.monotonic() < until
        time.sleep(0.2)
    place.call("DELETE", place.permissions)
    assert hits() == []
    assert "secret/lib" not in [one["repo_path"] for one in org.get(base).json()["items"]]
    place.allow(repo_path="secret/lib")
    assert hits()
