"""Reading what a session, a linter or another tool reports. Pure; nothing that a report says is trusted."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from cogmill.domain.code_scans import sarif

MOST = 5000
"""Findings of one report."""
MOST_SNIPPETS = 20
MOST_SHOWN = 20
"""Problems of a report that are told one by one."""
SEVERITIES = ("critical", "high", "medium", "low")
LONG, SHORT = 20_000, 500
_STARTS = ("[", "{")


class Unreadable(ValueError):
    """The report is none; the text says why."""


class Wrong(ValueError):
    """A finding of a report is none; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a file that show a finding. The path is as the report has it until it is looked up."""

    file_path: str
    start_line: int
    end_line: int
    commentary: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """One finding of a report."""

    severity: str
    title: str
    category: str | None = None
    description: str | None = None
    recommendation: str | None = None
    note: str | None = None
    is_dismissed: bool = False
    """The report itself says that it is to be left alone."""
    label: str | None = None
    related: tuple[str, ...] = ()
    """Labels of others in the same report."""
    places: tuple[Place, ...] = ()


@dataclass(slots=True)
class Report:
    """What could be read, and what was wrong with the rest."""

    findings: list[Reported] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    commit: str | None = None
    """That the report says it is about."""

    def refuse(self, number: int, reason: str) -> None:
        self.problems.append(f"finding {number}: {reason}")

    def told(self) -> list[str]:
        """The problems, the first ones only."""
        rest = len(self.problems) - MOST_SHOWN
        return self.problems[:MOST_SHOWN] + ([f"and {rest} more"] if rest > 0 else [])


def read(report: Any) -> Report:
    """A report as text or as JSON: findings in our own form, a list of them, or SARIF. Unreadable: it is none."""
    if isinstance(report, str | bytes):
        report = _parsed(report)
    if sarif.is_sarif(report):
        return _of_sarif(report)
    items = report.get("findings") if isinstance(report, dict) else report
    if not isinstance(items, list):
        raise Unreadable('The report is neither a list of findings, nor {"findings": […]}, nor SARIF 2.1.0.')
    found = Report()
    for number, item in enumerate(items[:MOST], 1):
        try:
            found.findings.append(_finding(item))
        except Wrong as problem:
            found.refuse(number, str(problem))
    _tell_cut(found, len(items))
    return found


def _parsed(text: str | bytes) -> Any:
    """The JSON of a text, in front of which a program may have written lines of its own."""
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        if not plain.strip():
            raise Unreadable("The report is empty; a report without findings is [].")
        begin = 0 if plain.lstrip().startswith(_STARTS) else _first_start(plain)
        value, _ = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode(plain[begin:].lstrip())
    except UnicodeDecodeError:
        raise Unreadable("The report is no UTF-8 text.") from None
    except (json.JSONDecodeError, RecursionError) as problem:
        raise Unreadable(f"The report is no JSON: {str(problem)[:200]}.") from None
    return value


def _first_start(text: str) -> int:
    at = 0
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith(_STARTS):
            return at
        at += len(line)
    return 0


def _refuse_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no number", "", 0)


def _of_sarif(report: dict[str, Any]) -> Report:
    try:
        results = list(sarif.results(report))
    except sarif.NotSarif as problem:
        raise Unreadable(str(problem)) from None
    found = Report(commit=sarif.commit_of(report))
    for number, one in enumerate(results[:MOST], 1):
        if one.severity is None:
            found.refuse(number, one.title)
            continue
        places = tuple(
            Place(where.uri, where.start_line, where.end_line, where.message, where.code)
            for where in one.places[:MOST_SNIPPETS]
        )
        found.findings.append(
            Reported(
                one.severity, _short(one.title) or "Untitled", _short(one.rule), _long(one.message), _long(one.help),
                _long(one.suppressed), one.suppressed is not None, places=places,
            )
        )  # fmt: skip
    _tell_cut(found, len(results))
    return found


def _tell_cut(found: Report, count: int) -> None:
    if count > MOST:
        found.problems.append(f"of {count} findings only the first {MOST} were looked at")


def _finding(item: Any) -> Reported:
    """Wrong says why it is none."""
    if not isinstance(item, dict):
        raise Wrong("is no JSON object")
    severity, title = item.get("severity"), item.get("title")
    severity = severity.lower() if isinstance(severity, str) else severity
    if severity not in SEVERITIES:
        raise Wrong(f"severity {str(severity)[:50]!r} is none of {', '.join(SEVERITIES)}")
    if not isinstance(title, str) or not title.strip():
        raise Wrong("has no title")
    places = item.get("reference_snippets") or ([item] if "file_path" in item else [])
    if not isinstance(places, list):
        raise Wrong("reference_snippets is no list")
    related, label = item.get("related") or [], item.get("id")
    return Reported(
        severity, _short(title) or "Untitled", _short(item.get("category")), _long(item.get("description")),
        _long(item.get("recommendation")), _long(item.get("note")), label=_short(label),
        related=tuple(str(one)[:SHORT] for one in related[:50]) if isinstance(related, list) else (),
        places=tuple(_place(one, inner=one is not item) for one in places[:MOST_SNIPPETS]),
    )  # fmt: skip


def _place(item: Any, *, inner: bool) -> Place:
    path, start = (item.get("file_path"), item.get("start_line", 1)) if isinstance(item, dict) else (None, None)
    if not isinstance(path, str) or not path:
        raise Wrong("a snippet has no file_path")
    lines = [one for one in (start, item.get("end_line") or start) if isinstance(one, int) and _is_line(one)]
    if len(lines) < 2:
        raise Wrong(f"{path[:200]}: start_line and end_line are lines counted from 1")
    return Place(path, min(lines), max(lines), _long(item.get("commentary")) if inner else None)


def _is_line(value: int) -> bool:
    return not isinstance(value, bool) and 1 <= value <= 10_000_000


def _text(value: Any, limit: int) -> str | None:
    if not isinstance(value, str):
        return None
    plain = value.replace("\0", "").strip()
    return (plain if len(plain) <= limit else plain[: limit - 1] + "…") or None


def _short(value: Any) -> str | None:
    plain = _text(str(value) if isinstance(value, int) else value, SHORT)
    return " ".join(plain.split()) if plain else None


def _long(value: Any) -> str | None:
    return _text(value, LONG)


def moved(place: Place, path: str) -> Place:
    """The same place under the path that the repository has for it."""
    return replace(place, file_path=path)
