"""Rules of insights: which sessions get an analysis, and what is shown of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from cogmill.access.context import Context
from cogmill.domain.insights import jobs
from cogmill.domain.insights.classify import Classified
from cogmill.domain.insights.jobs import Claim
from cogmill.domain.insights.schemas import AnalysisOut, GenerateOut, InsightsOut
from cogmill.domain.metrics.marks import mark
from cogmill.domain.metrics.sizes import size_of
from cogmill.domain.sessions import listing, queries
from cogmill.domain.sessions.queries import SessionRow
from cogmill.domain.sessions.schemas import SessionFilters
from cogmill.kit.errors import Conflict
from cogmill.kit.paging import Slice
from cogmill.models.insights import session_insight
from cogmill.models.sessions import session

LARGE = frozenset({"l", "xl"})


class NothingSaid(Conflict):
    """There is nothing to analyse yet."""


def list_page(ctx: Context, query: SessionFilters, place: listing.Place) -> Slice[InsightsOut]:
    """One page of sessions with their insights, in the order of the list of sessions."""
    part = listing.list_page(ctx, query, place)
    return Slice(present(ctx, part.items), part.end_cursor)


def get(ctx: Context, devin_id: str) -> InsightsOut:
    """One session with its insights."""
    return present(ctx, [queries.find(ctx, devin_id)])[0]


def present(ctx: Context, rows: Sequence[SessionRow]) -> list[InsightsOut]:
    """Session rows as the insight operations show them."""
    columns = session_insight.c
    query = select(columns.session, columns.analysis, columns.made_at).where(
        columns.session.in_([row.id for row in rows]), columns.made_at.is_not(None)
    )
    known = {row.session: AnalysisOut(**row.analysis, made_at=int(row.made_at)) for row in ctx.db.execute(query)}
    return [
        InsightsOut.model_construct(
            **dict(shown),
            num_user_messages=row.user_messages,
            num_devin_messages=row.devin_messages,
            session_size=size_of(row),
            analysis=known.get(row.id),
        )
        for row, shown in zip(rows, queries.present(ctx, rows), strict=True)
    ]


def generate(ctx: Context, devin_id: str) -> GenerateOut:
    """Have a session analysed, unless that is done or under way."""
    row = queries.find_to_change(ctx, devin_id)
    if row.devin_messages == 0:
        raise NothingSaid(
            f"Session {row.session_id} has not answered yet, and insights are about what was said and done. "
            "Ask again after its first message."
        )
    columns = session_insight.c
    job = ctx.db.execute(select(session_insight).where(columns.session == row.id)).one_or_none()
    is_pending = job is not None and job.status in jobs.PENDING and job.is_asked_for
    if is_pending or (job is not None and is_current(job.messages, row)):
        return GenerateOut(session_id=row.session_id, status="already_exists")
    jobs.queue(ctx, row.id, row.org_id, is_asked_for=True)
    return GenerateOut(session_id=row.session_id, status="started")


def is_current(messages: int | None, row: SessionRow) -> bool:
    """Whether an analysis is about all that was said."""
    said: int = row.user_messages + row.devin_messages
    return messages == said


def wants_analysis(claimed: Claim) -> bool:
    """Whether a job is for the whole analysis, or for the category alone."""
    row = claimed.row
    if row.devin_messages == 0 or is_current(claimed.messages, row):
        return False
    return claimed.is_asked_for or size_of(row) in LARGE


def store(ctx: Context, claimed: Claim, classified: Classified, analysis: dict[str, Any] | None) -> bool:
    """Write down what came of a job; False when somebody else has it. As everywhere, the session is locked first."""
    locked = select(session).where(session.c.id == claimed.row.id).with_for_update()
    row = ctx.db.execute(locked).one_or_none()
    if row is None:
        return False
    made: dict[str, Any] = {}
    if analysis is not None:
        said = claimed.row.user_messages + claimed.row.devin_messages
        made = {"analysis": analysis, "messages": said, "made_at": ctx.now}
    if not jobs.finish(ctx, claimed, "done", **made):
        return False
    new = (classified.category, classified.subcategory)
    if (row.category is None or analysis is not None) and (row.category, row.subcategory) != new:
        values = dict(zip(("category", "subcategory"), new, strict=True))
        ctx.db.execute(update(session).where(session.c.id == row.id).values(values))
        mark(ctx, row.org_id, row.created_at)
    return True
