"""Starting a review and saying how it stands. What becomes of it is in `outcomes`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import insert, update

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.pr_reviews import report
from cogmill.domain.pr_reviews.jobs import LOOP
from cogmill.domain.pr_reviews.outcomes import cancel
from cogmill.domain.pr_reviews.schemas import PrReviewOut
from cogmill.domain.pr_reviews.targets import Target, find
from cogmill.domain.sessions.create import create_session
from cogmill.domain.sessions.schemas import SessionIn
from cogmill.kit.errors import Conflict, Forbidden, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.models.access import organization
from cogmill.models.reviews import ORIGIN, pr_review
from cogmill.models.sessions import session
from cogmill.scm.provider import PullRequestDetails

MICRO = 1_000_000
_C = pr_review.c
_COLUMNS = (*_C, session.c.session_id)
_LONGEST_BODY = 20_000


class UsedUp(Forbidden):
    """The reviews of this pull request have used what they may."""

    def __init__(self, used: float, limit: float) -> None:
        super().__init__(
            f"The reviews of this pull request have used {used:.2f} ACUs of the {limit:g} that they may use together. "
            "Whoever runs the server can raise review_acu_limit.",
            headers={"x-should-retry": "false"},
        )


def start(ctx: Context, url: str, now: PullRequestDetails) -> Any:
    """Have the head of a pull request reviewed; the review of this commit that is under way, if there is one.

    One of an older commit that is under way is cancelled. Refuses a pull request that is not open, one whose
    repository is read-only, and one whose reviews have used up `review_acu_limit`.
    """
    target = find(ctx, url, "body")  # the permissions as they are now
    if ctx.scope.org_id is None:
        ctx.narrow(target.org_id)
    if target.read_only:
        raise Forbidden(
            f"pr_url: {target.path} is read-only for this organization, and a review is written there. An "
            "administrator can allow writing in the organization's git permissions."
        )
    # One at a time in an organization: two requests must not both find that nothing is under way.
    ctx.db.execute(owned(organization, ctx.scope, organization.c.org_id).with_for_update(key_share=True))
    for row in active(ctx, target):
        if row.commit_sha == now.head_commit:
            ctx.audited |= {"pr_review_id": row.pr_review_id, "is_new": False}
            return row
        cancel(ctx, row, f"a new push: the head is {now.head_commit[:12]} by now")
    if now.fact.state != "open":
        raise Conflict(f"pr_url: the pull request is {now.fact.state}; only open ones are reviewed.")
    made = _session(ctx, target, now, _rest(ctx, target))
    values = {
        "pr_review_id": ordered_id("pr-review"), "org_id": target.org_id, "session": made.id,
        "pull_request_id": target.pull_request and target.pull_request.pull_request_id,
        "git_connection_id": target.connection and target.connection.git_connection_id,
        "provider_path": target.path or None, "repo_path": target.repo_path, "number": target.number,
        "commit_sha": now.head_commit, "status": "pending", "detail": None, "report": None, "attempts": 0,
        "check_at": ctx.now + ctx.runtime.settings.pull_request_check_seconds,
        "created_at": ctx.now, "updated_at": ctx.now,
    }  # fmt: skip
    ctx.db.execute(insert(pr_review).values(values))
    ctx.audited |= {"pr_review_id": values["pr_review_id"], "session_id": made.session_id, "is_new": True}
    ctx.audited |= {"commit_sha": now.head_commit, "repo_path": target.repo_path, "pr_number": target.number}
    ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))
    return _one(ctx, values["pr_review_id"])


def _rest(ctx: Context, target: Target) -> int | None:
    """What a further review may use; None: anything."""
    limit = ctx.runtime.settings.review_acu_limit
    if not limit:
        return None
    theirs = owned(pr_review, ctx.scope, session.c.acus_micro).join(session, session.c.id == _C.session)
    used = sum(ctx.db.execute(theirs.where(target.same())).scalars()) / MICRO
    if limit - used < 1:
        raise UsedUp(used, limit)
    return int(limit - used)


def _session(ctx: Context, target: Target, now: PullRequestDetails, most: int | None) -> Any:
    """A session in the caller's name, which gets clone, diff and rules when it runs."""
    named = {
        "number": target.number,
        "repo": target.repo_path,
        "url": now.fact.url.replace("!", "%21"),
        "commit": now.head_commit,
    }
    asked = SessionIn(
        prompt=report.PROMPT.format(**named), title=f"Review of {target.repo_path}#{target.number}"[:500],
        repos=[target.repo], max_acu_limit=most, structured_output_schema=report.SCHEMA,
        secret_ids=[],  # it may run what strangers wrote, and what it says is shown to them
    )  # fmt: skip
    made = create_session(ctx, asked, None, ORIGIN)
    about = {
        "number": target.number, "title": now.fact.title, "body": now.body[:_LONGEST_BODY],
        "base_branch": now.base_branch, "head_commit": now.head_commit, "head_ref": now.head_ref,
        "is_at_forge": target.pull_request is not None,
    }  # fmt: skip
    values = {"request": made.request | {"review": about}, "category": "code_review_and_analysis"}
    ctx.db.execute(update(session).where(session.c.id == made.id).values(values))
    return made


def active(ctx: Context, target: Target) -> Sequence[Any]:
    """Reviews of the pull request that are under way."""
    query = _reviews(ctx).where(target.same(), _C.check_at.is_not(None))
    return ctx.db.execute(query.order_by(_C.pr_review_id)).all()


def newest(ctx: Context, target: Target, commit: str) -> Any:
    """The newest review of a commit, which may be named by its beginning. NotFound when there is none."""
    fitting = _C.commit_sha.startswith(commit.lower(), autoescape=True)
    query = _reviews(ctx).where(target.same(), fitting).order_by(_C.pr_review_id.desc()).limit(1)
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no review of commit {commit[:12]} of {target.repo_path}#{target.number} here. POST starts one."
        )
    return row


def of_pull_request(ctx: Context, pull_request_id: str) -> list[PrReviewOut]:
    """The reviews of a pull request of the built-in forge, newest first."""
    query = _reviews(ctx).where(_C.pull_request_id == pull_request_id).order_by(_C.pr_review_id.desc()).limit(50)
    return [present(row) for row in ctx.db.execute(query)]


def present(row: Any) -> PrReviewOut:
    """As the API shows it. One that nobody looks at any more and that has no end came with an import."""
    is_lost = row.check_at is None and row.status in {"pending", "running"}
    return PrReviewOut(
        commit_sha=row.commit_sha, created_at=datetime.fromtimestamp(int(row.created_at), UTC), pr_number=row.number,
        repo_path=row.repo_path, status="errored" if is_lost else row.status, session_id=row.session_id,
        detail="It did not go on where it was moved to." if is_lost else row.detail,
        report=None if row.report is None else report.text(row.report, row.commit_sha),
    )  # fmt: skip


def _reviews(ctx: Context) -> Any:
    return owned(pr_review, ctx.scope, *_COLUMNS).join(session, session.c.id == _C.session)


def _one(ctx: Context, pr_review_id: str) -> Any:
    return ctx.db.execute(_reviews(ctx).where(_C.pr_review_id == pr_review_id)).one()
