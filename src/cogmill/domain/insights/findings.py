"""Issues that the facts bear out, each with what to do about it: one small rule after the other."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from cogmill.domain.insights.facts import Command, Facts, short

Impact = Literal["high", "medium", "low"]
ActionType = Literal["machine_setup", "repo_config", "knowledge", "prompt_improvement", "other"]
REPEATED = 3
"""Failures of the same command from which on it is an issue."""
FOLLOW_UPS = 4
"""Messages behind the prompt from which on they are an issue."""
WAITED_LONG = 1800.0
FEW_WORDS = 8
_MISSING = re.compile(
    r"(?P<command>[\w.+-]+): (?:command )?not found"
    r"|No module named '?(?P<module>[\w.]+)"
    r"|Cannot find module '(?P<package>[^'\n]{1,80})'"
    r"|error while loading shared libraries: (?P<library>[\w.+-]+)"
)
_TESTS = re.compile(
    r"\b(pytest|unittest|tox|nox|jest|vitest|mocha|ctest|rspec|phpunit|cargo test|go test|mvn (?:-\S+ )*(?:test|verify)"
    r"|gradlew? (?:-\S+ )*test|make (?:test|check)|(?:npm|yarn|pnpm) (?:run )?test)\b"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """An issue, and the action item that belongs to it."""

    label: str
    impact: Impact
    issue: str
    action: str
    type: ActionType


def findings(facts: Facts) -> list[Finding]:
    """All of them, the gravest first."""
    order = ("high", "medium", "low")
    found = [one for rule in _RULES for one in rule(facts)]
    return sorted(found, key=lambda one: order.index(one.impact))


def _ended_badly(facts: Facts) -> Iterator[Finding]:
    if facts.errors:
        yield Finding(
            "Session failed", "high", f"The session ended with an error: {short(facts.errors[-1], 300)}",
            "Put right what the error names, then start the session again.", "other",
        )  # fmt: skip


def _limit(facts: Facts) -> Iterator[Finding]:
    if facts.limits:
        yield Finding(
            "Limit reached", "high", f"Work stopped at a limit: {short(facts.limits[-1], 300)}",
            "Split the task into smaller sessions, or raise the limit that was reached.", "other",
        )  # fmt: skip


def _tests_fail(facts: Facts) -> Iterator[Finding]:
    last = next((one for one in reversed(facts.commands) if _TESTS.search(one.text)), None)
    if last is not None and last.failed:
        yield Finding(
            "Tests fail at the end", "high", f"The last run of tests did not succeed: {last.line} ({_ended(last)}).",
            "Look at what the tests say before the work is merged; name the tests that must pass in the prompt.",
            "prompt_improvement",
        )  # fmt: skip


def _missing(facts: Facts) -> Iterator[Finding]:
    found: Counter[str] = Counter()
    for one in facts.commands:
        if one.failed:
            found.update({name for match in _MISSING.finditer(one.output) if (name := _named(match))})
    if found:
        names = ", ".join(name for name, _ in found.most_common(5))
        yield Finding(
            "Missing tools", "medium", f"Commands failed because something is not installed: {names}.",
            f"Install {names} in 'initialize' of the environment's blueprint, so that sessions find it.",
            "machine_setup",
        )  # fmt: skip


def _named(match: re.Match[str]) -> str | None:
    return next((value for value in match.groupdict().values() if value), None)


def _repeated(facts: Facts) -> Iterator[Finding]:
    failed = Counter(one.text for one in facts.commands if one.failed)
    succeeded = {one.text for one in facts.commands if not one.failed}
    for text, times in failed.most_common(3):
        if times < REPEATED:
            return
        line = next(one.line for one in facts.commands if one.text == text)
        never = text not in succeeded
        yield Finding(
            "Repeated failure", "high" if never else "medium",
            f"The same command failed {times} times{' and never succeeded' if never else ''}: {line}",
            f"Write down how to run it, or what to run instead: {line}", "knowledge",
        )  # fmt: skip


def _timeouts(facts: Facts) -> Iterator[Finding]:
    stopped = [one for one in facts.commands if one.stopped == "timeout"]
    if stopped:
        yield Finding(
            "Commands timed out", "medium",
            f"{len(stopped)} command(s) were stopped for taking too long, the last one: {stopped[-1].line}",
            "Say in a note how long it takes and how to run only a part of it.", "knowledge",
        )  # fmt: skip


_STEPS: dict[str, tuple[str, Impact, str, ActionType]] = {
    "git_clone": (
        "Clone failed", "high", "Give the organization a git permission for the repository, and check the connection.",
        "repo_config",
    ),
    "git_push": (
        "Push failed", "medium", "Check that the work branch may be pushed and that the commits hold no secret.",
        "repo_config",
    ),
    "pull_request": (
        "Pull request failed", "medium", "Check that pull requests may be opened with the connection's credentials.",
        "repo_config",
    ),
    "model_call": (
        "Model trouble", "medium", "Check the model's key, its quota and its limits with 'cogmill doctor'.", "other",
    ),
}  # fmt: skip


def _failed_steps(facts: Facts) -> Iterator[Finding]:
    for step, (label, impact, action, kind) in _STEPS.items():
        words = [said for one, said in facts.failures if one == step]
        if words:
            times = f" ({len(words)} times)" if len(words) > 1 else ""
            yield Finding(label, impact, f"{label}{times}: {words[-1]}", action, kind)


def _follow_ups(facts: Facts) -> Iterator[Finding]:
    more = len(facts.asked) - 1
    if more >= FOLLOW_UPS:
        yield Finding(
            "Many follow-ups", "medium", f"The user had to write {more} more messages after the prompt.",
            "Put into the prompt, or into a playbook, what the later messages said.", "prompt_improvement",
        )  # fmt: skip


def _waits(facts: Facts) -> Iterator[Finding]:
    if facts.waits > 1 or facts.waited > WAITED_LONG:
        yield Finding(
            "Waited for the user", "low",
            f"The session waited for the user {facts.waits} time(s), {facts.waited / 60:.0f} minutes in all.",
            "Answer in the prompt what the session had to ask.", "prompt_improvement",
        )  # fmt: skip


def _vague(facts: Facts) -> Iterator[Finding]:
    words = len(facts.asked[0].split()) if facts.asked else FEW_WORDS
    if words < FEW_WORDS and facts.playbook is None:
        yield Finding(
            "The prompt says little", "low", f"The prompt has {words} word(s): {short(facts.asked[0], 100)}",
            "Say what the result should be and how it can be checked.", "prompt_improvement",
        )  # fmt: skip


def _no_room(facts: Facts) -> Iterator[Finding]:
    names = [str(one.get("name") or one.get("note_id")) for one in facts.left_out]
    if names:
        yield Finding(
            "Notes left out", "low", f"Notes could not be given to the session: {', '.join(names[:5])}.",
            "Shorten or merge notes, and take those off that no session needs.", "knowledge",
        )  # fmt: skip


def _cut(facts: Facts) -> Iterator[Finding]:
    if facts.recoveries:
        yield Finding(
            "Interrupted", "low", f"The server stopped {facts.recoveries} time(s) while the session ran.",
            "Look into the server's log for why it stopped; nothing has to be done in the session.", "other",
        )  # fmt: skip


_RULES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _ended_badly, _limit, _tests_fail, _failed_steps, _repeated, _missing, _timeouts, _follow_ups, _waits, _vague,
    _no_room, _cut,
)  # fmt: skip


def _ended(command: Command) -> str:
    return command.stopped.replace("_", " ") if command.stopped else f"exit code {command.exit_code}"
