"""What counts in a session's log, gathered event by event, so that long logs need no room."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Contents = Mapping[str, Any]
CHANGES = frozenset({"file_write", "file_edit"})
MOST_KEPT = 2000
"""Commands, and letters of each text, that are kept."""
COLORS = {"asked": "blue", "done": "green", "worked": "gray", "trouble": "red", "waits": "yellow"}
_WORKSPACE = re.compile(r"^/workspace/")


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the shell that came to its end."""

    text: str
    exit_code: int | None
    stopped: str | None
    output: str
    """Its end."""
    seconds: float

    @property
    def failed(self) -> bool:
        return self.stopped is not None or self.exit_code != 0

    @property
    def line(self) -> str:
        """Its first line, short."""
        return short(next((one for one in self.text.splitlines() if one.strip()), ""), 100)


@dataclass(frozen=True, slots=True)
class Moment:
    """An entry of the timeline."""

    kind: str
    title: str
    description: str
    at: float


@dataclass(slots=True)
class Stretch:
    """What was done between two entries of the timeline."""

    commands: int = 0
    failed: int = 0
    files: set[str] = field(default_factory=set)
    model_calls: int = 0
    began: float | None = None
    ended: float = 0.0

    def words(self) -> str:
        parts = [
            _count(self.commands, "command") + (f" ({self.failed} failed)" if self.failed else ""),
            _count(len(self.files), "file") + " changed" if self.files else "",
            _count(self.model_calls, "question") + " to the model" if self.model_calls else "",
        ]
        if not any(parts):
            return ""
        took = self.ended - (self.began if self.began is not None else self.ended)
        return f"{', '.join(one for one in parts if one)}, {took:.0f} s"


@dataclass(slots=True)
class Facts:
    """Everything that rules and models are told of a session's log."""

    moments: list[Moment] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """What users said, the prompt first."""
    said: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    changed: Counter[str] = field(default_factory=Counter)
    """Files by how often they were changed; those of commits count as well."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Type and words of every failed step that is no command."""
    notes: list[Contents] = field(default_factory=list)
    left_out: list[Contents] = field(default_factory=list)
    playbook: str | None = None
    limits: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    recoveries: int = 0
    waits: int = 0
    waited: float = 0.0
    commits: int = 0
    pull_requests: set[str] = field(default_factory=set)
    _stretch: Stretch = field(default_factory=Stretch)
    _waits_since: float | None = None

    def add(self, event_type: str, at: float, summary: str, contents: Contents) -> None:
        """The next event of the log. Unknown ones are passed over."""
        step, _, ending = event_type.rpartition("_")
        if ending == "completed" and "key" in contents:
            self._step(step, at, summary, contents)
        elif (read := getattr(self, f"_on_{event_type}", None)) is not None:
            read(at, summary, contents)

    def close(self) -> None:
        """The log is over."""
        self._worked()

    def _moment(self, kind: str, title: str, description: str, at: float) -> None:
        self._worked()
        self.moments.append(Moment(kind, title, short(description, 500), at))

    def _worked(self) -> None:
        stretch, self._stretch = self._stretch, Stretch()
        if stretch.began is not None and (words := stretch.words()):
            self.moments.append(Moment("worked", "Worked", words, stretch.ended))

    def _step(self, step: str, at: float, summary: str, contents: Contents) -> None:
        stretch = self._stretch
        stretch.began, stretch.ended = at if stretch.began is None else stretch.began, at
        is_ok = bool(contents.get("ok", True))
        if step == "shell_process":
            self._command(contents)
        elif not is_ok:
            self.failures.append((step, short(str(contents.get("error") or summary), 300)))
        elif step in CHANGES and "attachment" not in str(contents["key"]):
            self._changed(str(contents.get("path", "")))
        elif step == "model_call":
            stretch.model_calls += 1
        elif step == "git_commit":
            self.commits += 1
            for path in contents.get("files") or ():
                self._changed(str(path))
            self._moment("done", "Committed", str(contents.get("message") or summary), at)
        elif step == "git_push":
            self._moment("done", "Pushed", summary, at)
        elif step == "pull_request":
            self.pull_requests.add(str(contents.get("url") or contents.get("pr_url") or summary))
            self._moment("done", "Pull request", summary, at)

    def _command(self, contents: Contents) -> None:
        exit_code, stopped = contents.get("exit_code"), contents.get("stopped")
        said = str(contents.get("output") or contents.get("error") or "")
        command = Command(
            text=str(contents.get("command") or contents.get("title") or "")[:MOST_KEPT],
            exit_code=exit_code if isinstance(exit_code, int) else None,
            stopped=str(stopped) if stopped else None,
            output=said[-MOST_KEPT:],
            seconds=float(contents.get("seconds") or 0),
        )
        self._stretch.commands += 1
        self._stretch.failed += command.failed
        if len(self.commands) < MOST_KEPT:
            self.commands.append(command)

    def _changed(self, path: str) -> None:
        name = _WORKSPACE.sub("", path)
        self.changed[name] += 1
        self._stretch.files.add(name)

    def _on_user_message(self, at: float, _summary: str, contents: Contents) -> None:
        text = str(contents.get("message", ""))
        self._moment("asked", "Asked" if not self.asked else "The user wrote", text, at)
        self.asked.append(text)
        self._go_on(at)

    def _on_devin_message(self, at: float, _summary: str, contents: Contents) -> None:
        self.said.append(str(contents.get("message", "")))
        self._moment("worked", "Answered", self.said[-1], at)

    def _on_status_changed(self, at: float, _summary: str, contents: Contents) -> None:
        status, detail = contents.get("status"), contents.get("status_detail")
        reason = str(contents.get("reason") or "")
        if status == "error":
            self.errors.append(reason)
            self._moment("trouble", "Failed", reason or "The session ended with an error.", at)
        elif detail in {"waiting_for_user", "waiting_for_approval"}:
            self.waits += 1
            self._waits_since = at
            self._moment("waits", "Waited for the user", str(detail).replace("_", " ").capitalize() + ".", at)
        elif detail == "finished":
            self._moment("done", "Finished", reason or "The turn came to its end.", at)
        elif status == "exit":
            self._moment("worked", "Terminated", reason or "The session was ended.", at)
        elif status == "running":
            self._go_on(at)

    def _go_on(self, at: float) -> None:
        if self._waits_since is not None:
            self.waited += max(at - self._waits_since, 0.0)
            self._waits_since = None

    def _on_limit_reached(self, at: float, _summary: str, contents: Contents) -> None:
        self.limits.append(str(contents.get("reason", "")))
        self._moment("trouble", "Limit reached", self.limits[-1], at)

    def _on_session_recovered(self, at: float, summary: str, _contents: Contents) -> None:
        self.recoveries += 1
        self._moment("waits", "Interrupted", summary, at)

    def _on_knowledge_selected(self, _at: float, _summary: str, contents: Contents) -> None:
        self.notes += contents.get("notes") or ()
        self.left_out += contents.get("left_out") or ()

    def _on_playbook_selected(self, _at: float, summary: str, contents: Contents) -> None:
        self.playbook = str(contents.get("title") or summary)

    def _on_pull_request_changed(self, at: float, summary: str, _contents: Contents) -> None:
        self._moment("done", "Pull request", summary, at)

    def _on_pull_request_not_closed(self, at: float, summary: str, _contents: Contents) -> None:
        self._moment("trouble", "Pull request", summary, at)


def short(text: str, most: int) -> str:
    """The text on one line, cut to a length."""
    line = " ".join(text[: most * 4].split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""
