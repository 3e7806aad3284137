"""What a place that keeps repositories and pull requests offers: GitHub, GitLab, Gitea, and plain git in part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from cogmill.scm.sign_in import SignIn

PullRequestState = Literal["open", "closed", "merged"]


class ProviderError(Exception):
    """A provider refused, failed or could not be reached; the text is short and holds no secret."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class RepositoryFact:
    """A repository as its provider tells it."""

    id: str
    path: str
    name: str
    description: str | None
    language: str | None
    updated_at: int | None


@dataclass(frozen=True, slots=True)
class RepositoryPage:
    items: Sequence[RepositoryFact]
    has_more: bool


@dataclass(frozen=True, slots=True)
class PullRequestDraft:
    path: str
    branch: str
    base_branch: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class PullRequestFact:
    """A pull request as its provider tells it."""

    number: int
    url: str
    title: str
    state: PullRequestState


@dataclass(frozen=True, slots=True)
class PullRequestDetails:
    """What a review of a pull request has to know."""

    fact: PullRequestFact
    body: str
    base_branch: str
    head_commit: str
    head_ref: str
    """Where its head can be fetched in the repository itself, also when it came from a fork."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What a review says of one line, counted from 1 in the new state of the file."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class ReviewDraft:
    """A review that is to be written at a pull request."""

    mark: str
    """Stands unseen in it: one that has it is there already."""
    commit: str
    summary: str
    whole: str
    """Summary and remarks in one text, for where remarks cannot stand at their lines."""
    remarks: Sequence[Remark]


class Provider(Protocol):
    """One connection. Every method may be called again after a crash with the same result."""

    keeps_pull_requests: bool

    async def sign_in(self) -> SignIn | None:
        """With what git proves itself there."""

    async def check(self) -> str:
        """Whose the credentials are, in words. ProviderError when they are nobody's."""

    async def repositories(self, page: int, size: int, name: str | None) -> RepositoryPage:
        """Those that the credentials reach, page by page from 1."""

    async def deliver(self, draft: PullRequestDraft) -> PullRequestFact:
        """Open the branch's pull request, or bring the open one up to date."""

    async def pull_request(self, path: str, number: int) -> PullRequestFact:
        """How a pull request stands now."""

    async def close(self, path: str, number: int) -> PullRequestFact:
        """Close a pull request without merging it; answers how it stands then."""

    async def pull_request_details(self, path: str, number: int) -> PullRequestDetails:
        """The same as `pull_request`, with what a review has to know."""

    async def review(self, path: str, number: int, draft: ReviewDraft) -> None:
        """Write a review at a pull request, unless one with its mark is there."""


async def close_open(provider: Provider, path: str, number: int) -> PullRequestFact:
    """Close a pull request if it is open: one that was merged or closed meanwhile stays as it is."""
    now = await provider.pull_request(path, number)
    if now.state != "open":
        return now
    after = await provider.close(path, number)
    if after.state == "open":
        raise ProviderError("The provider took the request to close it, and left it open.")
    return after


def marked(draft: ReviewDraft, text: str) -> str:
    """A text of the draft with its mark, which Markdown does not show."""
    return f"{text}\n\n<!-- {draft.mark} -->"
