"""Tells the loop that reviews have something to be looked at: their session got on, somebody pushed."""

from functools import partial

from sqlalchemy import ColumnElement, func, select, update

from cogmill.access.context import Context
from cogmill.models.reviews import pr_review
from cogmill.models.sessions import pull_request

LOOP = "pr_reviews"
_C = pr_review.c


def session_changed(ctx: Context, row_id: int) -> None:
    """The state of a session that reviews became another one."""
    mine = (_C.session == row_id, _C.check_at.is_not(None))
    values = {"status": "running", "check_at": ctx.now, "updated_at": ctx.now}
    ctx.db.execute(update(pr_review).where(*mine).values(values))
    ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))


def pushed_here(ctx: Context, org_id: str, repo: str, branch: str) -> None:
    """A branch of the built-in forge moved."""
    columns = pull_request.c
    of_branch = select(columns.pull_request_id).where(
        columns.org_id == org_id, columns.repo == repo, columns.branch == branch
    )
    _look(ctx, (_C.org_id == org_id) & _C.pull_request_id.in_(of_branch))


def changed_there(ctx: Context, connection_id: str, path: str, number: int) -> None:
    """Something happened to a pull request at a provider."""
    named = (_C.git_connection_id == connection_id) & (_C.number == number)
    _look(ctx, named & (func.lower(_C.provider_path) == path.lower()))


def _look(ctx: Context, which: ColumnElement[bool]) -> None:
    query = update(pr_review).where(which, _C.check_at.is_not(None)).values(check_at=ctx.now)
    if ctx.db.execute(query).rowcount:
        ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))
