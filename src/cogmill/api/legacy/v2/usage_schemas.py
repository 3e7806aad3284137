"""What goes in and out of consumption and metrics of v2; names and meanings are the contract's."""

from datetime import datetime

from pydantic import Field

from cogmill.api.legacy.reading import When
from cogmill.web.params import Out, Query


class RangeV2Query(Query):
    """Of the two names that each end has, the one with `date` goes first."""

    start_date: When = Field(None, description="from this date (00:00 UTC) or time on")
    end_date: When = Field(None, description="before it")
    start: When = Field(None, description="the same as start_date, which goes before it")
    end: When = Field(None, description="the same as end_date")
    org_ids: list[str] | None = None

    @property
    def after(self) -> int | None:
        return self.start if self.start_date is None else self.start_date

    @property
    def before(self) -> int | None:
        return self.end if self.end_date is None else self.end_date


class DaysV2Query(RangeV2Query):
    """Days that begin in the range."""


class MetricsV2Query(RangeV2Query):
    """What was created in the range; of all time without one."""

    user_ids: list[str] | None = Field(None, description="in the name of these users")


class CycleV2Out(Out):
    start: datetime
    end: datetime


class UserConsumptionV2Out(Out):
    """Days are named by their dates; they begin at 08:00 UTC."""

    total_acus: float
    consumption_by_date: dict[str, float]
    consumption_by_org_id: dict[str, float]


class ConsumptionV2Out(UserConsumptionV2Out):
    consumption_by_user: dict[str, float]


class SessionMetricsV2Out(Out):
    sessions_count: int


class SearchMetricsV2Out(Out):
    searches_count: int


class PrMetricsV2Out(Out):
    prs_opened: int = Field(description="open now, as the others are closed or merged now")
    prs_closed: int
    prs_merged: int


class UsageMetricsV2Out(SessionMetricsV2Out, SearchMetricsV2Out, PrMetricsV2Out):
    """All of them."""


class UsageWindowV2Out(Out):
    average_acus_per_session: float
    total_acus_consumed: float = Field(description="by the sessions that were started in the time")
    sessions_started: int
    searches_started: int


class UserUsageV2Out(Out):
    user_id: str
    email: str
    name: str
    last_7_days: UsageWindowV2Out
    last_30_days: UsageWindowV2Out
    lifetime: UsageWindowV2Out
