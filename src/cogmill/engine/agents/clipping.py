"""Shortens text for events and for models: the first and the last part stay, the middle says how much is missing."""

KEPT_OUTPUT = 64_000
"""Characters of one command's output that an event keeps."""


def clip(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = limit // 2
    tail = limit - head
    return f"{text[:head]}\n[... {len(text) - limit} characters left out ...]\n{text[-tail:]}"


def cut_line(line: str, limit: int) -> str:
    return line if len(line) <= limit else line[: limit - 1] + "…"


def first_line(text: str, limit: int = 120) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return cut_line(line, limit)


def tail(text: str, lines: int = 25, limit: int = 3_000) -> str:
    kept = "\n".join(text.rstrip().splitlines()[-lines:])
    return kept if len(kept) <= limit else "…" + kept[-limit:]
