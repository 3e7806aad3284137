"""Pull requests of sessions: the record lies here, the commits at the forge."""

from functools import partial
from typing import Any

from sqlalchemy import func, insert, select, update

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.code_scans import following
from cogmill.domain.happenings.record import happened
from cogmill.domain.metrics.marks import mark
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.kit.errors import NotFound
from cogmill.kit.ids import new_id
from cogmill.models.access import organization
from cogmill.models.sessions import pull_request, session

_TOLD = (
    "pull_request_id", "org_id", "repo", "number", "state", "url", "branch", "base_branch", "base_commit",
    "head_commit",
)  # fmt: skip
"""Neither title nor description: agents and people write them."""
LOOP = "pull_requests"
"""The engine's loop that keeps states fresh."""


class PullRequestNotFound(NotFound):
    """No such pull request within reach."""


def find(ctx: Context, pull_request_id: str) -> Any:
    """A pull request with its session's id."""
    query = (
        owned(pull_request, ctx.scope, *pull_request.c, session.c.session_id)
        .join(session, session.c.id == pull_request.c.session)
        .where(pull_request.c.pull_request_id == pull_request_id)
    )
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise PullRequestNotFound(f"There is no pull request {pull_request_id[:64]!r} here.")
    return row


def of_session(ctx: Context, row_id: int) -> list[Any]:
    """The pull requests that a session opened, oldest first."""
    query = select(pull_request).where(pull_request.c.session == row_id).order_by(pull_request.c.id)
    return list(ctx.db.execute(query))


def note_provided(ctx: Context, row_id: int, facts: dict[str, Any], check_at: float) -> tuple[Any, bool]:
    """Write down a pull request that lies at a provider, under its number and address there; True when it is new.

    `facts`: those of `open_or_update`, and number, url, state, git_connection_id, provider_path.
    """
    known = select(pull_request).where(
        pull_request.c.session == row_id,
        pull_request.c.git_connection_id == facts["git_connection_id"],
        pull_request.c.provider_path == facts["provider_path"],
        pull_request.c.number == facts["number"],
    )
    row = ctx.db.execute(known).one_or_none()
    ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))
    values = facts | {"updated_at": ctx.now, "check_at": check_at if facts["state"] == "open" else None}
    if row is not None:
        change = update(pull_request).where(pull_request.c.id == row.id).values(values)
        row = ctx.db.execute(change.returning(*pull_request.c)).one()
        mark(ctx, row.org_id, row.created_at)  # its session runs, and is counted anyway
        tell(ctx, row, "updated")
        return row, False
    values |= {
        "pull_request_id": new_id("pr"), "org_id": ctx.scope.one_org, "session": row_id, "created_at": ctx.now,
    }  # fmt: skip
    row = ctx.db.execute(insert(pull_request).values(values).returning(*pull_request.c)).one()
    mark(ctx, row.org_id, row.created_at)
    tell(ctx, row, "opened")
    return row, True


def set_state(ctx: Context, pull_request_row: int, state: str) -> bool:
    """How a pull request stands now; a change is told in its session's log, once. True when it is one."""
    change = update(pull_request).where(pull_request.c.id == pull_request_row, pull_request.c.state != state)
    change = change.values(state=state, updated_at=ctx.now)
    row = ctx.db.execute(change.returning(*pull_request.c)).one_or_none()
    if row is None:
        return False
    of = ctx.db.execute(select(session.c.session_id, session.c.created_at).where(session.c.id == row.session)).one()
    mark(ctx, row.org_id, of.created_at, row.created_at)
    contents = {
        "pull_request_id": row.pull_request_id, "repo": row.repo, "number": row.number, "url": row.url, "state": state,
    }  # fmt: skip
    summary = f"Pull request #{row.number} of {row.repo} is {state}"
    append(ctx, row.session, of.session_id, [NewEvent("pull_request_changed", "git", summary, contents, "incoming")])
    tell(ctx, row, state if state in {"merged", "closed"} else "updated")
    return True


def due_now(ctx: Context, connection_id: str, path: str, number: int) -> int:
    """Have a provider asked at once how a pull request stands; answers how many are known under that name."""
    columns = pull_request.c
    named = (columns.git_connection_id == connection_id, columns.number == number)
    query = update(pull_request).where(*named, func.lower(columns.provider_path) == path.lower())
    found = ctx.db.execute(query.values(check_at=ctx.now).returning(columns.id)).all()
    if found:
        ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))
    return len(found)


def open_or_update(ctx: Context, row_id: int, facts: dict[str, Any]) -> tuple[Any, bool]:
    """The open pull request of a session's branch, made or brought up to date; True when it is new.

    `facts`: repo, title, body, branch, base_branch, base_commit, head_commit.
    """
    mine = select(pull_request).where(
        pull_request.c.session == row_id,
        pull_request.c.repo == facts["repo"],
        pull_request.c.branch == facts["branch"],
        pull_request.c.git_connection_id.is_(None),
        pull_request.c.state == "open",
    )
    known = ctx.db.execute(mine).one_or_none()
    if known is not None:
        change = update(pull_request).where(pull_request.c.id == known.id).values(**facts, updated_at=ctx.now)
        row = ctx.db.execute(change.returning(*pull_request.c)).one()
        tell(ctx, row, "updated")
        return row, False
    org_id = ctx.scope.one_org
    # One numbering at a time in an organization: two sessions must not find the same highest number.
    ctx.db.execute(owned(organization, ctx.scope, organization.c.org_id).with_for_update(key_share=True))
    highest = select(func.max(pull_request.c.number)).where(
        pull_request.c.org_id == org_id,
        pull_request.c.repo == facts["repo"],
        pull_request.c.git_connection_id.is_(None),
    )
    pull_request_id = new_id("pr")
    values = facts | {
        "pull_request_id": pull_request_id,
        "org_id": org_id,
        "session": row_id,
        "number": (ctx.db.execute(highest).scalar() or 0) + 1,
        "state": "open",
        "url": f"{ctx.runtime.settings.base_url}/organizations/{org_id}/pull-requests/{pull_request_id}",
        "created_at": ctx.now,
        "updated_at": ctx.now,
    }
    row = ctx.db.execute(insert(pull_request).values(values).returning(*pull_request.c)).one()
    mark(ctx, row.org_id, row.created_at)
    tell(ctx, row, "opened")
    return row, True


def tell(ctx: Context, row: Any, what: str) -> None:
    """Tell whoever listens that a pull request was opened, updated, merged or closed."""
    following.pull_request_changed(ctx, row.org_id, row.session, row.url, row.state)

    def facts() -> dict[str, Any]:
        found = {name: getattr(row, name) for name in _TOLD}
        found["session_id"] = ctx.db.execute(select(session.c.session_id).where(session.c.id == row.session)).scalar()
        return found | {"created_at": int(row.created_at), "updated_at": int(row.updated_at)}

    happened(ctx, row.org_id, f"pull_request.{what}", facts)
