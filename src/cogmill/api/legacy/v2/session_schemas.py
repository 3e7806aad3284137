"""What goes in and out of sessions and insights of v2; names and meanings are the contract's."""

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from cogmill.api.legacy.reading import When
from cogmill.api.legacy.v2.schemas import SkipQuery
from cogmill.domain.sessions.states import Status
from cogmill.web.params import Out

IssueId = Annotated[str, BeforeValidator(lambda given: given or ""), Field(description="empty: of no single issue")]


class SessionsV2Query(SkipQuery):
    created_date_from: When = None
    created_date_to: When = None
    updated_date_from: When = None
    updated_date_to: When = None
    user_ids: list[str] | None = None
    session_ids: list[str] | None = None


class EnterpriseSessionsV2Query(SessionsV2Query):
    org_ids: list[str] | None = None


class PullRequestV2Out(Out):
    url: str
    state: str | None


class SessionV2Out(Out):
    session_id: str
    url: str
    title: str | None
    status: Status
    tags: list[str]
    org_id: str
    user_id: str | None
    created_at: datetime
    updated_at: datetime
    acus_consumed: float
    pull_requests: list[PullRequestV2Out]


class FeedbackV2Out(Out):
    summary: str
    details: str
    excerpt: str
    issue_id: IssueId


class SuggestedPromptV2Out(Out):
    original_prompt: str
    suggested_prompt: str
    feedback_items: list[FeedbackV2Out]


class ActionItemV2Out(Out):
    action_item: str
    issue_id: IssueId
    type: str


class IssueV2Out(Out):
    id: str
    label: str
    issue: str
    impact: str


class TimelineItemV2Out(Out):
    title: str
    description: str
    color: str
    issue_id: IssueId


class AnalysisV2Out(Out):
    suggested_prompt: SuggestedPromptV2Out | None
    action_items: list[ActionItemV2Out]
    issues: list[IssueV2Out]
    timeline: list[TimelineItemV2Out]


class SessionDetailsV2Out(SessionV2Out):
    initial_user_message: str | None
    session_analysis: AnalysisV2Out | None = Field(description="null while there is none")
