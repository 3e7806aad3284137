"""What a review found: its form, which the session is asked for, and as text for people."""

from typing import Any

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string", "description": "What the change does and how good it is, in a few sentences"},
        "findings": {
            "type": "array",
            "description": "What should be changed, the gravest first; empty when nothing is wrong",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "File, as the diff names it"},
                    "line": {"type": ["integer", "null"], "description": "Line of the new file; null: the whole file"},
                    "severity": {"type": "string", "enum": ["high", "medium", "low"]},
                    "text": {"type": "string", "description": "What is wrong, why, and what to do instead"},
                },
                "required": ["path", "severity", "text"],
            },
        },
    },
    "required": ["summary", "findings"],
}
LONGEST = 60_000
"""Characters of a review at a provider: GitHub takes 65,536."""
MOST_REMARKS = 50
PROMPT = """Review pull request #{number} of {repo}: {url}

The clone in the workspace is at the commit that is to be reviewed, {commit}. Read the change and the code around it;
run what helps to judge it. Change nothing and push nothing. Look for mistakes that matter: wrong behaviour, missing
checks, security, data that can be lost, tests that are missing or cannot fail. Keep to the repository's own rules for
reviews. Say what is wrong and what to do instead, with file and line; no praise, no matters of taste. Ask nobody
anything: give your review with structured_output, then finish."""


def remarks(report: dict[str, Any]) -> list[tuple[str, int, str]]:
    """Findings at a line: path, line, text."""
    found = []
    for one in report.get("findings") or []:
        line = one.get("line")
        if isinstance(line, int) and line > 0:
            found.append((str(one["path"]), line, f"**{one['severity']}**: {one['text']}"))
    return found[:MOST_REMARKS]


def text(report: dict[str, Any], commit: str, *, with_remarks: bool = True) -> str:
    """The review in Markdown. Without remarks: only the findings that have no line of their own."""
    parts = [f"Review of {commit[:12]}", report["summary"].strip()]
    at_lines = {(path, line) for path, line, _ in remarks(report)}
    findings = report.get("findings") or []
    shown = [one for one in findings if with_remarks or (str(one["path"]), one.get("line")) not in at_lines]
    lines = []
    for one in shown:
        place = f"`{one['path']}`" + (f" line {one['line']}" if one.get("line") else "")
        lines.append(f"- **{one['severity']}** {place}: {one['text'].strip()}")
    if lines:
        parts.append("\n".join(lines))
    if not findings and report.get("is_data"):
        parts.append("Nothing to change was found.")
    whole = "\n\n".join(part for part in parts if part)
    return whole if len(whole) <= LONGEST else whole[:LONGEST] + "\n\n… (cut; the session has all of it)"
