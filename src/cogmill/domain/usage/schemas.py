"""What goes in and out of the consumption operations; names and meanings are the contract's."""

from typing import Annotated

from pydantic import Field

from cogmill.web.params import Out, Query

Seconds = Annotated[int, Field(ge=0, le=253_402_300_799)]


class DaysQuery(Query):
    """Which days; all of them without bounds."""

    time_after: Seconds | None = Field(None, description="days that begin at this time (unix seconds) or later")
    time_before: Seconds | None = Field(None, description="days that begin before this time")


class ConsumptionCycle(Out):
    """A billing cycle."""

    after: int
    before: int = Field(description="the first second that is not in it")


class AcusByProduct(Out):
    """Sessions, and those that review pull requests; there are no other products here."""

    devin: float
    cascade: float
    terminal: float
    review: float | None


class ConsumptionByDate(Out):
    date: int = Field(description="beginning of the day, 08:00 UTC, as unix seconds")
    acus: float
    acus_by_product: AcusByProduct


class ConsumptionOut(Out):
    total_acus: float
    consumption_by_date: list[ConsumptionByDate] = Field(description="days with any consumption, oldest first")
