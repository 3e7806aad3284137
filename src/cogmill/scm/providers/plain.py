"""Any git server, over https or ssh: clone and push; pull requests are kept at the built-in forge."""

from cogmill.scm.provider import (
    ProviderError,
    PullRequestDetails,
    PullRequestDraft,
    PullRequestFact,
    RepositoryPage,
    ReviewDraft,
)
from cogmill.scm.sign_in import SignIn

_NONE = "A plain git connection has no pull requests."


class PlainGit:
    """One user's password, or one key."""

    keeps_pull_requests = False

    def __init__(self, sign_in: SignIn | None) -> None:
        self._sign_in = sign_in

    async def sign_in(self) -> SignIn | None:
        return self._sign_in

    async def check(self) -> str:
        return "plain git offers nothing to ask; the first clone will show"

    async def repositories(self, page: int, size: int, name: str | None) -> RepositoryPage:  # noqa: ARG002
        return RepositoryPage([], has_more=False)

    async def deliver(self, draft: PullRequestDraft) -> PullRequestFact:  # noqa: ARG002
        raise ProviderError(_NONE)

    async def pull_request(self, path: str, number: int) -> PullRequestFact:  # noqa: ARG002
        raise ProviderError(_NONE)

    async def close(self, path: str, number: int) -> PullRequestFact:  # noqa: ARG002
        raise ProviderError(_NONE)

    async def pull_request_details(self, path: str, number: int) -> PullRequestDetails:  # noqa: ARG002
        raise ProviderError(_NONE)

    async def review(self, path: str, number: int, draft: ReviewDraft) -> None:  # noqa: ARG002
        raise ProviderError(_NONE)
