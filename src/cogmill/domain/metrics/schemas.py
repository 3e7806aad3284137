"""What goes in and out of the metrics operations; names and meanings are the contract's."""

from typing import Annotated, Literal

from pydantic import Field

from cogmill.web.params import Out, Query

Seconds = Annotated[int, Field(ge=0, le=253_402_300_799)]
Least = Annotated[int, Field(ge=0, le=1_000_000)]


class TimesQuery(Query):
    time_after: Seconds = Field(description="this unix second and later")
    time_before: Seconds = Field(description="before this unix second")


class EnterpriseTimesQuery(TimesQuery):
    org_ids: list[str] | None = Field(None, description="these organizations only")


class ActiveQuery(TimesQuery):
    min_sessions: Least = Field(1, description="least sessions of somebody active; 0: sessions alone do not count")
    min_searches: Least = Field(1, description="or so many searches; 0: searches alone do not count")


class EnterpriseActiveQuery(ActiveQuery):
    org_ids: list[str] | None = None


class SessionsQuery(TimesQuery):
    playbook_id: str | None = None
    service_user_ids: list[str] | None = None
    user_ids: list[str] | None = None


class EnterpriseSessionsQuery(SessionsQuery):
    org_ids: list[str] | None = None


class UsageQuery(Query):
    time_after: Seconds | None = Field(None, description="this unix second and later; default: from the beginning")
    time_before: Seconds | None = Field(None, description="before this unix second; default: up to now")


class ActiveUsersOut(Out):
    start_time: int
    end_time: int = Field(description="the first second that is not in it")
    active_users: int


class CountsByOrigin(Out):
    api: int
    automation: int
    desktop: int
    jira: int
    linear: int
    slack: int
    teams: int
    webapp: int


class CountsBySize(Out):
    xs: int
    s: int
    m: int
    l: int  # noqa: E741 - the contract's name
    xl: int


class SessionMetricsOut(Out):
    sessions_created_count: int
    sessions_created_by_origin: CountsByOrigin
    sessions_created_by_size: CountsBySize
    sessions_created_with_playbook_count: int
    sessions_created_with_search_count: int
    sessions_with_merged_prs_count: int
    sessions_with_merged_prs_by_size: CountsBySize
    avg_acus_per_session: float


class PrMetricsOut(Out):
    prs_created_count: int
    prs_opened_count: int
    prs_closed_count: int
    prs_merged_count: int
    prs_taken_over_count: int
    prs_taken_over_opened_count: int
    prs_taken_over_closed_count: int
    prs_taken_over_merged_count: int


class SearchMetricsOut(Out):
    searches_created_count: int


class UsageMetricsOut(Out):
    sessions_count: int
    searches_count: int
    prs_created_count: int
    prs_merged_count: int


class SubcategoryOut(Out):
    subcategory_id: str | None
    display_name: str
    sessions_count: int
    acus: float


class CategoryOut(Out):
    category: str
    sessions_count: int
    acus: float
    subcategories: list[SubcategoryOut]


class CategoriesOut(Out):
    categories: list[CategoryOut] = Field(description="those with most sessions first")


class QueueOut(Out):
    queue_size: int
    status: Literal["normal", "elevated", "high"]
