"""The whole analysis of a session by rules, in the contract's shape."""

import re
from collections.abc import Mapping
from typing import Any

from cogmill.domain.insights.classify import Classified
from cogmill.domain.insights.facts import COLORS, Facts, short
from cogmill.domain.insights.findings import Finding, findings

RULES = "rules"
LONGEST_TIMELINE = 60
_CODE = re.compile(r"`([^`\n]{4,120})`")
_TROUBLE = {"Limit reached": "Limit reached", "Failed": "Session failed"}
"""Titles in the timeline, and the labels of the issues that they show."""


def by_rules(facts: Facts, classified: Classified) -> dict[str, Any]:
    """What the log says, without anybody's opinion."""
    found = findings(facts)
    ids = {one.label: f"issue-{number}" for number, one in reversed(list(enumerate(found, start=1)))}
    issues = [
        {"id": f"issue-{number}", "label": one.label, "impact": one.impact, "issue": one.issue}
        for number, one in enumerate(found, start=1)
    ]
    actions = [
        {"action_item": one.action, "type": one.type, "issue_id": f"issue-{number}"}
        for number, one in enumerate(found, start=1)
    ]
    return {
        "timeline": _timeline(facts, ids),
        "issues": issues,
        "action_items": actions,
        "classification": classified.shown(),
        "suggested_prompt": _suggested(facts, found),
        "note_usage": _note_usage(facts),
    }


def _timeline(facts: Facts, ids: Mapping[str, str]) -> list[dict[str, Any]]:
    items = [
        {
            "title": one.title, "description": one.description, "color": COLORS[one.kind],
            "issue_id": ids.get(_TROUBLE.get(one.title, "")),
        }
        for one in facts.moments
    ]  # fmt: skip
    if len(items) <= LONGEST_TIMELINE:
        return items
    half = LONGEST_TIMELINE // 2
    left_out = len(items) - 2 * half
    gap = {"title": "…", "description": f"{left_out} more entries.", "color": COLORS["worked"], "issue_id": None}
    return [*items[:half], gap, *items[-half:]]


def _suggested(facts: Facts, found: list[Finding]) -> dict[str, Any] | None:
    """The prompt with what was said and learned later. None: there is nothing to add."""
    if not facts.asked:
        return None
    prompt, later = facts.asked[0], [one for one in facts.asked[1:] if len(one.split()) >= 3]
    feedback = [
        {"summary": "Said later", "details": "Said after the prompt; it could have been part of it.",
         "excerpt": short(one, 300), "issue_id": _number(found, "Many follow-ups")}
        for one in later[:10]
    ]  # fmt: skip
    lines = [prompt.rstrip()]
    if later:
        lines += ["", "Also:", *(f"- {short(one, 500)}" for one in later[:10])]
    hints = [one for one in found if one.type == "prompt_improvement" and one.label != "Many follow-ups"]
    for one in hints:
        excerpt = short(prompt, 200)
        feedback.append(
            {"summary": one.label, "details": one.action, "excerpt": excerpt, "issue_id": _number(found, one.label)}
        )
    if any(one.label == "Tests fail at the end" for one in hints):
        lines += ["", "Done means: all tests of the project pass."]
    elif any(one.label == "The prompt says little" for one in hints):
        lines += ["", "Done means: <what can be checked at the end>"]
    if not feedback:
        return None
    return {"original_prompt": prompt, "suggested_prompt": "\n".join(lines), "feedback_items": feedback}


def _number(found: list[Finding], label: str) -> str | None:
    return next((f"issue-{number}" for number, one in enumerate(found, start=1) if one.label == label), None)


def _note_usage(facts: Facts) -> dict[str, Any] | None:
    """Notes whose code was run: well where it succeeded, badly where it never did. None: no note was given."""
    if not facts.notes:
        return None
    good: list[dict[str, str]] = []
    bad: list[dict[str, str]] = []
    for note in facts.notes:
        for code in dict.fromkeys(_CODE.findall(str(note.get("body", "")))):
            ran = [one for one in facts.commands if code in one.text]
            if not ran:
                continue
            worked = [one for one in ran if not one.failed]
            said = f"{note.get('name')}: {short(code, 120)}"
            reason = f"It was run {len(ran)} time(s), {len(worked)} of them with success."
            (good if worked else bad).append({"note_id": str(note["note_id"]), "message": said, "reason": reason})
            break
    return {"good_usages": good, "bad_usages": bad}
