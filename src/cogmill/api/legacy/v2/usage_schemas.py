"""What goes in and out of consumption and metrics of v2; names and meanings are the contract's."""

from datetime import datetime

from pydantic import Field

from cogmill.api.legacy.reading import When
from cogmill.web.params import Out, Query


class DaysV2Query(Query):
    start_date: When = Field(None, description="days that begin at this date (00:00 UTC) or time, or later")
    end_date: When = Field(None, description="days that begin before it")
    start: When = Field(None, description="the same as start_date, which goes before it")
    end: When = Field(None, description="the same as end_date")
    org_ids: list[str] | None = None


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
