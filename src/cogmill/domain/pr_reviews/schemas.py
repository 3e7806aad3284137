"""What goes in and out of the reviews of pull requests; names and meanings are the contract's."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from cogmill.web.params import Body, Out, Query

PullRequestUrl = Annotated[
    str,
    Field(min_length=1, max_length=2083, description="Address of the pull request, at its provider or on this server"),
]
Status = Literal["pending", "running", "completed", "errored"]


class PrReviewIn(Body):
    """Which pull request. Its head of this moment is reviewed."""

    pr_url: PullRequestUrl


class PrReviewQuery(Query):
    pr_url: PullRequestUrl
    commit_sha: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{4,64}$")] | None = Field(
        None, description="Full or short; default: the head of this moment"
    )


class PrReviewOut(Out):
    """How the review of one commit stands."""

    commit_sha: str
    created_at: datetime = Field(description="ISO 8601")
    pr_number: int
    repo_path: str = Field(description="With the host in front, e.g. github.com/owner/repo")
    status: Status
    session_id: str = Field(description="Extension: the session that does it")
    detail: str | None = Field(description="Extension: why it errored, or why it is not over yet")
    report: str | None = Field(description="Extension: what it found, in Markdown")
