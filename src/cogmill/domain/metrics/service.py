"""The metrics as the API shows them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, literal_column

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.metrics import active, counting
from cogmill.domain.metrics.counting import MICRO, Counts, Kind, Which
from cogmill.domain.metrics.schemas import (
    ActiveQuery,
    ActiveUsersOut,
    CategoriesOut,
    CategoryOut,
    CountsByOrigin,
    CountsBySize,
    EnterpriseTimesQuery,
    PrMetricsOut,
    QueueOut,
    SearchMetricsOut,
    SessionMetricsOut,
    SessionsQuery,
    SubcategoryOut,
    TimesQuery,
    UsageMetricsOut,
    UsageQuery,
)
from cogmill.domain.metrics.spans import Range, Span, spans_of
from cogmill.domain.metrics.totals import by_category, totals
from cogmill.kit.errors import Invalid
from cogmill.models.metrics import ORIGINS, SIZES
from cogmill.models.sessions import session

MOST_SPANS = 4000
UNCATEGORIZED = "uncategorized"


def _range(after: int, before: int) -> Range:
    if before < after:
        raise Invalid.at("query", "time_before", msg="time_before must not be earlier than time_after.")
    return after, before


def _organizations(query: Any) -> Sequence[str] | None:
    """Those that an operation of the enterprise is narrowed to."""
    return getattr(query, "org_ids", None)


def active_users(ctx: Context, query: ActiveQuery) -> ActiveUsersOut:
    """People with enough sessions or searches in a range."""
    times, least = _range(query.time_after, query.time_before), (query.min_sessions, query.min_searches)
    found = active.in_range(ctx.db, ctx.scope, _organizations(query), times, least, ctx.now)
    return ActiveUsersOut(start_time=times[0], end_time=times[1], active_users=found)


def active_users_of(ctx: Context, query: ActiveQuery, span: Span) -> list[ActiveUsersOut]:
    """The same of every whole day, week or month that the range touches."""
    times, least = _range(query.time_after, query.time_before), (query.min_sessions, query.min_searches)
    if times[0] == times[1]:
        return []
    if sum(1 for _, _ in zip(range(MOST_SPANS + 1), spans_of(span, *times), strict=False)) > MOST_SPANS:
        raise Invalid.at("query", "time_before", msg=f"The answer would have more than {MOST_SPANS} entries.")
    found = active.in_each(ctx.db, ctx.scope, _organizations(query), span, times, least, ctx.now)
    return [ActiveUsersOut(start_time=a, end_time=b, active_users=users) for (a, b), users in found]


def _totals(ctx: Context, query: TimesQuery, which: Which) -> Counts:
    return totals(ctx.db, ctx.scope, which, _range(query.time_after, query.time_before), ctx.now)


def _which(query: SessionsQuery, kind: Kind) -> Which:
    return Which(
        _organizations(query), query.playbook_id, query.service_user_ids, query.user_ids, kinds=frozenset({kind})
    )


def sessions(ctx: Context, query: SessionsQuery) -> SessionMetricsOut:
    """Sessions that were created in a range, as they stand now."""
    found = _totals(ctx, query, _which(query, "sessions"))
    count = found["sessions"]
    return SessionMetricsOut(
        sessions_created_count=count,
        sessions_created_by_origin=CountsByOrigin(**{one: found[f"origin_{one}"] for one in ORIGINS}),
        sessions_created_by_size=_by_size(found, "size"),
        sessions_created_with_playbook_count=found["with_playbook"],
        sessions_created_with_search_count=found["with_search"],
        sessions_with_merged_prs_count=sum(found[f"merged_{one}"] for one in SIZES),
        sessions_with_merged_prs_by_size=_by_size(found, "merged"),
        avg_acus_per_session=found["acus_micro"] / MICRO / count if count else 0.0,
    )


def _by_size(found: Counts, what: str) -> CountsBySize:
    return CountsBySize(**{one: found[f"{what}_{one}"] for one in SIZES})


def pull_requests(ctx: Context, query: SessionsQuery) -> PrMetricsOut:
    """Pull requests that were recorded in a range, as they stand now."""
    found = _totals(ctx, query, _which(query, "pull requests"))
    taken_over = {name: found[f"prs_taken_over_{name}"] for name in ("opened", "closed", "merged")}
    return PrMetricsOut(
        prs_created_count=_created(found),
        prs_opened_count=found["prs_opened"],
        prs_closed_count=found["prs_closed"],
        prs_merged_count=found["prs_merged"],
        prs_taken_over_count=sum(taken_over.values()),
        prs_taken_over_opened_count=taken_over["opened"],
        prs_taken_over_closed_count=taken_over["closed"],
        prs_taken_over_merged_count=taken_over["merged"],
    )


def _created(found: Counts) -> int:
    return found["prs_opened"] + found["prs_closed"] + found["prs_merged"]


def searches(ctx: Context, query: TimesQuery) -> SearchMetricsOut:
    """Searches of indexed code by people and service users."""
    which = Which(_organizations(query), kinds=frozenset({"searches"}))
    return SearchMetricsOut(searches_created_count=_totals(ctx, query, which)["searches"])


def usage(ctx: Context, query: UsageQuery) -> UsageMetricsOut:
    """The most important counts; of all time unless a range is given."""
    found = counts(ctx, query)
    return UsageMetricsOut(
        sessions_count=found["sessions"], searches_count=found["searches"], prs_created_count=_created(found),
        prs_merged_count=found["prs_merged"],
    )  # fmt: skip


def counts(
    ctx: Context, query: UsageQuery, org_ids: Sequence[str] | None = None, user_ids: Sequence[str] | None = None
) -> Counts:
    """All counters, of all time unless a range is given; of all organizations and people, or of these."""
    after = 0 if query.time_after is None else query.time_after
    before = max(int(ctx.now) + 1, after) if query.time_before is None else query.time_before
    which = Which(org_ids, user_ids=user_ids)
    return totals(ctx.db, ctx.scope, which, _range(after, before), ctx.now)


class Use(NamedTuple):
    """What a person did: sessions in their name, searches, and the ACUs of these sessions."""

    sessions: int
    searches: int
    acus: float


def activity_of_people(ctx: Context, user_ids: Sequence[str], time_after: int = 0) -> dict[str, tuple[int, int]]:
    """How many sessions and searches each of these people began since a moment (unix seconds)."""
    times = (time_after, max(int(ctx.now) + 1, time_after))
    found = active.of_people(ctx.db, ctx.scope, user_ids, times, ctx.now)
    return {one: found.get(one, (0, 0)) for one in user_ids}


def use_of_people(ctx: Context, user_ids: Sequence[str], since: Sequence[int]) -> dict[str, list[Use]]:
    """What these people began since each of these moments (unix seconds), as it stands now."""
    rows = ctx.db.execute(counting.acus_of_people(ctx.scope, user_ids, since))
    acus = {row[0]: [int(one) / MICRO for one in row[1:]] for row in rows}
    did, none = [activity_of_people(ctx, user_ids, at) for at in since], [0.0] * len(since)
    return {
        one: [Use(*part[one], used) for part, used in zip(did, acus.get(one, none), strict=True)] for one in user_ids
    }


def sessions_by_category(ctx: Context, query: EnterpriseTimesQuery) -> CategoriesOut:
    """Sessions that were created in a range, by what they were about."""
    times = _range(query.time_after, query.time_before)
    found = by_category(ctx.db, ctx.scope, query.org_ids, times, ctx.now)
    parts: dict[str, list[SubcategoryOut]] = {}
    for (category, subcategory), amounts in sorted(found.items(), key=lambda one: (-one[1]["sessions"], one[0])):
        parts.setdefault(category or UNCATEGORIZED, []).append(
            SubcategoryOut(
                subcategory_id=subcategory or None,
                display_name=(subcategory or category or UNCATEGORIZED).replace("_", " ").capitalize(),
                sessions_count=amounts["sessions"],
                acus=amounts["acus_micro"] / MICRO,
            )
        )
    categories = [
        CategoryOut(
            category=name, sessions_count=sum(one.sessions_count for one in kinds),
            acus=sum(one.acus for one in kinds), subcategories=kinds,
        )
        for name, kinds in parts.items()
    ]  # fmt: skip
    return CategoriesOut(categories=sorted(categories, key=lambda one: (-one.sessions_count, one.category)))


def queue(ctx: Context) -> QueueOut:
    """How many sessions of the enterprise wait to be run here, and whether that is many; outposts have own queues."""
    settings = ctx.runtime.settings
    waiting = (
        owned(session, ctx.scope)
        .where(session.c.run_state != literal_column("'idle'"), session.c.run_state == literal_column("'queued'"))
        .where(session.c.outpost_id.is_(None))
    )
    size = ctx.db.execute(waiting.with_only_columns(func.count())).scalar_one()
    status = "high" if size >= settings.queue_high else "elevated" if size >= settings.queue_elevated else "normal"
    return QueueOut.model_validate({"queue_size": size, "status": status})
