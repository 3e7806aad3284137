"""What a place that keeps repositories and pull requests must offer; the built-in forge is one, GitHub another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from cogmill.scm.git import Credential
from cogmill.scm.repositories import RepositoryRef

PullRequestState = Literal["open", "closed", "merged"]


@dataclass(frozen=True, slots=True)
class Source:
    """A repository found at its provider: `ref` has an address, `credential` stays on the host."""

    ref: RepositoryRef
    web_url: str | None = None
    credential: Credential | None = None


@dataclass(frozen=True, slots=True)
class PullRequestDraft:
    name: str
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
    branch: str
    head: str | None = None


class GitProvider(Protocol):
    """One kind of place. Every method may be called again after a crash with the same result."""

    name: str

    async def resolve(self, ref: RepositoryRef) -> Source:
        """Where the repository can be cloned from, or UnknownRepository."""

    async def push(self, name: str, branch: str, bundle: Path, head: str, *, replaces: str | None = None) -> None:
        """Bring the bundle's commits onto the session's branch. With `replaces`, history may be rewritten from there.

        PushRefused when the branch has moved otherwise; the same head once more is a success.
        """

    async def open_pull_request(self, draft: PullRequestDraft) -> PullRequestFact:
        """Open the branch's pull request, or update the one that is open."""

    async def pull_request_state(self, name: str, number: int) -> PullRequestFact:
        """How the pull request stands now."""
