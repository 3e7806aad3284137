"""Identifiers: a prefix that names the kind, then 128 random bits in hex."""

import os
import re
import secrets
import time
from threading import Lock

_LOCK, _newest = Lock(), 0

DEVIN_ID = re.compile(r"devin-[0-9a-f]{32}")


def new_id(prefix: str) -> str:
    """A fresh identifier such as `devin-0f3c…`; `prefix` comes without the dash."""
    return f"{prefix}-{os.urandom(16).hex()}"


def ordered_id(prefix: str) -> str:
    """A fresh identifier that sorts behind all that this process made before: milliseconds, then 80 random bits.

    Within a millisecond, or when the clock is set back, it is a random step of up to 64 bits behind the last one.
    """
    global _newest  # noqa: PLW0603 - the order holds for the whole process
    with _LOCK:
        now = time.time_ns() // 1_000_000 & 0xFFFFFFFFFFFF
        fresh = now << 80 | secrets.randbits(80)
        _newest = fresh if fresh > _newest else _newest + 1 + secrets.randbits(64)
        return f"{prefix}-{_newest:032x}"


def event_id(session_id: str, seq: int) -> str:
    """The id of a session's event: derived, so that it needs no column and no index of its own."""
    return f"event-{session_id.removeprefix('devin-')}-{seq}"


def event_seq(session_id: str, event: str) -> int | None:
    """The sequence number inside an event id, or None when the id is not of this session."""
    head = f"event-{session_id.removeprefix('devin-')}-"
    tail = event.removeprefix(head)
    return int(tail) if event.startswith(head) and tail.isascii() and tail.isdigit() and len(tail) < 12 else None
