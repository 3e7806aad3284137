"""Reading SARIF 2.1.0, the common form of reports of static analysis (OASIS standard). Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SEVERITIES = {"error": "high", "warning": "medium", "note": "low", "none": "low"}
_SCORES = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low"))
_LEFT_OUT = {"pass", "notApplicable", "informational", "open"}
"""Kinds of results that are no problem found."""
_PLACEHOLDER = re.compile(r"\{(\d{1,2})\}")
_LINK = re.compile(r"(?<!\\)\[([^\[\]]{1,500})\]\(\d+\)")
MOST_RESULTS = 50_000


class NotSarif(ValueError):
    """It says of itself that it is SARIF, and is not; the text says why."""


@dataclass(frozen=True, slots=True)
class Where:
    """A place of a result."""

    uri: str
    start_line: int
    end_line: int
    message: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """One result. Without a severity it could not be read, and the title says why."""

    severity: str | None
    title: str
    rule: str | None = None
    message: str | None = None
    help: str | None = None
    suppressed: str | None = None
    """Why it is to be left alone."""
    places: tuple[Where, ...] = ()


def is_sarif(report: Any) -> bool:
    return isinstance(report, dict) and "runs" in report and ("version" in report or "$schema" in report)


def commit_of(report: dict[str, Any]) -> str | None:
    """The commit that the first run says it looked at."""
    for run in report["runs"][:1]:
        for one in _list(run.get("versionControlProvenance"))[:1]:
            revision = one.get("revisionId") if isinstance(one, dict) else None
            return revision if isinstance(revision, str) and re.fullmatch(r"[0-9a-f]{40,64}", revision) else None
    return None


def results(report: dict[str, Any]) -> Iterator[Result]:
    """The results of all runs that tell of a problem. NotSarif when the whole makes no sense."""
    runs, version = report.get("runs"), report.get("version")
    if version is not None and not str(version).startswith("2.1"):
        raise NotSarif(f"The report is SARIF {str(version)[:20]}; 2.1.0 is understood.")
    if not isinstance(runs, list) or not all(isinstance(one, dict) for one in runs):
        raise NotSarif("The report's runs are no list of objects.")
    count = 0
    for run in runs:
        rules = _Rules(run)
        for item in _list(run.get("results")):
            if (count := count + 1) > MOST_RESULTS:
                raise NotSarif(f"The report has more than {MOST_RESULTS} results; send it in parts.")
            if not isinstance(item, dict):
                yield Result(None, "is no JSON object")
            elif item.get("kind", "fail") not in _LEFT_OUT and item.get("baselineState") != "absent":
                yield _result(run, rules, item)


class _Rules:
    """What the tool says of its rules."""

    def __init__(self, run: dict[str, Any]) -> None:
        tool = _dict(run.get("tool"))
        self._driver = _list(_dict(tool.get("driver")).get("rules"))
        self._extensions = [_list(_dict(one).get("rules")) for one in _list(tool.get("extensions"))]
        everything = [*self._driver, *(rule for rules in self._extensions for rule in rules)]
        self._by_id = {one.get("id"): one for one in reversed(everything) if isinstance(one, dict)}

    def of(self, item: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Id and description of a result's rule."""
        named = _dict(item.get("rule"))
        rule_id, index = item.get("ruleId", named.get("id")), item.get("ruleIndex", named.get("index"))
        at = _dict(named.get("toolComponent")).get("index")
        rules = self._extensions[at] if isinstance(at, int) and 0 <= at < len(self._extensions) else self._driver
        if isinstance(index, int) and 0 <= index < len(rules) and isinstance(rules[index], dict):
            rule = rules[index]
            return rule_id if isinstance(rule_id, str) else rule.get("id"), rule
        if not isinstance(rule_id, str):
            return None, {}
        return rule_id, self._by_id.get(rule_id) or self._by_id.get(rule_id.rpartition("/")[0]) or {}


def _result(run: dict[str, Any], rules: _Rules, item: dict[str, Any]) -> Result:
    rule_id, rule = rules.of(item)
    message = _message(_dict(item.get("message")), _dict(rule.get("messageStrings")))
    short = _words(rule.get("shortDescription"))
    is_plain = short is not None and "{" not in short  # some tools put the template of their messages there
    title = (short if is_plain else None) or _first_line(message) or _text(rule.get("name")) or rule_id
    if title is None:
        return Result(None, "has neither a message nor a rule")
    full = _words(rule.get("fullDescription"))
    told = [one for one in (message, full) if one and one != title]
    help_ = next((one for one in (_words(rule.get("help")), _text(rule.get("helpUri"))) if one and one != short), None)
    locations = _list(item.get("locations")) + _list(item.get("relatedLocations"))
    places = tuple(one for place in locations[:40] if (one := _where(run, place)) is not None)
    severity = _severity(item, rule)
    return Result(severity, title, rule_id, "\n\n".join(told) or None, help_, _suppressed(item), places)


def _severity(item: dict[str, Any], rule: dict[str, Any]) -> str:
    """The score that security tools give, else the level."""
    for properties in (_dict(item.get("properties")), _dict(rule.get("properties"))):
        try:
            score = float(properties.get("security-severity", ""))
        except (TypeError, ValueError):
            continue
        found = next((name for least, name in _SCORES if score >= least), None)
        if found is not None:
            return found
    level = item.get("level") or _dict(rule.get("defaultConfiguration")).get("level") or "warning"
    return _SEVERITIES.get(str(level), "medium")


def _suppressed(item: dict[str, Any]) -> str | None:
    """The reason, if somebody has accepted the result. Refused or undecided suppressions do not count."""
    found = [one for one in _list(item.get("suppressions")) if isinstance(one, dict)]
    if not found or any(one.get("status", "accepted") != "accepted" for one in found):
        return None
    said = next((text for one in found if (text := _text(one.get("justification")))), None)
    return said or "Suppressed in the report."


def _where(run: dict[str, Any], place: Any) -> Where | None:
    physical = _dict(_dict(place).get("physicalLocation"))
    artifact = _dict(physical.get("artifactLocation"))
    index, artifacts = artifact.get("index"), _list(run.get("artifacts"))
    if "uri" not in artifact and isinstance(index, int) and 0 <= index < len(artifacts):
        artifact = _dict(_dict(artifacts[index]).get("location"))
    uri = _text(artifact.get("uri"))
    if uri is None:
        return None
    region = _dict(physical.get("region"))
    start = _line(region.get("startLine")) or 1
    code = _text(_dict(region.get("snippet")).get("text"))
    said = _text(_dict(_dict(place).get("message")).get("text"))
    return Where(uri, start, max(start, _line(region.get("endLine")) or start), said, code)


def _line(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000_000 else None


def _message(message: dict[str, Any], strings: dict[str, Any]) -> str | None:
    """The text of a message, with its arguments put in and without links to places."""
    text = _words(message) or _words(strings.get(str(message.get("id"))))
    if text is None:
        return None
    arguments = [str(one) for one in _list(message.get("arguments"))]

    def put_in(found: re.Match[str]) -> str:
        return arguments[int(found[1])] if int(found[1]) < len(arguments) else found[0]

    return _LINK.sub(r"\1", _PLACEHOLDER.sub(put_in, text) if arguments else text)


def _words(message: Any) -> str | None:
    return _text(_dict(message).get("text")) or _text(_dict(message).get("markdown"))


def _first_line(text: str | None) -> str | None:
    return next((line.strip() for line in (text or "").splitlines() if line.strip()), None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
