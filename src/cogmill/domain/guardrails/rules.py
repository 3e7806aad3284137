"""The guardrails that hold in an organization, ready to be asked."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal

from sqlalchemy import or_, select

from cogmill.access.context import Context
from cogmill.domain.guardrails.defaults import DEFAULTS
from cogmill.domain.guardrails.subjects import Subjects, Target
from cogmill.kit.patterns import Pattern
from cogmill.models.access import organization
from cogmill.models.guardrails import guardrail

Action = Literal["warn", "ask", "block"]
LONGEST_SHOWN = 2000
WITHHELD = "[withheld]"


@dataclass(frozen=True, slots=True)
class Rule:
    """A guardrail."""

    guardrail_id: str
    name: str
    target: Target
    action: Action
    pattern: Pattern | None
    judgement: str | None = None
    """What a model judges by, where the pattern is found or there is none. None: the pattern alone decides."""
    when_unanswered: Literal["act", "pass"] = "act"
    """What follows when the model cannot be asked."""

    def as_blocking(self) -> "Rule":
        return replace(self, action="block")


@dataclass(frozen=True, slots=True)
class Hit:
    """A guardrail, and what went against it."""

    rule: Rule
    text: str
    why: str | None = None
    """In a model's words; None: the pattern was found."""
    confidence: float = 1.0
    """A pattern is found or not; a model is more or less sure."""


@dataclass(frozen=True, slots=True)
class Rules:
    """All that hold in one organization."""

    every: tuple[Rule, ...]

    def hits(self, subjects: Subjects) -> list[Hit]:
        """Of rules that are patterns alone, at most one of each."""
        found = []
        for rule in self.every:
            pattern = rule.pattern if rule.judgement is None else None
            text = next((one for one in subjects.get(rule.target, ()) if pattern and pattern.matches(one)), None)
            if text is not None:
                found.append(Hit(rule, text))
        return found

    def to_judge(self, subjects: Subjects) -> list[tuple[Rule, str]]:
        """Rules that a model judges by, each with what it is to judge."""
        found = []
        for rule in self.every:
            if rule.judgement is None:
                continue
            texts = [one for one in subjects.get(rule.target, ()) if not rule.pattern or rule.pattern.matches(one)]
            if texts:
                found.append((rule, "\n".join(texts)))
        return found

    def without_secrets(self, text: str) -> str:
        """The text for a record: without anything that looks like a secret, and not long."""
        own = [rule.pattern for rule in self.every if rule.target == "secret" and rule.pattern is not None]
        patterns = [*_known_secrets(), *own]
        return clipped(withheld(text, patterns))


def rules_for(ctx: Context, org_id: str) -> Rules:
    """Read anew when something was changed, else after a second at the latest."""
    rules: Rules = ctx.runtime.guardrails.get(org_id, lambda: _read(ctx, org_id))
    return rules


def _read(ctx: Context, org_id: str) -> Rules:
    columns = guardrail.c
    mine = select(organization.c.enterprise_id).where(organization.c.org_id == org_id).scalar_subquery()
    query = select(guardrail).where(
        columns.enterprise_id == mine, or_(columns.org_id.is_(None), columns.org_id == org_id), columns.is_enabled
    )
    rows = ctx.db.execute(query.order_by(columns.guardrail_id))
    return Rules(
        tuple(
            Rule(
                row.guardrail_id, row.name, row.target, row.action, _compiled(row.pattern) if row.pattern else None,
                row.judgement, row.when_unanswered,
            )
            for row in rows
        )
    )  # fmt: skip


@lru_cache(1000)
def _compiled(text: str) -> Pattern:
    return Pattern(text)


@cache
def _known_secrets() -> list[Pattern]:
    return [Pattern(one.pattern) for one in DEFAULTS if one.target == "secret"]


def withheld(text: str, patterns: Iterable[Pattern]) -> str:
    """The text without words, or else lines, that match; nothing of it where only several lines together do."""
    for pattern in patterns:
        if pattern.matches(text):
            text = "\n".join(_line(line, pattern) for line in text.splitlines())
            if pattern.matches(text):
                text = WITHHELD
    return text


def _line(line: str, pattern: Pattern) -> str:
    if not pattern.matches(line):
        return line
    words = " ".join(WITHHELD if pattern.matches(word) else word for word in line.split(" "))
    return WITHHELD if pattern.matches(words) else words


def clipped(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
