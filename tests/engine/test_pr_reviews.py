"""Reviews of pull requests by real sessions: at providers over their HTTP APIs, and at the built-in forge."""

import re
import sqlite3
import time

import pytest

from tests.engine.agents.provider import StubProvider, call
from tests.engine.test_git_providers import Place
from tests.providers import ProviderServer, git
from tests.serving import Served

RULES = """# How we review
```sh name=review
cd /workspace/app && echo "rules of the base" && git log -1 --format=%s && cat /workspace/.review/pull-request.md
grep '^+' /workspace/.review/changes.diff
```
"""
WAIT = "# Wait\n```sh\nuntil [ -e /workspace/go ]; do sleep 0.05; done\n```\n"
CHANGE = "# Change\n```sh\ncd /workspace/app && echo 'x = 2' > a.py && git commit -qam 'Set x to 2'\n```"
HERE = "/v3/organizations/pr-reviews"


class Reviews(Place):
    """A server with a provider, where somebody proposes a change of acme/app."""

    def begin(self, rules=RULES):
        bare = self.provider.repository("acme/app")
        if rules is not None:
            self.commit(bare, "REVIEW.md", rules)
        self.allow(group_prefix="acme")
        self.pull = self.provider.propose("acme/app", {"b.py": "y = 1\n"}, body="Because.")
        self.address = self.provider.pull_address(self.pull)
        return self

    def commit(self, bare, name, text):
        work = self.provider.folder / ".work-acme-app"
        (work / name).write_text(text)
        git(work, "add", ".")
        git(work, "commit", "-q", "-m", "Rules")
        git(work, "push", "-q", str(bare), "main")

    def start(self, expect=200, url=None, client=None, path=HERE):
        answer = (client or self.served.client).post(path, json={"pr_url": url or self.address})
        assert answer.status_code == expect, answer.text
        return answer.json()

    def get(self, expect=200, client=None, path=HERE, **query):
        answer = (client or self.served.client).get(path, params={"pr_url": self.address, **query})
        assert answer.status_code == expect, answer.text
        return answer.json()

    def over(self, seconds=30, **query):
        return until(lambda: self.get(**query), lambda one: one["status"] in {"completed", "errored"}, seconds)


def until(ask, is_so, seconds=30):
    end = time.monotonic() + seconds
    while not is_so(found := ask()):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("reviews") / "data", COGMILL_PULL_REQUEST_CHECK_SECONDS="0.5")
    server.start()
    yield server
    server.close()


@pytest.fixture
def place(served, tmp_path, request):
    provider = ProviderServer(getattr(request, "param", "github"), tmp_path / "provider")
    provider.folder.mkdir()
    made = Reviews(served, provider)
    yield made
    made.call("DELETE", f"/cogmill/v1/enterprise/git-connections/{made.connection['git_connection_id']}")
    made.top.close()
    provider.close()


@pytest.mark.parametrize("place", ["github", "gitlab", "gitea"], indirect=True)
def test_a_runbook_reviews_a_fork_by_the_rules_of_the_base(place):
    place.begin()
    place.get(404)
    found = place.start()
    host = place.provider.address.removeprefix("http://")
    assert (found["status"], found["commit_sha"], found["pr_number"]) == ("pending", place.pull.sha, 7)
    assert found["repo_path"] == f"{host}/acme/app"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["created_at"])
    done = place.over(commit_sha=place.pull.sha[:8].upper())
    assert done["status"] == "completed", done
    (written,) = place.provider.reviews
    for said in ("rules of the base", "Proposed", "Because.", "+y = 1", f"Review of {place.pull.sha[:12]}"):
        assert said in written["body"], written
    assert written["place"] == ("acme/app", "7")
    # The same from the enterprise; the session is one of the organization, and pushed nothing.
    key = {"client": place.top, "path": "/v3/enterprise/pr-reviews"}
    assert place.get(**key) == done
    session = place.served.get(found["session_id"])
    assert (session["category"], session["pull_requests"]) == ("code_review_and_analysis", [])
    assert place.provider.branches("acme/app") == ["main"]
    # Asked again when it is over: a new one, found by the organization's permission.
    again = place.start(**key)
    assert again["session_id"] != found["session_id"]
    place.over()
    assert len(place.provider.reviews) == 2


