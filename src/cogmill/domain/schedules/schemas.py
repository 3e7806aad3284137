"""What goes in and out of schedules; names and meanings are the contract's. Times are ISO 8601 here."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from cogmill.domain.schedules.times import check_cron
from cogmill.web.params import Body, Out, Query, Tag


def _of_the_calendar(at: datetime) -> datetime:
    """In UTC; ValueError for what lies beyond the calendar there, or once it is seconds."""
    try:
        return datetime.fromtimestamp(at.timestamp(), UTC)
    except (OverflowError, ValueError):
        raise ValueError("this time lies beyond the calendar, in UTC") from None


Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S", strip_whitespace=True)]
Prompt = Annotated[str, StringConstraints(min_length=1, max_length=200_000, pattern=r"\S")]
Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Cron = Annotated[str, StringConstraints(max_length=200), AfterValidator(check_cron)]
When = Annotated[AwareDatetime, Field(strict=True), AfterValidator(_of_the_calendar)]
Interval = Annotated[int, Field(ge=1, le=1000)]
Tags = Annotated[list[Tag], Field(max_length=50)]
AgentIn = Literal["devin", "data_analyst", "advanced"]
Agent = Literal["devin", "data_analyst"]
Kind = Literal["recurring", "one_time"]
NotifyOn = Literal["always", "failure", "never"]
Overlap = Literal["skip", "allow"]

CRON = "Cron expression of five fields, read as UTC; for recurring ones only"
AT = "With an offset, in the future; for one_time ones only"
TARGET = "Write the prompt to this session instead of starting one; for one_time ones only"
OVERLAP = "Extension: `skip` leaves a run out while the session of the run before still works; `allow` does not"


class ScheduleIn(Body):
    """A new schedule. It is enabled."""

    name: Name
    prompt: Prompt
    agent: AgentIn = "devin"
    schedule_type: Kind = "recurring"
    frequency: Cron | None = Field(None, description=CRON)
    interval_count: Interval = Field(1, description="1: at every occurrence, 2: at every second one, and so on")
    scheduled_at: When | None = Field(None, description=AT)
    target_devin_id: Id | None = Field(None, description=TARGET)
    playbook_id: Id | None = None
    tags: Tags | None = None
    platform: Id | None = None
    bypass_approval: bool = False
    notify_on: NotifyOn = "failure"
    slack_channel_id: Id | None = None
    slack_team_id: Id | None = None
    create_as_user_id: Id | None = Field(None, description="The user as whom it runs")
    overlap: Overlap = Field("skip", description=OVERLAP)


class SchedulePatch(Body):
    """What changes. Left out: as it was. Null clears what can be empty, and leaves the rest as it was."""

    name: Name | None = None
    prompt: Prompt | None = None
    agent: AgentIn | None = None
    schedule_type: Kind | None = None
    frequency: Cron | None = Field(None, description=CRON)
    interval_count: Interval | None = None
    scheduled_at: When | None = Field(None, description=AT)
    target_devin_id: Id | None = Field(None, description=TARGET)
    playbook_id: Id | None = None
    tags: Tags | None = None
    platform: Id | None = None
    bypass_approval: bool | None = None
    notify_on: NotifyOn | None = None
    slack_channel_id: Id | None = None
    slack_team_id: Id | None = None
    enabled: bool | None = None
    run_as_user_id: Id | None = Field(None, description="The user as whom it runs; null: as whoever made it")
    overlap: Overlap | None = Field(None, description=OVERLAP)


class ScheduleListQuery(Query):
    """Which part of the list."""

    limit: Annotated[int, Field(ge=1, le=200, description="Most items on the page")] = 200
    offset: Annotated[int, Field(ge=0, le=2**31 - 1, description="How many to leave out")] = 0


class PlaybookInfo(Out):
    playbook_id: str
    title: str | None


class ScheduleOut(Out):
    scheduled_session_id: str
    org_id: str
    created_by: str | None
    last_edited_by: str | None
    name: str
    prompt: str
    playbook: PlaybookInfo | None
    agent: Agent
    schedule_type: Kind
    frequency: str | None
    interval_count: int
    scheduled_at: datetime | None
    target_devin_id: str | None
    tags: list[str] | None
    platform: str | None
    bypass_approval: bool
    notify_on: NotifyOn
    slack_channel_id: str | None
    slack_team_id: str | None
    enabled: bool
    created_at: datetime
    updated_at: datetime
    last_executed_at: datetime | None
    last_error_at: datetime | None
    last_error_message: str | None
    consecutive_failures: int
    overlap: Overlap = Field(description=OVERLAP)
    run_as_user_id: str | None = Field(description="Extension: the user as whom it runs; null: as whoever made it")
    next_run_at: datetime | None = Field(description="Extension: when it runs next; null: not at all")


class ScheduleRunOut(Out):
    """One time at which a schedule was due."""

    number: int
    due_at: datetime
    ran_at: datetime
    outcome: Literal["started", "messaged", "skipped", "failed"]
    session_id: str | None = Field(description="The session that was started or written to, or that still worked")
    error: str | None
    is_catch_up: bool = Field(description="It came late, e.g. because the server was down")
    missed: int = Field(description="Further times that passed meanwhile; this one run stands for them")
