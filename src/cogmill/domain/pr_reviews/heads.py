"""How a pull request stands at this moment, asked where it lies."""

from typing import Any

from cogmill.access.context import Runtime
from cogmill.domain.git_providers.credentials import provider_of
from cogmill.domain.pr_reviews.targets import Target
from cogmill.kit.errors import NotFound, Unavailable
from cogmill.scm.forge import LocalForge
from cogmill.scm.provider import ProviderError, PullRequestDetails, PullRequestFact


async def details(runtime: Runtime, target: Target) -> PullRequestDetails:
    """NotFound when the provider knows no such pull request, Unavailable when it does not answer."""
    if target.pull_request is not None:
        return await at_forge(runtime, target.pull_request)
    try:
        provider = provider_of(runtime.keyring, target.connection)
        return await provider.pull_request_details(target.path, target.number)
    except ProviderError as error:
        raise (NotFound if error.status == 404 else Unavailable)(f"pr_url: {error}") from None


async def at_forge(runtime: Runtime, row: Any) -> PullRequestDetails:
    """The same of one at the built-in forge: its head is that of its branch."""
    forge = LocalForge(runtime.settings.data / "forge" / row.org_id)
    head = await forge.branch_head(row.repo, row.branch) if forge.exists(row.repo) else None
    fact = PullRequestFact(row.number, row.url, row.title, row.state)
    return PullRequestDetails(fact, row.body, row.base_branch, head or row.head_commit, f"refs/heads/{row.branch}")
