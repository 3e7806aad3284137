"""Events as terminal lines."""

import io

import pytest
from rich.console import Console

from cogmill.cli.output import clean
from cogmill.cli.render import StepPrinter
from cogmill.client import Event


def shown(*events):
    console = Console(file=io.StringIO(), width=100, highlight=False, markup=False)
    printer = StepPrinter(console)
    for seq, (event_type, contents, summary) in enumerate(events, 1):
        printer.show(
            Event(seq=seq, event_id="e", event_type=event_type, created_at=0, contents=contents, summary=summary)
        )
    printer.finish()
    return console.file.getvalue()


def test_flood_of_output_keeps_beginning_and_end():
    text = "".join(f"line {number}\n" for number in range(5000))
    out = shown(
        ("shell_process_started", {"input": {"command": "x"}}, ""), ("shell_process_output", {"text": text}, "")
    )
    assert "line 0\n" in out
    assert "line 4999\n" in out
    assert "4920 lines left out" in out
    assert out.count("\n") < 90


def test_output_that_was_not_sent_live_is_added_at_the_end():
    started = ("shell_process_started", {"input": {"command": "x"}, "key": "k"}, "")
    live = ("shell_process_output", {"output": "one\ntw", "step": "k"}, "")
    out = shown(started, live, ("shell_process_completed", {"output": "one\ntwo\nthree\n", "key": "k"}, ""))
    assert [line.strip() for line in out.splitlines()] == ["$ x", "│ one", "│ two", "│ three", "✓ done"]


def test_unknown_and_odd_events_do_not_break_it():
    out = shown(
        ("teleport_started", {}, "Beam up"),
        ("teleport_interrupted", {}, ""),
        ("mystery", {}, ""),
        ("todo_updated", {"todos": [{"content": "a", "status": "completed"}, "b", {"text": "c"}]}, ""),
        ("status_changed", {}, ""),
        ("file_read_completed", {"ok": False, "error": "no such file", "path": "x"}, ""),
        ("replay_divergence", {}, ""),
        ("[bold]markup[/bold]", {}, ""),
    )
    for part in (
        "▸ Beam up",
        "⚠ interrupted",
        "mystery",
        "✓ a",
        "○ b",
        "✗ no such file",
        "diverged",
        "[bold]markup[/bold]",
    ):
        assert part in out


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;ZXZpbA==\x1b\\text", "text"),
        ("10%\r50%\r100%\nnext", "100%\nnext"),
        ("a\r\nb\t\x08\x9b2J\u202e", "a\nb\t2J"),
    ],
)
def test_clean(dirty, expected):
    assert clean(dirty) == expected
