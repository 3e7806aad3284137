"""What goes out of the pull-request and diff operations (extensions)."""

from cogmill.domain.pr_reviews.schemas import PrReviewOut
from cogmill.web.params import Out


class PullRequestOut(Out):
    pull_request_id: str
    number: int
    repo: str
    title: str
    body: str
    state: str
    branch: str
    base_branch: str
    base_commit: str
    head_commit: str
    url: str
    session_id: str
    created_at: int
    updated_at: int
    reviews: list[PrReviewOut]
    """Those of it that were asked for here, newest first; of one at a provider they stand there."""
    diff: str


class RepositoryDiff(Out):
    repo: str
    branch: str
    base_branch: str
    base_commit: str
    head_commit: str
    diff: str


class SessionDiffOut(Out):
    session_id: str
    diffs: list[RepositoryDiff]