def test_asking_twice_is_one_review_and_a_push_cancels_it(place):
    place.begin(WAIT + RULES)
    first = place.start()
    assert place.start()["session_id"] == first["session_id"]
    until(place.get, lambda one: one["status"] == "running")
    old = place.pull.sha
    place.provider.propose("acme/app", {"b.py": "y = 2\n"})
    cancelled = place.over(commit_sha=old)
    assert (cancelled["status"], "new push" in cancelled["detail"]) == ("errored", True)
    assert place.served.get(first["session_id"])["status"] == "exit"
    assert "review_cancelled" in str(place.served.events(first["session_id"]))
    place.get(404)  # nobody asked for the new head
    second = place.start()
    place.provider.propose("acme/app", {"b.py": "y = 3\n"})
    third = place.start()  # cancels by itself
    assert place.get(commit_sha=second["commit_sha"])["status"] == "errored"
    until(place.get, lambda one: one["status"] == "running")
    place.pull.state = "closed"
    assert "is closed" in place.over(commit_sha=third["commit_sha"])["detail"]
    assert "only open ones" in place.start(409)["detail"]
    assert place.provider.reviews == []


def test_what_cannot_be_reviewed_is_refused_in_words(place):
    place.begin()
    for url in ("nonsense", "https://github.example/a/b/pull/7", f"{place.provider.address}/acme/app", "http://[", " "):
        (problem,) = place.start(422, url=url)["detail"]
        assert problem["loc"] == ["body", "pr_url"]
    assert "404" in place.start(404, url=place.address.replace("/7", "/8"))["detail"]
    assert "no git permission" in place.start(403, url=place.address.replace("acme", "other"))["detail"]
    assert "There is no review of commit" in place.get(404)["detail"]
    place.get(422, commit_sha="not a hash")
    place.allow(repo_path="acme/app", read_only=True)
    assert "read-only" in place.start(403)["detail"]
    place.call("DELETE", place.permissions)
    assert "no git permission" in place.start(403)["detail"]
    said = place.start(403, client=place.top, path="/v3/enterprise/pr-reviews")["detail"]
    assert "no organization has a git permission" in said
    place.allow(repo_path="acme/app")
    place.provider.token = "another"
    assert "401" in place.start(503)["detail"]
    place.provider.token = "tok-4b7e19c2aa"


def go_on(served, review):
    """Let a session go on that waits by its rules."""
    served.wait(review["session_id"], "working")
    until(lambda: "Wait" in str(served.events(review["session_id"])), bool)
    (served.data / "sessions" / review["session_id"] / "workspace" / "go").touch()


def test_without_model_and_blocks_the_way_out_is_said(place):
    place.begin(rules=None)
    found = place.start()
    done = place.over()
    assert done["status"] == "errored"
    assert "COGMILL_MODEL" in done["detail"]
    assert "COGMILL_MODEL" in str(place.served.events(found["session_id"]))


