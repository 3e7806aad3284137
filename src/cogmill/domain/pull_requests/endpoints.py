"""Handlers of the pull-request and diff operations (extensions)."""

import json
from typing import Any

from sqlalchemy import select

from cogmill.access.context import Context
from cogmill.domain.pr_reviews.schemas import PrReviewOut
from cogmill.domain.pr_reviews.service import of_pull_request
from cogmill.domain.pull_requests import service
from cogmill.domain.pull_requests.schemas import PullRequestOut, RepositoryDiff, SessionDiffOut
from cogmill.domain.sessions.queries import find
from cogmill.models.sessions import session_event as event
from cogmill.scm.forge import LocalForge
from cogmill.web.call import Call


async def get(call: Call, pull_request_id: str) -> PullRequestOut:
    """A pull request with its diff, as the forge has it now."""
    row, reviews = await call.read(lambda ctx: _found(ctx, pull_request_id))
    forge = LocalForge(call.runtime.settings.data / "forge" / row.org_id)
    diff = await forge.diff(row.repo, row.base_commit, row.head_commit)
    shown = {name: getattr(row, name) for name in PullRequestOut.model_fields if name not in {"diff", "reviews"}}
    shown |= {"created_at": int(row.created_at), "updated_at": int(row.updated_at)}
    return PullRequestOut(**shown, reviews=reviews, diff=diff)


def _found(ctx: Context, pull_request_id: str) -> tuple[Any, list[PrReviewOut]]:
    """Who may see the session may see its pull requests, and the reviews of them."""
    row = service.find(ctx, pull_request_id)
    find(ctx, row.session_id)
    return row, of_pull_request(ctx, pull_request_id)


def session_diff(ctx: Context, devin_id: str) -> SessionDiffOut:
    """What the session changed in each repository, committed or not, as of its last pause."""
    row = find(ctx, devin_id)
    latest = (
        select(event.c.contents)
        .where(event.c.session == row.id, event.c.event_type == "workspace_diff")
        .order_by(event.c.seq.desc())
        .limit(1)
    )
    contents = ctx.db.execute(latest).scalar()
    diffs = [RepositoryDiff(**one) for one in json.loads(contents)["diffs"]] if contents else []
    return SessionDiffOut(session_id=row.session_id, diffs=diffs)
