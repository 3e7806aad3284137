"""The same with a real Gitea: what the other tests ask of a stand-in that answers as Gitea documents it.

`make test-gitea` builds one and runs these. They do not run with the others: building takes about ten minutes.
"""

import os
import re
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from cogmill.scm.provider import Remark, ReviewDraft
from cogmill.scm.providers import gitea as provider_gitea
from tests.providers import git
from tests.serving import Served, free_port

BINARY = os.environ.get("TEST_GITEA", "")
pytestmark = pytest.mark.skipif(not BINARY, reason="a real Gitea has to be built first: make test-gitea")
CHANGE = "# Change\n```sh\ncd /workspace/app && echo 'x = 2' > a.py && git commit -qam 'Set x to 2'\n```"
MORE = "# More\n```sh\ncd /workspace/app && echo 'y = 3' >> a.py && git commit -qam 'Add y'\n```"
RULES = "# Rules\n```sh name=review\necho Looks right.\n```\n"


class Gitea:
    """A server of its own over an empty folder, with one user, a token of whom is what the connection has."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir()
        (folder / "app.ini").write_text(
            f"RUN_MODE = prod\nWORK_PATH = {folder}\nI_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true\n"
            f"[server]\nHTTP_ADDR = 127.0.0.1\nHTTP_PORT = {self.port}\nROOT_URL = {self.url}/\nDISABLE_SSH = true\n"
            f"STATIC_ROOT_PATH = {Path(BINARY).parent}\nOFFLINE_MODE = true\n"
            f"[database]\nDB_TYPE = sqlite3\nPATH = {folder}/gitea.db\n"
            "[security]\nINSTALL_LOCK = true\nSECRET_KEY = of-a-test\n[log]\nLEVEL = Warn\n"
            "[repository]\nDEFAULT_BRANCH = main\n[indexer]\nISSUE_INDEXER_TYPE = db\n"
        )
        self._run("migrate")
        person = ("--username", "acme", "--password", "a-long-password", "--email", "acme@example.org")
        said = self._run(
            "admin", "user", "create", *person, "--admin", "--must-change-password=false", "--access-token"
        )
        self.token = re.search(r"\b[0-9a-f]{40}\b", said).group()
        self.process = subprocess.Popen(
            [BINARY, "web", "--config", str(folder / "app.ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.api = httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"authorization": f"token {self.token}"}, timeout=30
        )
        self._wait()

    def _run(self, *arguments):
        done = subprocess.run(
            [BINARY, "--config", str(self.folder / "app.ini"), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def _wait(self):
        end = time.monotonic() + 60
        while True:
            try:
                self.api.get("/version").raise_for_status()
                return
            except httpx.HTTPError:
                assert time.monotonic() < end
                time.sleep(0.2)

    def ask(self, method, path, **body):
        answer = self.api.request(method, path, json=body or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def repository(self, name, files):
        """One with a commit on main."""
        self.ask("POST", "/user/repos", name=name, default_branch="main")
        work = self.folder / f"work-{name}"
        work.mkdir()
        git(work, "init", "-q", "-b", "main")
        for path, text in files.items():
            (work / path).write_text(text)
        git(work, "add", ".")
        git(work, "commit", "-q", "-m", "first")
        address = self.url.replace("http://", f"http://acme:{self.token}@")
        git(work, "push", "-q", f"{address}/acme/{name}.git", "main")
        until(lambda: self.api.get(f"/repos/acme/{name}/branches/main").status_code, lambda status: status == 200)

    def pulls(self, name):
        return self.ask("GET", f"/repos/acme/{name}/pulls?state=all")

    def close(self):
        self.api.close()
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def gitea(tmp_path_factory):
    made = Gitea(tmp_path_factory.mktemp("gitea") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory, gitea):
    server = Served(tmp_path_factory.mktemp("with-gitea") / "data", COGMILL_PULL_REQUEST_CHECK_SECONDS="0.5")
    server.start()
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {server.keys['enterprise_key']}"}) as top:
        body = {"git_provider_type": "gitea_token", "address": gitea.url, "token": gitea.token}
        made = top.post("/cogmill/v1/enterprise/git-connections", json=body).raise_for_status().json()
        found = top.get(f"/cogmill/v1/enterprise/git-connections/{made['git_connection_id']}/check").json()
        assert (found["works"], found["detail"]) == (True, "signed in as acme")
        allowed = {"permissions": [{"git_connection_id": made["git_connection_id"], "group_prefix": "acme"}]}
        path = f"/v3/enterprise/organizations/{server.keys['org_id']}/git-providers/permissions"
        top.put(path, json=allowed).raise_for_status()
        repositories = f"/v3/enterprise/git-providers/connections/{made['git_connection_id']}/repositories"
        server.listed = lambda: top.get(repositories).raise_for_status().json()["items"]
        yield server
    server.close()


def until(ask, is_so, seconds=30):
    end = time.monotonic() + seconds
    while not is_so(found := ask()):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def test_a_session_clones_pushes_opens_a_pull_request_and_hears_of_its_merge(gitea, served):
    gitea.repository("app", {"a.py": "x = 1\n"})
    assert "acme/app" in [one["repo_path"] for one in served.listed()]
    session_id = served.create(CHANGE, repos=[f"{gitea.url}/acme/app"])
    session = served.wait(session_id, "finished")
    (pull,) = gitea.pulls("app")
    assert (pull["base"]["ref"], pull["title"], pull["state"]) == ("main", session["title"], "open")
    assert session["pull_requests"] == [{"pr_url": pull["html_url"], "pr_state": "open"}]
    served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json={"message": MORE}).raise_for_status()
    served.wait(session_id, "finished")
    (again,) = gitea.pulls("app")
    assert again["head"]["sha"] != pull["head"]["sha"]
    gitea.ask("POST", f"/repos/acme/app/pulls/{pull['number']}/merge", Do="merge")
    until(lambda: served.get(session_id)["pull_requests"][0]["pr_state"], lambda state: state == "merged")
    assert gitea.token not in str(served.events(session_id))


def test_a_review_is_written_at_the_pull_request(gitea, served):
    gitea.repository("reviewed", {"a.py": "x = 1\n", "REVIEW.md": RULES})
    session_id = served.create(CHANGE.replace("/app", "/reviewed"), repos=[f"{gitea.url}/acme/reviewed"])
    served.wait(session_id, "finished")
    (pull,) = gitea.pulls("reviewed")
    path = f"/v3/organizations/{served.keys['org_id']}/pr-reviews"
    served.client.post(path, json={"pr_url": pull["html_url"]}).raise_for_status()
    at = {"pr_url": pull["html_url"]}
    done = until(
        lambda: served.client.get(path, params=at).json(), lambda one: one["status"] in {"completed", "errored"}
    )
    assert done["status"] == "completed", done
    (review,) = gitea.ask("GET", f"/repos/acme/reviewed/pulls/{pull['number']}/reviews")
    assert "Looks right." in review["body"]


async def test_remarks_stand_at_their_lines_once_and_a_pull_request_is_closed(gitea, served):
    gitea.repository("remarked", {"a.py": "x = 1\n"})
    session_id = served.create(CHANGE.replace("/app", "/remarked"), repos=[f"{gitea.url}/acme/remarked"])
    served.wait(session_id, "finished")
    (pull,) = gitea.pulls("remarked")
    provider, number = provider_gitea.Gitea("Gitea", f"{gitea.url}/api/v1", gitea.token), pull["number"]
    draft = ReviewDraft("mark-1", pull["head"]["sha"], "In all.", "In all.", [Remark("a.py", 1, "Say why.")])
    for _ in range(2):
        await provider.review("acme/remarked", number, draft)
    (review,) = gitea.ask("GET", f"/repos/acme/remarked/pulls/{number}/reviews")
    (remark,) = gitea.ask("GET", f"/repos/acme/remarked/pulls/{number}/reviews/{review['id']}/comments")
    assert (remark["path"], remark["position"], "Say why." in remark["body"]) == ("a.py", 1, True)
    assert (await provider.close("acme/remarked", number)).state == "closed"
    assert gitea.pulls("remarked")[0]["state"] == "closed"
