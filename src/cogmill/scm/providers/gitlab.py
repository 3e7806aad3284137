"""GitLab, gitlab.com or one's own."""

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
from cogmill.scm.providers.github import seconds
from cogmill.scm.providers.rest import Rest, is_there, number, objects, quoted, text

_STATES: dict[str, PullRequestState] = {"opened": "open", "locked": "open", "closed": "closed", "merged": "merged"}


class GitLab:
    """One token: of a person, a group or a project."""

    keeps_pull_requests = True

    def __init__(self, name: str, api: str, token: str) -> None:
        self._token = token
        self._rest = Rest(name, api, {"private-token": token}, token)

    async def sign_in(self) -> Credential:
        return Credential("oauth2", self._token)

    async def check(self) -> str:
        return f"signed in as {text(await self._rest.call('GET', '/user'), 'username')}"

    async def repositories(self, page: int, size: int, name: str | None) -> RepositoryPage:
        params = {"membership": "true", "order_by": "id", "sort": "asc", "per_page": size, "page": page}
        params |= {"search": name} if name else {}
        found = objects(await self._rest.call("GET", "/projects", params=params))
        return RepositoryPage([_repository(one) for one in found], len(found) == size)

    async def deliver(self, draft: PullRequestDraft) -> PullRequestFact:
        known, requests = await self._open_one(draft), _requests(draft.path)
        change = {"title": draft.title, "description": draft.body}
        if known is None:
            body = {"source_branch": draft.branch, "target_branch": draft.base_branch, **change}
            try:
                return _fact(await self._rest.call("POST", requests, body=body))
            except ProviderError as error:
                known = await self._open_one(draft) if error.status == 409 else None
                if known is None:
                    raise
        return _fact(await self._rest.call("PUT", f"{requests}/{known.number}", body=change))

    async def _open_one(self, draft: PullRequestDraft) -> PullRequestFact | None:
        params = {"source_branch": draft.branch, "state": "opened"}
        found = objects(await self._rest.call("GET", _requests(draft.path), params=params))
        mine = [
            one for one in found if one.get("source_branch") == draft.branch
            and one.get("source_project_id") == one.get("target_project_id")  # not a branch of that name in a fork
        ]  # fmt: skip
        return _fact(mine[0]) if mine else None

    async def pull_request(self, path: str, number: int) -> PullRequestFact:
        return _fact(await self._rest.call("GET", f"{_requests(path)}/{number}"))

    async def close(self, path: str, number: int) -> PullRequestFact:
        return _fact(await self._rest.call("PUT", f"{_requests(path)}/{number}", body={"state_event": "close"}))

    async def pull_request_details(self, path: str, number: int) -> PullRequestDetails:
        found = await self._rest.call("GET", f"{_requests(path)}/{number}")
        known = _fact(found)
        head, base = text(found, "sha"), text(found, "target_branch")
        return PullRequestDetails(
            known, found.get("description") or "", base, head, f"refs/merge-requests/{known.number}/head"
        )

    async def review(self, path: str, number: int, draft: ReviewDraft) -> None:
        """One note: a remark at a line would need the hashes of GitLab's own comparison."""
        notes = f"{_requests(path)}/{number}/notes"
        params = {"per_page": 100}
        if await is_there(draft.mark, lambda page: self._rest.call("GET", notes, params=params | {"page": page})):
            return
        await self._rest.call("POST", notes, body={"body": marked(draft, draft.whole)})


def _requests(path: str) -> str:
    return f"/projects/{quoted(path)}/merge_requests"


def _fact(found: Any) -> PullRequestFact:
    state = _STATES.get(text(found, "state"), "open")
    return PullRequestFact(number(found, "iid"), text(found, "web_url"), text(found, "title"), state)


def _repository(found: dict[str, Any]) -> RepositoryFact:
    path = text(found, "path_with_namespace")
    return RepositoryFact(
        str(number(found, "id")), path, path.rpartition("/")[2], found.get("description") or None, None,
        seconds(found.get("last_activity_at")),
    )  # fmt: skip
