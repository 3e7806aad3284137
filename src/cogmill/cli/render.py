"""Events as lines on a terminal, while they come."""

import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cogmill.cli.output import clean
from cogmill.cli.tables import diff_text, status_words

if TYPE_CHECKING:
    from rich.console import Console

    from cogmill.client import Event

STEP = re.compile(r"(.+)_(started|output|completed|interrupted)")
HEAD_LINES, TAIL_LINES, DIFF_LINES = 60, 20, 80


class LiveOutput:
    """Output of a running step: the first lines at once, of a flood only the end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._received: list[str] = []
        self._rest = ""
        self._shown = 0
        self._hidden = 0
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    @property
    def is_empty(self) -> bool:
        return not (self._shown or self._rest)

    def add(self, text: str) -> None:
        self._received.append(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._line(line)

    def complete(self, whole: str) -> None:
        """Add what the finished step has beyond the output that came live: the last piece may not have been sent."""
        received = "".join(self._received)
        if whole.startswith(received):
            self.add(whole[len(received) :])

    def close(self) -> None:
        if self._rest:
            self._line(self._rest)
        if self._hidden > len(self._tail):
            self._write(f"… {self._hidden - len(self._tail)} lines left out …")
        for line in self._tail:
            self._write(line)

    def _line(self, line: str) -> None:
        if self._shown < HEAD_LINES:
            self._shown += 1
            self._write(line)
        else:
            self._hidden += 1
            self._tail.append(line)


class StepPrinter:
    """Prints each event once it is known; unknown types by their summary."""

    def __init__(self, console: "Console", on_doing: Callable[[str], None] | None = None) -> None:
        self._console = console
        self._on_doing = on_doing or (lambda _: None)
        self._running: dict[str, LiveOutput] = {}

    def show(self, event: "Event") -> None:
        step = STEP.fullmatch(event.event_type)
        if step is not None:
            getattr(self, f"_{step[2]}")(step[1], event)
            return
        special = getattr(self, f"_show_{event.event_type}", None)
        if special is not None:
            special(event)
        else:
            self._line("· ", event.summary or event.event_type, "dim")

    def finish(self) -> None:
        for output in self._running.values():
            output.close()
        self._running.clear()

    # steps

    def _started(self, type_: str, event: "Event") -> None:
        title = _title(type_, event)
        self._heading(type_, title)
        self._running[_key(type_, event)] = LiveOutput(self._output_line)
        self._on_doing(clean(title).split("\n")[0][:60])

    def _output(self, type_: str, event: "Event") -> None:
        key = _key(type_, event)
        if key not in self._running:
            self._running[key] = LiveOutput(self._output_line)
        self._running[key].add(_text_of(event.contents))

    def _completed(self, type_: str, event: "Event") -> None:
        live = self._running.pop(_key(type_, event), None)
        if live is None:
            self._heading(type_, _title(type_, event))
        if live is None or live.is_empty:
            self._results(type_, event)
        else:
            live.complete(str(event.contents.get("output") or ""))
            live.close()
        facts, is_ok = _facts(event.contents)
        self._line("  ✓ " if is_ok else "  ✗ ", facts, "green" if is_ok else "red")
        self._on_doing("Working…")

    def _interrupted(self, type_: str, event: "Event") -> None:
        live = self._running.pop(_key(type_, event), None)
        if live is not None:
            live.close()
        self._line("  ⚠ ", event.summary or "interrupted", "yellow")

    def _heading(self, type_: str, title: str) -> None:
        self._line("$ " if type_ == "shell_process" else "▸ ", title, "bold")

    def _results(self, type_: str, event: "Event") -> None:
        diff = event.contents.get("diff")
        if isinstance(diff, str) and diff:
            self._console.print(diff_text(diff, DIFF_LINES), soft_wrap=True)
        elif words := _words_beside_calls(event.contents):
            self._line("  ", words, "italic")
        elif type_ == "shell_process" or not event.contents.get("ok", True):
            output = LiveOutput(self._output_line)
            output.add(_text_of(event.contents))
            output.close()

    # everything else

    def _show_status_changed(self, event: "Event") -> None:
        status, detail = str(event.contents.get("status", "")), event.contents.get("status_detail")
        line = Text.assemble("● ", status_words(status, str(detail) if detail else None))
        if event.contents.get("reason"):
            line.append(f" ({clean(str(event.contents['reason']))})", style="dim")
        self._console.print(line, soft_wrap=True)

    def _show_user_message(self, event: "Event") -> None:
        self._line("you: ", str(event.contents.get("message") or event.summary), "blue")

    def _show_devin_message(self, event: "Event") -> None:
        self._line("agent: ", str(event.contents.get("message") or event.summary), "magenta")

    def _show_todo_updated(self, event: "Event") -> None:
        items = event.contents.get("todos") or event.contents.get("items")
        if not isinstance(items, list):
            self._line("· ", event.summary, "dim")
            return
        self._line("▸ ", "plan", "bold")
        for item in items:
            entry = item if isinstance(item, dict) else {"content": item}
            mark = {"completed": "✓", "done": "✓", "in_progress": "▶"}.get(str(entry.get("status")), "○")
            self._line(f"  {mark} ", str(entry.get("content") or entry.get("text") or entry.get("title") or ""), "")

    def _show_replay_divergence(self, event: "Event") -> None:
        self._line("⚠ ", event.summary or "the replay diverged from the recording", "yellow")

    def _show_limit_reached(self, event: "Event") -> None:
        self._line("⚠ ", event.summary or "a limit is reached", "yellow")

    def _output_line(self, line: str) -> None:
        self._console.print(Text.assemble(("  │ ", "dim"), clean(line)), soft_wrap=True)

    def _line(self, mark: str, text: str, style: str) -> None:
        indented = clean(text).rstrip().replace("\n", "\n" + " " * len(mark))
        self._console.print(Text(mark + indented, style=style), soft_wrap=True)


def _key(type_: str, event: "Event") -> str:
    """Which step an event belongs to; servers that do not say run one step of a type at a time."""
    names = ("key", "step_key", "step_id", "step")
    return next((str(event.contents[name]) for name in names if event.contents.get(name) is not None), type_)


def _title(type_: str, event: "Event") -> str:
    given = event.contents.get("input")
    contents: dict[str, Any] = {**(given if isinstance(given, dict) else {}), **event.contents}
    command = contents.get("command")
    if type_ == "shell_process" and isinstance(command, str) and command:
        return command
    return event.summary or " ".join(filter(None, [type_.replace("_", " "), str(contents.get("path") or "")]))


def _text_of(contents: dict[str, Any]) -> str:
    values = (contents.get(name) for name in ("output", "text", "chunk", "data", "error"))
    return next((value for value in values if isinstance(value, str) and value), "")


def _words_beside_calls(contents: dict[str, Any]) -> str:
    """What a model said together with its tool calls; words alone come as a message of their own."""
    response = contents.get("response")
    parts = response.get("parts") if isinstance(response, dict) else None
    parts = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    if not any(part.get("part_kind") == "tool-call" for part in parts):
        return ""
    return "\n".join(str(part.get("content") or "").strip() for part in parts if part.get("part_kind") == "text")


def _facts(contents: dict[str, Any]) -> tuple[str, bool]:
    """One line about how a step went, and whether it went well."""
    exit_code = contents.get("exit_code")
    facts = [f"exit {exit_code}"] if exit_code is not None else []
    for name, unit, digits in (("seconds", "s", 1), ("acus", "ACU", 3)):
        value = contents.get(name)
        if isinstance(value, int | float) and value:
            facts.append(f"{value:.{digits}f} {unit}")
    is_ok = bool(contents.get("ok", True)) and exit_code in (None, 0)
    if not is_ok and isinstance(contents.get("error"), str):
        facts.append(clean(contents["error"]).split("\n")[0])
    return " · ".join(facts) or ("done" if is_ok else "failed"), is_ok
