"""What came out of the demonstration, read from the session's events, its diff and its pull request."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cogmill.cli.output import clean

if TYPE_CHECKING:
    from cogmill.client import Event, PullRequest, Session

_RUNS_TESTS = re.compile(r"\b(?:unittest|pytest)\b")
_LAST_LINE = re.compile(r"^(?:OK|FAILED)\b.*|^=* ?.*\b(?:passed|failed)\b.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TestRun:
    """One run of the project's tests inside the session."""

    __test__ = False

    command: str
    exit_code: int | None
    result: str

    @classmethod
    def read(cls, event: "Event") -> "TestRun | None":
        contents = event.contents
        command = str(contents.get("command") or "")
        if event.event_type != "shell_process_completed" or not _RUNS_TESTS.search(command):
            return None
        lines = _LAST_LINE.findall(clean(str(contents.get("output") or "")))
        return cls(command, contents.get("exit_code"), lines[-1].strip("= ") if lines else "no result line")

    @property
    def is_passed(self) -> bool:
        return self.exit_code == 0

    def __str__(self) -> str:
        return f"{self.result}, exit code {self.exit_code}"


@dataclass(slots=True)
class Outcome:
    """Filled while the session runs and completed when it is over."""

    words_from: str
    """Where the model's words come from."""
    session: "Session | None" = None
    steps: list[str] = field(default_factory=list)
    tests: list[TestRun] = field(default_factory=list)
    pull_request: "PullRequest | None" = None
    diff: str = ""
    seconds: float = 0.0

    def take(self, event: "Event") -> None:
        """Note what an event says of steps and tests."""
        if event.event_type.endswith("_completed") and "seconds" in event.contents:
            self.steps.append(event.summary)
        run = TestRun.read(event)
        if run is not None:
            self.tests.append(run)

    @property
    def before(self) -> TestRun | None:
        return self.tests[0] if self.tests else None

    @property
    def after(self) -> TestRun | None:
        return self.tests[-1] if len(self.tests) > 1 else None

    def missing(self) -> list[str]:
        """What a good demonstration has and this one has not."""
        session = self.session
        state = f"{session.status}/{session.status_detail}" if session else "unknown"
        checks = {
            f"the session did not finish (it is {state})": state in {"running/finished", "exit/None", "exit/finished"},
            "no test failed before the change": self.before is not None and not self.before.is_passed,
            "the tests do not pass after the change": self.after is not None and self.after.is_passed,
            "there is no pull request": self.pull_request is not None,
            "nothing was changed": bool(self.diff),
        }
        return [said for said, is_met in checks.items() if not is_met]

    def as_json(self) -> dict[str, Any]:
        session, missing = self.session, self.missing()
        return {
            "ok": not missing,
            "missing": missing,
            "words_from": self.words_from,
            "session": session.raw() if session else None,
            "steps": self.steps,
            "tests_before": _shown(self.before),
            "tests_after": _shown(self.after),
            "pull_request": self.pull_request.raw() if self.pull_request else None,
            "diff": self.diff,
            "acus": session.acus_consumed if session else None,
            "seconds": round(self.seconds, 3),
        }


def _shown(run: TestRun | None) -> dict[str, Any] | None:
    return None if run is None else {"command": run.command, "exit_code": run.exit_code, "result": run.result}
