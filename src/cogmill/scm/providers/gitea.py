"""Gitea and Forgejo, which share one API."""

from typing import Any

from cogmill.scm.git import Credential
from cogmill.scm.provider import (
    ProviderError,
    PullRequestDetails,
    PullRequestDraft,
    PullRequestFact,
    RepositoryFact,
    RepositoryPage,
    ReviewDraft,
    marked,
)
from cogmill.scm.providers.github import details, fact, seconds
from cogmill.scm.providers.rest import Rest, is_there, number, objects, quoted, text

_PAGES, _SIZE = 20, 50
"""How far open pull requests are looked through for a branch: the API has no filter by branch."""


class Gitea:
    """One token."""

    keeps_pull_requests = True

    def __init__(self, name: str, api: str, token: str) -> None:
        self._token = token
        self._rest = Rest(name, api, {"authorization": f"token {token}"}, token)

    async def sign_in(self) -> Credential:
        return Credential("oauth2", self._token)

    async def check(self) -> str:
        return f"signed in as {text(await self._rest.call('GET', '/user'), 'login')}"

    async def repositories(self, page: int, size: int, name: str | None) -> RepositoryPage:
        params = {"limit": size, "page": page, "sort": "id", **({"q": name} if name else {})}
        found = await self._rest.call("GET", "/repos/search", params=params)
        items = objects(found.get("data") if isinstance(found, dict) else None)
        # A server may give fewer on a page than were asked for.
        return RepositoryPage([_repository(one) for one in items], bool(items))

    async def deliver(self, draft: PullRequestDraft) -> PullRequestFact:
        known, pulls = await self._open_one(draft), f"/repos/{quoted(draft.path, safe='/')}/pulls"
        if known is None:
            body = {"head": draft.branch, "base": draft.base_branch, "title": draft.title, "body": draft.body}
            try:
                return fact(await self._rest.call("POST", pulls, body=body))
            except ProviderError as error:
                known = await self._open_one(draft) if error.status == 409 else None
                if known is None:
                    raise
        change = {"title": draft.title, "body": draft.body}
        return fact(await self._rest.call("PATCH", f"{pulls}/{known.number}", body=change))

    async def _open_one(self, draft: PullRequestDraft) -> PullRequestFact | None:
        for page in range(1, _PAGES + 1):
            params = {"state": "open", "limit": _SIZE, "page": page}
            path = f"/repos/{quoted(draft.path, safe='/')}/pulls"
            found = objects(await self._rest.call("GET", path, params=params))
            for one in found:
                head, base = one.get("head") or {}, one.get("base") or {}
                if head.get("ref") == draft.branch and head.get("repo_id") == base.get("repo_id"):  # not a fork's
                    return fact(one)
            if not found:
                break
        return None

    async def pull_request(self, path: str, number: int) -> PullRequestFact:
        return fact(await self._rest.call("GET", _pull(path, number)))

    async def close(self, path: str, number: int) -> PullRequestFact:
        return fact(await self._rest.call("PATCH", _pull(path, number), body={"state": "closed"}))

    async def pull_request_details(self, path: str, number: int) -> PullRequestDetails:
        return details(await self._rest.call("GET", _pull(path, number)))

    async def review(self, path: str, number: int, draft: ReviewDraft) -> None:
        reviews = f"{_pull(path, number)}/reviews"
        params = {"limit": _SIZE}
        if await is_there(draft.mark, lambda page: self._rest.call("GET", reviews, params=params | {"page": page})):
            return
        body = {"commit_id": draft.commit, "event": "COMMENT", "body": marked(draft, draft.summary)}
        comments = [{"path": one.path, "new_position": one.line, "body": one.text} for one in draft.remarks]
        await self._rest.call("POST", reviews, body=body | {"comments": comments})


def _pull(path: str, number: int) -> str:
    return f"/repos/{quoted(path, safe='/')}/pulls/{number}"


def _repository(found: dict[str, Any]) -> RepositoryFact:
    return RepositoryFact(
        str(number(found, "id")), text(found, "full_name"), text(found, "name"), found.get("description") or None,
        found.get("language") or None, seconds(found.get("updated_at")),
    )  # fmt: skip
