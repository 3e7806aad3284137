"""What goes in and out of guardrails and their violations."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from cogmill.domain.guardrails.subjects import Target
from cogmill.kit.patterns import LONGEST, Pattern
from cogmill.web.params import Body, Out, PageQuery

Action = Literal["warn", "ask", "block"]
UnixTime = Annotated[int, Field(ge=0, le=100_000_000_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


def _usable(text: str) -> str:
    Pattern(text)
    return text


Expression = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST), AfterValidator(_usable)]


Sentence = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
Unanswered = Annotated[
    Literal["act", "pass"],
    Field(description="of a judgement, when the model cannot be asked: act as if it were broken, or let it pass"),
]
PATTERN = Field(None, description="regular expression, found anywhere in it; (?i) at its beginning: any case")
JUDGEMENT = Field(
    None,
    description="a rule in a sentence, which the server's model judges by; with a pattern: only where that is found",
)


class GuardrailIn(Body):
    """A pattern, a judgement, or both."""

    name: Name
    target: Target = Field(description="what is looked at")
    pattern: Expression | None = PATTERN
    judgement: Sentence | None = JUDGEMENT
    when_unanswered: Unanswered = "act"
    action: Action = Field(description="warn: note it; ask: have the user approve it; block: refuse it")
    org_id: str | None = Field(None, description="the one organization in which it holds; null: in all")
    is_enabled: bool = True


class GuardrailPatch(Body):
    """What is left out stays as it is; null takes a pattern or a judgement away."""

    name: Name | None = None
    target: Target | None = None
    pattern: Expression | None = PATTERN
    judgement: Sentence | None = JUDGEMENT
    when_unanswered: Unanswered | None = None
    action: Action | None = None
    is_enabled: bool | None = None


class GuardrailsQuery(PageQuery):
    org_id: str | None = Field(None, description="Only those that hold in this organization")


class GuardrailOut(Out):
    guardrail_id: str
    org_id: str | None = Field(description="null: holds in every organization")
    name: str
    target: Target
    pattern: str | None
    judgement: str | None = Field(description="null: the pattern alone decides")
    when_unanswered: Literal["act", "pass"]
    action: Action
    is_enabled: bool
    created_at: int
    created_by: str | None = Field(description="null: it came with the enterprise")
    updated_at: int
    updated_by: str | None


class ViolationsQuery(PageQuery):
    guardrail_id: str | None = None
    session_id: str | None = None
    order: Annotated[Literal["asc", "desc"], Field(description="By time; newest first unless asked otherwise")] = "desc"
    time_after: UnixTime | None = Field(None, description="Violations of this unix second and later")
    time_before: UnixTime | None = Field(
        None, description="Violations before this unix second; needs time_after, at most 100 days earlier"
    )


class ViolationOut(Out):
    violation_id: int
    guardrail_id: str
    guardrail_name: str
    session_id: str | None
    event_id: str
    org_id: str
    user_message: str
    reasoning: str
    confidence_score: float
    action_taken: str
    created_at: int