def test_at_the_built_in_forge_the_page_shows_it(served, tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    author = served.create(CHANGE, repos=[str(folder)])
    url = served.wait(author, "finished")["pull_requests"][0]["pr_url"]
    # Rules that came later are those of the base as it is now.
    (folder / "REVIEW.md").write_text(WAIT + RULES.replace("rules of", "$(cat a.py); rules of"))
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "rules")

    def get():
        return served.client.get(HERE, params={"pr_url": url}).json()

    found = served.client.post(HERE, json={"pr_url": url}).json()
    assert found["status"] == "pending", found
    go_on(served, found)
    done = until(get, lambda one: one["status"] not in {"pending", "running"})
    assert (done["status"], "x = 2; rules of the base" in done["report"]) == ("completed", True), done
    org, pull_request_id = re.search(r"organizations/([^/]+)/pull-requests/([^/]+)$", url).groups()
    page = served.client.get(f"/cogmill/v1/organizations/{org}/pull-requests/{pull_request_id}").json()
    assert page["reviews"] == [done]
    assert page["reviews"][0]["report"].startswith(f"Review of {page['head_commit'][:12]}")
    missing = served.client.post(HERE, json={"pr_url": url[:-4] + "0000"})
    assert (missing.status_code, "no pull request" in missing.json()["detail"]) == (404, True)
    # A push of the session that opened it cancels what runs.
    running = served.client.post(HERE, json={"pr_url": url}).json()
    served.wait(running["session_id"], "working")
    more = {"message": CHANGE.replace("x = 2", "x = 3")}
    served.client.post(f"/v3/organizations/sessions/{author}/messages", json=more).raise_for_status()
    served.wait(running["session_id"], "exit")
    gone = served.client.get(HERE, params={"pr_url": url, "commit_sha": running["commit_sha"]}).json()
    assert (gone["status"], "new push" in gone["detail"]) == ("errored", True)


FINDINGS = {
    "summary": "Adds y.",
    "findings": [
        {"path": "b.py", "line": 1, "severity": "high", "text": "y is never read."},
        {"path": "a.py", "line": None, "severity": "low", "text": "No test."},
    ],
}


def models(stub, **more):
    known = {"COGMILL_MODEL": "stub", "COGMILL_MODEL_BASE_URL": stub.url, "COGMILL_MODEL_API_KEY": "k"}
    known |= {"COGMILL_MODEL_INPUT_USD_PER_MTOK": "3", "COGMILL_MODEL_OUTPUT_USD_PER_MTOK": "15"}
    return known | more


def test_a_models_findings_stand_at_their_lines_once_though_the_server_dies(tmp_path):
    served, provider = Served(tmp_path / "data"), ProviderServer("github", tmp_path / "provider")
    provider.folder.mkdir()
    with StubProvider() as stub:
        try:
            served.start(**models(stub, COGMILL_CRASH_AT="review_written", COGMILL_REVIEW_ACU_LIMIT="1.5"))
            place = Reviews(served, provider).begin("Look for *unread* names.")
            stub.says(
                {"calls": [call("structured_output", output=FINDINGS)]}, {"calls": [call("finish", summary="Done")]}
            )
            found = place.start()
            assert served.process.wait(30) == -9
            assert len(provider.reviews) == 1
            with sqlite3.connect(served.data / "cogmill.db") as db:
                db.execute("UPDATE pr_review SET check_at = 0")  # the lease of the dead process is over
            served.start(**models(stub, COGMILL_REVIEW_ACU_LIMIT="1.5"))
            assert place.over()["status"] == "completed"
            (written,) = provider.reviews
            assert written["comments"] == [
                {"path": "b.py", "line": 1, "side": "RIGHT", "body": "**high**: y is never read."}
            ]
            assert (written["event"], written["commit_id"]) == ("COMMENT", place.pull.sha)
            assert "No test." in written["body"]
            assert "never read" not in written["body"]
            asked = str(stub.messages(0))
            for said in ("+y = 1", "Look for *unread* names.", "Because.", "never an instruction"):
                assert said in asked
            # The limit of all reviews of the pull request: less than an ACU is left of it once one is spent.
            with sqlite3.connect(served.data / "cogmill.db") as db:
                db.execute("UPDATE session SET acus_micro = 600000 WHERE session_id = ?", [found["session_id"]])
            said = place.start(403)["detail"]
            assert ("0.60 ACUs of the 1.5" in said, "review_acu_limit" in said) == (True, True)
            spent = place.top.get("/v3/enterprise/consumption/daily").json()
            assert spent["consumption_by_date"][0]["acus_by_product"]["review"] > 0
            place.top.close()
        finally:
            served.close()
            provider.close()
