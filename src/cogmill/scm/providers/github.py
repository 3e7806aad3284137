"""GitHub and GitHub Enterprise Server: by token, or as an app's installation."""

import base64
import json
import time
from datetime import datetime
from typing import Any

from cogmill.scm.git import Credential
from cogmill.scm.provider import (
    ProviderError,
    PullRequestDetails,
    PullRequestDraft,
    PullRequestFact,
    PullRequestState,
    RepositoryFact,
    RepositoryPage,
    ReviewDraft,
    marked,
)
from cogmill.scm.providers.rest import Rest, is_there, number, objects, quoted, text

_VERSION = {"x-github-api-version": "2022-11-28", "accept": "application/vnd.github+json"}


def api_address(address: str) -> str:
    """The API of github.com has a host of its own; that of a GitHub Enterprise Server lies below it."""
    return "https://api.github.com" if address == "https://github.com" else f"{address}/api/v3"


class GitHub:
    """One token."""

    keeps_pull_requests = True

    def __init__(self, name: str, api: str, token: str) -> None:
        self._name, self._api, self._token = name, api, token

    async def sign_in(self) -> Credential:
        return Credential("x-access-token", await self._secret())

    async def check(self) -> str:
        return f"signed in as {text(await self._call('GET', '/user'), 'login')}"

    async def repositories(self, page: int, size: int, name: str | None) -> RepositoryPage:
        found = await self._repositories({"per_page": size, "page": page})
        fitting = [one for one in found if name is None or name.lower() in text(one, "full_name").lower()]
        return RepositoryPage([_repository(one) for one in fitting], len(found) == size)

    async def _repositories(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        return objects(await self._call("GET", "/user/repos", params={"sort": "full_name", **params}))

    async def deliver(self, draft: PullRequestDraft) -> PullRequestFact:
        known = await self._open_one(draft)
        if known is None:
            body = {"head": draft.branch, "base": draft.base_branch, "title": draft.title, "body": draft.body}
            try:
                return fact(await self._call("POST", f"/repos/{quoted(draft.path, safe='/')}/pulls", body=body))
            except ProviderError as error:
                known = await self._open_one(draft) if error.status == 422 else None
                if known is None:
                    raise
        change = {"title": draft.title, "body": draft.body}
        path = f"/repos/{quoted(draft.path, safe='/')}/pulls/{known.number}"
        return fact(await self._call("PATCH", path, body=change))

    async def _open_one(self, draft: PullRequestDraft) -> PullRequestFact | None:
        """By its head branch: after a crash nobody here remembers that it was opened."""
        params = {"head": f"{draft.path.partition('/')[0]}:{draft.branch}", "state": "open"}
        found = objects(await self._call("GET", f"/repos/{quoted(draft.path, safe='/')}/pulls", params=params))
        mine = [one for one in found if one.get("head", {}).get("ref") == draft.branch]
        return fact(mine[0]) if mine else None

    async def pull_request(self, path: str, number: int) -> PullRequestFact:
        return fact(await self._call("GET", f"/repos/{quoted(path, safe='/')}/pulls/{number}"))

    async def close(self, path: str, number: int) -> PullRequestFact:
        change = {"state": "closed"}
        return fact(await self._call("PATCH", f"/repos/{quoted(path, safe='/')}/pulls/{number}", body=change))

    async def pull_request_details(self, path: str, number: int) -> PullRequestDetails:
        return details(await self._call("GET", f"/repos/{quoted(path, safe='/')}/pulls/{number}"))

    async def review(self, path: str, number: int, draft: ReviewDraft) -> None:
        reviews = f"/repos/{quoted(path, safe='/')}/pulls/{number}/reviews"
        params = {"per_page": 100}
        if await is_there(draft.mark, lambda page: self._call("GET", reviews, params=params | {"page": page})):
            return
        whole = {"commit_id": draft.commit, "event": "COMMENT", "body": marked(draft, draft.whole)}
        if not draft.remarks:
            await self._call("POST", reviews, body=whole)
            return
        comments = [{"path": one.path, "line": one.line, "side": "RIGHT", "body": one.text} for one in draft.remarks]
        try:
            body = whole | {"body": marked(draft, draft.summary), "comments": comments}
            await self._call("POST", reviews, body=body)
        except ProviderError as error:
            if error.status != 422:  # a remark on a line that the diff does not show
                raise
            await self._call("POST", reviews, body=whole)

    async def _call(self, method: str, path: str, *, params: dict[str, Any] | None = None, body: Any = None) -> Any:
        secret = await self._secret()
        headers = {**_VERSION, "authorization": f"Bearer {secret}"}
        return await Rest(self._name, self._api, headers, secret).call(method, path, params=params, body=body)

    async def _secret(self) -> str:
        return self._token


class GitHubApp(GitHub):
    """An app's installation: its tokens last an hour and are made with the app's private key."""

    def __init__(self, name: str, api: str, app: str, installation: str, private_key: str) -> None:
        super().__init__(name, api, "")
        self._app, self._installation, self._key = app, installation, private_key
        self._until = 0.0

    async def check(self) -> str:
        found = await self._repositories({"per_page": 1, "page": 1})
        return f"signed in as installation {self._installation} of app {self._app}" + (
            "" if found else ", without repositories"
        )

    async def _repositories(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        found = await self._call("GET", "/installation/repositories", params=params)
        return objects(found.get("repositories") if isinstance(found, dict) else None)

    async def _secret(self) -> str:
        if time.time() > self._until - 300:
            jwt = app_token(self._app, self._key, time.time())
            rest = Rest(self._name, self._api, {**_VERSION, "authorization": f"Bearer {jwt}"}, jwt)
            path = f"/app/installations/{quoted(self._installation)}/access_tokens"
            self._token = text(await rest.call("POST", path), "token")
            self._until = time.time() + 3600
        return self._token


def app_token(app: str, private_key: str, now: float) -> str:
    """A JSON Web Token by which GitHub knows the app for some minutes (RFC 7519, RS256)."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    claims = {"iat": int(now) - 60, "exp": int(now) + 540, "iss": app}
    parts = [
        _base64(json.dumps(one, separators=(",", ":")).encode()) for one in ({"alg": "RS256", "typ": "JWT"}, claims)
    ]
    signature = rsa_key(private_key).sign(".".join(parts).encode(), PKCS1v15(), SHA256())
    return ".".join([*parts, _base64(signature)])


def rsa_key(private_key: str) -> Any:
    """The key in a PEM text. ValueError when there is no RSA key in it."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.encode(), None)
    except Exception:  # the library's errors share no base
        key = None
    if isinstance(key, RSAPrivateKey):
        return key
    raise ValueError("this is no RSA private key in PEM form without a password")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def fact(found: Any) -> PullRequestFact:
    """Of a pull request as GitHub and Gitea show it."""
    state: PullRequestState = "open" if text(found, "state") == "open" else "closed"
    if found.get("merged") or found.get("merged_at"):
        state = "merged"
    return PullRequestFact(number(found, "number"), text(found, "html_url"), text(found, "title"), state)


def details(found: Any) -> PullRequestDetails:
    """The same with what a review has to know."""
    known = fact(found)
    head, base = text(found.get("head"), "sha"), text(found.get("base"), "ref")
    return PullRequestDetails(known, found.get("body") or "", base, head, f"refs/pull/{known.number}/head")


def _repository(found: dict[str, Any]) -> RepositoryFact:
    return RepositoryFact(
        str(number(found, "id")), text(found, "full_name"), text(found, "name"), found.get("description") or None,
        found.get("language") or None, seconds(found.get("updated_at")),
    )  # fmt: skip


def seconds(moment: Any) -> int | None:
    """Unix seconds of an ISO 8601 text."""
    try:
        return int(datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp())
    except (AttributeError, ValueError):
        return None
