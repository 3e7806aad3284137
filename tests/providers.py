"""Local servers that speak as GitHub, GitLab and Gitea do: git smart HTTP by `git http-backend`, and their REST APIs.

Both demand the token. Repositories are real; a merge moves the real branch.
"""

import base64
import contextlib
import gzip
import json
import os
import re
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

GIT = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org", "LC_ALL": "C.UTF-8",
}  # fmt: skip
API = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}
KINDS = {"github": "github_token", "gitlab": "gitlab_token", "gitea": "gitea_token"}
Answer = tuple[int, Any]


def git(folder: Path, *args: str, input: bytes | None = None) -> str:
    done = subprocess.run(["git", *args], cwd=folder, env=GIT, input=input, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@dataclass
class Pull:
    """A pull or merge request as the provider keeps it."""

    repo: str
    number: int
    branch: str
    base: str
    title: str
    body: str
    state: str = "open"
    merged: bool = False
    sha: str | None = None
    """Its head, when that is on no branch."""
    from_fork: bool = False
    """Its branch is one of that name in somebody's fork."""

    @property
    def source(self) -> int:
        """Id of the repository that its branch is in; that of the repository itself is 1."""
        return 2 if self.from_fork else 1


@dataclass
class Seen:
    """One request that came in."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class ProviderServer:
    """One provider of one flavour, with repositories below a folder."""

    flavour: str
    folder: Path
    token: str = "tok-4b7e19c2aa"
    pulls: list[Pull] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    redirect_to: str | None = None
    """Send every git request there."""
    reviews: list[dict[str, Any]] = field(default_factory=list)
    """What was written at pull requests: GitLab's notes, the reviews of the others."""
    strict_lines: bool = False
    """Refuse remarks at lines, as GitHub does where the diff does not show them."""
    app_key: Any = None
    """The public key of an app, whose installations get `token`."""

    def __post_init__(self) -> None:
        provider = self

        class Handler(_Handler):
            server_of = provider

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def repository(self, path: str, text: str = "x = 1\n") -> Path:
        """A repository with one commit on main."""
        bare = self.folder / f"{path}.git"
        bare.parent.mkdir(parents=True, exist_ok=True)
        git(self.folder, "init", "-q", "--bare", "-b", "main", str(bare))
        work = self.folder / f".work-{path.replace('/', '-')}"
        git(self.folder, "clone", "-q", str(bare), str(work))
        (work / "a.py").write_text(text)
        git(work, "checkout", "-q", "-B", "main")
        git(work, "add", ".")
        git(work, "commit", "-q", "-m", "first")
        git(work, "push", "-q", "origin", "main")
        return bare

    def head(self, path: str, branch: str) -> str | None:
        said = git(self.folder / f"{path}.git", "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        return said or None

    def _branch_head(self, one: "Pull") -> str | None:
        """None where a test has made no real repository."""
        return self.head(one.repo, one.branch) if (self.folder / f"{one.repo}.git" / "HEAD").exists() else None

    def branches(self, path: str) -> list[str]:
        return git(self.folder / f"{path}.git", "for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def propose(self, path: str, files: dict[str, str], number: int = 7, *, body: str = "") -> Pull:
        """A pull request of somebody's fork: its commits are on no branch of the repository. Again: a further push."""
        bare, ref = self.folder / f"{path}.git", self._head_ref(number)
        work = self.folder / f".work-{path.replace('/', '-')}"
        known = self._find(path, str(number))
        git(work, "fetch", "-q", str(bare), ref if known else "main")
        git(work, "checkout", "-q", "-B", "proposed", "FETCH_HEAD")
        for name, text in files.items():
            (work / name).write_text(text)
        git(work, "add", ".")
        git(work, "commit", "-q", "-m", "Proposed")
        git(work, "push", "-q", str(bare), f"+proposed:{ref}")
        if known is None:
            known = Pull(path, number, "proposed", "main", "Add things", body)
            self.pulls.append(known)
        known.sha = git(work, "rev-parse", "HEAD")
        return known

    def _head_ref(self, number: int) -> str:
        return f"refs/{'merge-requests' if self.flavour == 'gitlab' else 'pull'}/{number}/head"

    def pull_address(self, pull: Pull) -> str:
        """Of its page."""
        between = {"github": "pull", "gitlab": "-/merge_requests", "gitea": "pulls"}[self.flavour]
        return f"{self.address}/{pull.repo}/{between}/{pull.number}"

    def _reviewed(self, method: str, repo: str, number: str, body: dict[str, Any]) -> Answer:
        if self._find(repo, number) is None:
            return 404, {"message": "Not Found"}
        if method == "GET":
            return 200, [{"body": one["body"]} for one in self.reviews if one["place"] == (repo, number)]
        if body.get("comments") and self.strict_lines:
            return 422, {"message": "Unprocessable Entity", "errors": ["Line could not be resolved"]}
        self.reviews.append({"place": (repo, number), "comments": [], **body})
        return 201, {"id": len(self.reviews)}

    def merge(self, pull: Pull) -> None:
        """Merge as the provider's button does, by a fast forward."""
        head = self.head(pull.repo, pull.branch)
        git(self.folder / f"{pull.repo}.git", "update-ref", f"refs/heads/{pull.base}", head or "")
        pull.state, pull.merged = "closed", True

    def ask(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any) -> Answer:
        """The REST API."""
        if self.app_key is not None and path.startswith("/app/installations/"):
            return self._access_token(headers)
        if not self._is_known(headers):
            said = {"github": "Bad credentials", "gitlab": "401 Unauthorized", "gitea": "token is wrong"}
            return 401, {"message": said[self.flavour]}
        return {"github": self._github, "gitlab": self._gitlab, "gitea": self._gitea}[self.flavour](
            method, path, query, body or {}
        )

    def _is_known(self, headers: dict[str, str]) -> bool:
        if self.flavour == "gitlab":
            return headers.get("private-token") == self.token
        word = "Bearer" if self.flavour == "github" else "token"
        return headers.get("authorization") == f"{word} {self.token}"

    def _access_token(self, headers: dict[str, str]) -> Answer:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        head, claims, signature = headers["authorization"].removeprefix("Bearer ").split(".")
        padded = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in (claims, signature)]
        try:
            self.app_key.verify(padded[1], f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            return 401, {"message": "A JSON web token could not be decoded"}
        told = json.loads(padded[0])
        if not told["iat"] <= time.time() < told["exp"] <= told["iat"] + 660:
            return 401, {"message": "'Expiration time' claim ('exp') is too far in the future"}
        return 201, {"token": self.token, "expires_at": "2099-01-01T00:00:00Z"}

    def _all(self) -> list[tuple[int, str]]:
        found = sorted(str(one.relative_to(self.folder)).removesuffix(".git") for one in self.folder.glob("**/*.git"))
        return list(
            enumerate((one for one in found if ".work" not in one and (self.folder / f"{one}.git/HEAD").exists()), 1)
        )

    def _find(self, repo: str, number: str) -> Pull | None:
        return next((one for one in self.pulls if (one.repo, str(one.number)) == (repo, number)), None)

    def _open(self, repo: str, branch: str, base: str, title: str, body: str) -> Pull | str:
        if self.head(repo, branch) is None:
            return "head is invalid"
        if any((one.repo, one.branch, one.state, one.source) == (repo, branch, "open", 1) for one in self.pulls):
            return f"A pull request already exists for {branch}."
        number = sum(one.repo == repo for one in self.pulls) + 7
        self.pulls.append(Pull(repo, number, branch, base, title, body))
        return self.pulls[-1]

    def _github(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        if path == "/user":
            return 200, {"login": "robot"}
        if path in {"/user/repos", "/installation/repositories"}:
            size, page = int(query["per_page"]), int(query["page"])
            items = [self._repo(*one) for one in self._all()[(page - 1) * size : page * size]]
            return 200, items if path == "/user/repos" else {"repositories": items}
        return self._pulls(method, path, query, body, refused=422)

    def _gitea(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        if path == "/user":
            return 200, {"login": "robot"}
        if path == "/repos/search":
            size, page = int(query["limit"]), int(query["page"])
            fitting = [one for one in self._all() if query.get("q", "") in one[1]]
            return 200, {"ok": True, "data": [self._repo(*one) for one in fitting[(page - 1) * size : page * size]]}
        return self._pulls(method, path, query, body, refused=409)

    def _pulls(self, method: str, path: str, query: dict[str, str], body: dict[str, Any], *, refused: int) -> Answer:
        reviews = re.fullmatch(r"/repos/([^/]+/[^/]+)/pulls/(\d+)/reviews", path)
        if reviews is not None:
            return self._reviewed(method, reviews[1], reviews[2], body) if query.get("page", "1") == "1" else (200, [])
        match = re.fullmatch(r"/repos/([^/]+/[^/]+)/pulls(?:/(\d+))?", path)
        if match is None or not (self.folder / f"{match[1]}.git").is_dir():
            return 404, {"message": "Not Found"}
        repo, number = match.groups()
        if number is None and method == "GET":
            return 200, self._listed(repo, query)
        if number is None:
            made = self._open(repo, body["head"], body["base"], body["title"], body["body"])
            return (
                (refused, {"message": "Validation Failed", "errors": [{"message": made}]})
                if isinstance(made, str)
                else (201, self._pull(made))
            )
        pull = self._find(repo, number)
        if pull is None:
            return 404, {"message": "Not Found"}
        if method == "PATCH":
            pull.title, pull.body = body.get("title", pull.title), body.get("body", pull.body)
            if body.get("state", pull.state) != pull.state:
                if pull.merged:
                    return 412, {"message": "cannot change state of this pull request, it was already merged"}
                pull.state = body["state"]
        return 200, self._pull(pull)

    def _listed(self, repo: str, query: dict[str, str]) -> list[dict[str, Any]]:
        found = [one for one in self.pulls if one.repo == repo and one.state == query["state"]]
        if "head" in query:
            found = [
                one for one in found if f"{repo.partition('/')[0]}:{one.branch}" == query["head"] and one.source == 1
            ]
        return [self._pull(one) for one in found] if query.get("page", "1") == "1" else []

    def _pull(self, one: Pull) -> dict[str, Any]:
        return {
            "number": one.number, "html_url": f"{self.address}/{one.repo}/pull/{one.number}", "title": one.title,
            "state": one.state, "merged": one.merged, "base": {"ref": one.base, "repo_id": 1}, "body": one.body,
            "head": {"ref": one.branch, "sha": one.sha or self._branch_head(one), "repo_id": one.source},
        }  # fmt: skip

    def _repo(self, number: int, path: str) -> dict[str, Any]:
        return {
            "id": number, "full_name": path, "name": path.rpartition("/")[2], "description": "", "language": "Python",
            "updated_at": "2026-01-02T03:04:05Z",
        }  # fmt: skip

    def _gitlab(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        if path == "/user":
            return 200, {"username": "robot"}
        if path == "/projects":
            size, page = int(query["per_page"]), int(query["page"])
            fitting = [one for one in self._all() if query.get("search", "") in one[1]]
            items = [
                {"id": n, "path_with_namespace": p, "description": None, "last_activity_at": "2026-01-02T03:04:05.123Z"}
                for n, p in fitting[(page - 1) * size : page * size]
            ]
            return 200, items
        notes = re.fullmatch(r"/projects/([^/]+)/merge_requests/(\d+)/notes", path)
        if notes is not None:
            return (
                self._reviewed(method, unquote(notes[1]), notes[2], body)
                if query.get("page", "1") == "1"
                else (200, [])
            )
        match = re.fullmatch(r"/projects/([^/]+)/merge_requests(?:/(\d+))?", path)
        repo = unquote(match[1]) if match else ""
        if match is None or not (self.folder / f"{repo}.git").is_dir():
            return 404, {"message": "404 Project Not Found"}
        return self._requests(method, repo, match[2], query, body)

    def _requests(
        self, method: str, repo: str, number: str | None, query: dict[str, str], body: dict[str, Any]
    ) -> Answer:
        if number is None and method == "GET":
            found = [one for one in self.pulls if one.repo == repo and one.branch == query["source_branch"]]
            return 200, [self._request(one) for one in found if one.state == "open"]
        if number is None:
            made = self._open(repo, body["source_branch"], body["target_branch"], body["title"], body["description"])
            return (409, {"message": [made]}) if isinstance(made, str) else (201, self._request(made))
        pull = self._find(repo, number)
        if pull is None:
            return 404, {"message": "404 Not found"}
        if method == "PUT":
            pull.title, pull.body = body.get("title", pull.title), body.get("description", pull.body)
            pull.state = "closed" if body.get("state_event") == "close" else pull.state
        return 200, self._request(pull)

    def _request(self, one: Pull) -> dict[str, Any]:
        return {
            "iid": one.number, "web_url": f"{self.address}/{one.repo}/-/merge_requests/{one.number}",
            "title": one.title, "state": "merged" if one.merged else "opened" if one.state == "open" else "closed",
            "source_branch": one.branch, "target_branch": one.base, "description": one.body,
            "sha": one.sha or self._branch_head(one), "source_project_id": one.source, "target_project_id": 1,
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    server_of: ProviderServer
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        provider, parts = self.server_of, urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        provider.seen.append(Seen(self.command, self.path, headers))
        api = API[provider.flavour]
        if parts.path.startswith(api + "/"):
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            # The project of a GitLab address stays one part.
            status, found = provider.ask(
                self.command, parts.path.removeprefix(api), query, headers, json.loads(body) if body else None
            )
            self._answer(status, {"content-type": "application/json"}, json.dumps(found).encode())
        elif provider.redirect_to is not None:
            self._answer(302, {"location": provider.redirect_to + self.path}, b"")
        else:
            self._git(parts.path, parts.query, headers, body)

    do_GET = do_POST = do_PATCH = do_PUT = _handle  # noqa: N815 - the names that the server calls

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length") or 0))
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _git(self, path: str, query: str, headers: dict[str, str], body: bytes) -> None:
        provider = self.server_of
        given = headers.get("authorization", "")
        word = base64.b64decode(given.removeprefix("Basic ")).decode() if given.startswith("Basic ") else ""
        if word.partition(":")[2] != provider.token:
            self._answer(401, {"www-authenticate": 'Basic realm="git"'}, b"no")
            return
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        environment = GIT | {
            "REQUEST_METHOD": self.command, "PATH_INFO": unquote(path), "QUERY_STRING": query,
            "CONTENT_TYPE": headers.get("content-type", ""), "GIT_PROJECT_ROOT": str(provider.folder),
            "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "robot", "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": headers.get("git-protocol", ""), "REMOTE_ADDR": "127.0.0.1",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        told = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(told.pop("Status", "200").split()[0])
        self._answer(status, told, content)

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *args: Any) -> None: ...
