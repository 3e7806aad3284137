"""The append-only event log of a session: the only way to write to a session after its creation."""

from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from sqlalchemy import bindparam, update

from cogmill.access.context import Context
from cogmill.domain.code_scans import following
from cogmill.domain.insights import jobs as insights
from cogmill.domain.metrics.marks import mark
from cogmill.domain.outposts import queue as outposts
from cogmill.domain.sessions import news
from cogmill.domain.sessions.states import State, is_end
from cogmill.domain.usage import ledger
from cogmill.kit.hot_insert import HotInsert
from cogmill.kit.ids import event_id
from cogmill.kit.json_text import compact
from cogmill.models.sessions import session, session_event

CATEGORIES = (
    "shell", "file", "search", "browser", "mcp", "git", "message", "status", "secret", "todo",
    "recording", "knowledge", "playbook", "webhook", "lifecycle", "other",
)  # fmt: skip

INSERT_EVENTS = HotInsert(session_event)
_COUNTED = ("user_message", "devin_message")
_ANSWERED = (
    "id", "last_seq", "org_id", "origin", "user_id", "service_user_id", "created_at", "outpost_id", "scan_id",
)  # fmt: skip
_FOLLOWED = frozenset({"status", "run_state", "is_archived"})


class StaleEpoch(Exception):
    """The writer's claim on the session is over: somebody else runs it, or it was ended. Stop at once."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is about to be appended."""

    event_type: str
    category: str
    summary: str
    contents: dict[str, Any] = field(default_factory=dict)
    direction: str = "outgoing"


def status_event(state: State, reason: str | None = None) -> NewEvent:
    """Tells of a change of state."""
    named = f"{state.status} ({state.detail})" if state.detail else state.status.value
    return NewEvent(
        "status_changed",
        "status",
        f"Session is {named}" + (f": {reason}" if reason else ""),
        {"status": state.status, "status_detail": state.detail, "reason": reason},
    )


def append(
    ctx: Context,
    row_id: int,
    session_id: str,
    events: list[NewEvent],
    *,
    epoch: int | None = None,
    state: State | None = None,
    next_epoch: int | None = None,
    acus: int = 0,
    usd: int = 0,
    use: ledger.Use = ledger.NOTHING,
    **changes: Any,
) -> int:
    """Append events and change the session's row with them, as one. Answers the sequence number of the last one.

    With an `epoch` the write counts only while that claim stands; otherwise StaleEpoch, and nothing is written.
    `next_epoch` begins another claim. `acus` and `usd`, both in millionths, are added to what was consumed,
    and written into the ledger with what `use` tells; such a write has at least one event.
    """
    if next_epoch is not None:
        changes["epoch"] = next_epoch
    if state is not None:
        changes |= {"status": state.status.value, "status_detail": state.detail and state.detail.value}
    values = {f"new_{name}": value for name, value in changes.items()}
    values |= {"row_id": row_id, "claim": epoch, "count": len(events), "now": ctx.now, "acus": acus, "usd": usd}
    for kind in _COUNTED:
        values[f"{kind}s"] = sum(one.event_type == kind for one in events)
    row = ctx.db.execute(_change(epoch is not None, tuple(changes)), values).first()
    if row is None:
        raise StaleEpoch(session_id)
    insert_events(ctx, row_id, session_id, row.last_seq - len(events), events)
    if changes.get("run_state") == "idle" or values["user_messages"]:  # one that runs is never taken from the sums
        mark(ctx, row.org_id, row.created_at)
    if state is not None and any(event.event_type == "status_changed" for event in events):
        news.changed(ctx, row_id, row.org_id, row.origin, state)
        if is_end(state):
            insights.queue(ctx, row_id, row.org_id)
    if row.scan_id is not None:
        following.session_changed(ctx, row.scan_id, state, is_archived=bool(changes.get("is_archived")))
    ledger.write(ctx, row, acus, usd, use)
    if row.outpost_id is not None and not _FOLLOWED.isdisjoint(changes):
        outposts.follow(ctx, row_id)
    return int(row.last_seq)


@cache
def _change(fenced: bool, names: tuple[str, ...]) -> Any:
    """The update of a session's row; built once for each set of columns, which saves half of its cost."""
    columns = session.c
    change = update(session).where(columns.id == bindparam("row_id"))
    if fenced:
        change = change.where(columns.epoch == bindparam("claim"))
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=columns[name].type) for name in names}
    values |= {
        "last_seq": columns.last_seq + bindparam("count"),
        "updated_at": bindparam("now"),
        "acus_micro": columns.acus_micro + bindparam("acus"),
        "usd_micro": columns.usd_micro + bindparam("usd"),
    }
    values |= {f"{kind}s": columns[f"{kind}s"] + bindparam(f"{kind}s") for kind in _COUNTED}
    return change.values(values).returning(*(columns[name] for name in _ANSWERED))


def insert_events(ctx: Context, row_id: int, session_id: str, after: int, events: list[NewEvent]) -> None:
    """Write events behind sequence number `after`, and show them to watchers once they are durable."""
    rows = [_row(row_id, after + n, event, ctx.now) for n, event in enumerate(events, start=1)]
    if not rows:
        return
    INSERT_EVENTS(ctx.db, rows)

    def shown() -> list[tuple[int, bytes]]:
        return [(row["seq"], wire(session_id, row)) for row in rows]

    ctx.after_commit.append(partial(ctx.runtime.signals.appended, row_id, shown))


def _row(row_id: int, seq: int, event: NewEvent, now: float) -> dict[str, Any]:
    return {
        "session": row_id,
        "seq": seq,
        "event_type": event.event_type,
        "category": event.category,
        "direction": event.direction,
        "created_at": now,
        "summary": _one_line(event.summary),
        "contents": compact(event.contents),
    }


def _one_line(text: str) -> str:
    """Short, and without what databases take in no text: NUL, and half of a surrogate pair."""
    line = " ".join(text.replace("\0", " ").encode("utf-8", "replace").decode().split())
    return line if len(line) <= 200 else line[:199] + "…"


def wire(session_id: str, row: Any) -> bytes:
    """An event as watchers get it: the fields of the REST event, and its sequence number, as a JSON line."""
    head = {
        "seq": row["seq"],
        "event_id": event_id(session_id, row["seq"]),
        "event_type": row["event_type"],
        "category": row["category"],
        "direction": row["direction"],
        "created_at": int(row["created_at"]),
        "summary": row["summary"],
    }
    return f'{compact(head)[:-1]},"contents":{row["contents"]}}}'.encode()
