"""Guardrails on what users write: before a session is made of it, or told it."""

from collections.abc import Callable, Mapping

from cogmill.access.context import Context
from cogmill.domain.guardrails import violations
from cogmill.domain.guardrails.rules import Hit, Rules, rules_for
from cogmill.domain.guardrails.subjects import of_prompt
from cogmill.kit.errors import Forbidden

VIOLATION = "guardrail_violation"
"""Type of the event that tells of one."""


class Blocked(Forbidden):
    """A guardrail refused a text; `afterwards` writes that down once the refused transaction is undone."""

    title = "Blocked by a guardrail"

    def __init__(self, hit: Hit, what: str, afterwards: Callable[[Context], None]) -> None:
        super().__init__(
            f"{what} was refused by the guardrail “{hit.rule.name}” ({hit.rule.guardrail_id}). Say it in another way, "
            "or ask an administrator of the enterprise about that rule.",
            guardrail_id=hit.rule.guardrail_id,
        )
        self.afterwards = afterwards


class Looked:
    """A text that was looked at."""

    def __init__(self, rules: Rules, hits: list[Hit], text: str) -> None:
        self._rules, self.hits, self._text = rules, hits, text

    def events(self) -> list[tuple[str, Mapping[str, object]]]:
        """Summary and contents of one event for each hit."""
        return [told(self._rules, one, "message") for one in self.hits]

    def record(self, ctx: Context, org_id: str, session_id: str, event_ids: list[str]) -> None:
        """Write down each hit under its event."""
        for hit, event_id in zip(self.hits, event_ids, strict=True):
            violations.record(ctx, violations.Place(org_id, session_id, event_id), self._rules, hit, self._text)


def look(ctx: Context, text: str, secrets: Mapping[str, str], session_id: str | None = None) -> Looked:
    """What of a prompt or (with a session) message is to be noted. Raises `Blocked` when it is to be refused."""
    org_id = ctx.scope.one_org
    rules = rules_for(ctx, org_id)
    hits = rules.hits(of_prompt(text))
    if not hits:
        return Looked(rules, [], text)
    shown = ctx.runtime.redactor(secrets)(text) if secrets else text
    refused = next((one for one in hits if one.rule.action != "warn"), None)
    if refused is None:
        return Looked(rules, [Hit(one.rule, shown) for one in hits], shown)
    # Who would be asked is who wrote it, so that what asks refuses here.
    hit = Hit(refused.rule.as_blocking(), shown)

    def afterwards(later: Context) -> None:
        violations.record(later, violations.Place(org_id, session_id, None), rules, hit, shown)

    raise Blocked(hit, "The prompt" if session_id is None else "The message", afterwards)


def told(rules: Rules, hit: Hit, step: str) -> tuple[str, dict[str, object]]:
    """Summary and contents of the event that tells of a hit."""
    taken = violations.TAKEN[hit.rule.action]
    contents: dict[str, object] = {
        "guardrail_id": hit.rule.guardrail_id, "guardrail_name": hit.rule.name, "target": hit.rule.target,
        "action_taken": taken, "step": step, "reasoning": violations.reasoning(rules, hit),
    }  # fmt: skip
    return f"Guardrail “{hit.rule.name}”: {taken}", contents
