"""What goes in and out of the insight operations; names and meanings are the contract's."""

from typing import Literal

from pydantic import Field

from cogmill.domain.metrics.sizes import Size
from cogmill.domain.sessions.schemas import SessionOut
from cogmill.web.params import Out

ActionItemType = Literal["machine_setup", "repo_config", "knowledge", "prompt_improvement", "other"]


class ActionItemOut(Out):
    action_item: str
    issue_id: str | None
    type: ActionItemType


class ClassificationOut(Out):
    category: str
    confidence: float
    programming_languages: list[str]
    tools_and_frameworks: list[str]


class IssueOut(Out):
    id: str
    label: str
    issue: str
    impact: str = Field(description="high, medium or low")


class NoteUsageItemOut(Out):
    note_id: str
    message: str
    reason: str


class NoteUsageOut(Out):
    good_usages: list[NoteUsageItemOut]
    bad_usages: list[NoteUsageItemOut]


class PromptFeedbackOut(Out):
    summary: str
    details: str
    excerpt: str
    issue_id: str | None


class SuggestedPromptOut(Out):
    original_prompt: str
    suggested_prompt: str
    feedback_items: list[PromptFeedbackOut]


class TimelineItemOut(Out):
    title: str
    description: str
    color: str
    issue_id: str | None


class AnalysisOut(Out):
    timeline: list[TimelineItemOut]
    issues: list[IssueOut]
    action_items: list[ActionItemOut]
    classification: ClassificationOut | None
    suggested_prompt: SuggestedPromptOut | None
    note_usage: NoteUsageOut | None
    made_by: str = Field(description="Extension: `rules`, or the model that was asked")
    made_at: int = Field(description="Extension: when, in unix seconds")


class InsightsOut(SessionOut):
    """A session with what is known of how it went."""

    num_user_messages: int
    num_devin_messages: int
    session_size: Size
    analysis: AnalysisOut | None


class GenerateOut(Out):
    session_id: str
    status: Literal["started", "already_exists"]
