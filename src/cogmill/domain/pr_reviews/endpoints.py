"""Handlers of reviews. Providers are asked between transactions, never within one."""

from typing import Any

from cogmill.domain.pr_reviews import service
from cogmill.domain.pr_reviews.heads import details
from cogmill.domain.pr_reviews.schemas import PrReviewIn, PrReviewOut, PrReviewQuery
from cogmill.domain.pr_reviews.targets import find
from cogmill.web.call import Call


async def create(call: Call, body: PrReviewIn) -> PrReviewOut:
    """Has the pull request's head reviewed; a review of it that is under way is answered as it is.

    At the enterprise the organization is the pull request's own, or else the one with the oldest git permission that
    lets it write in the repository.
    """
    target = await call.read(lambda ctx: find(ctx, body.pr_url, "body"))
    now = await details(call.runtime, target)

    return await call.write(lambda ctx: service.present(service.start(ctx, body.pr_url, now)))


async def get(call: Call, query: PrReviewQuery) -> PrReviewOut:
    """The newest review of a commit, by default of the pull request's head."""
    target = await call.read(lambda ctx: find(ctx, query.pr_url, "query"))
    commit = query.commit_sha or (await details(call.runtime, target)).head_commit
    row: Any = await call.read(lambda ctx: service.newest(ctx, target, commit))
    return service.present(row)
