"""Which steps of a session are finished, cut or open, read from its log."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cogmill.engine.agents.seam import Json, LogEvent


@dataclass(slots=True)
class Known:
    """What the log says of one step key."""

    attempts: int = 0
    completed: dict[str, Any] | None = None
    reported: bool = False
    """It was cut and that was told instead of running it again."""
    marked: int = 0
    """Attempts already marked as interrupted."""


class Journal:
    """Steps by key. Grows while the turn runs, so that one process keeps the same promise as many."""

    def __init__(self, history: Iterable[LogEvent]) -> None:
        self._steps: dict[str, Known] = {}
        for event in history:
            if "key" in event.contents:
                self._read(event.event_type, event.contents)

    def _read(self, event_type: str, contents: dict[str, Any]) -> None:
        known = self.of(str(contents["key"]))
        if event_type.endswith("_started"):
            known.attempts = max(known.attempts, int(contents.get("attempt", 1)))
        elif event_type.endswith("_interrupted"):
            known.marked = max(known.marked, int(contents.get("attempt", 1)))
            known.reported = bool(contents.get("reported"))
        else:
            known.completed = contents

    def of(self, key: str) -> Known:
        return self._steps.setdefault(key, Known())


@dataclass(frozen=True, slots=True)
class Step:
    """What is known of a step before it runs."""

    key: str
    type: str
    category: str
    title: str
    input: Json
    effects: bool
    on_cut: str
