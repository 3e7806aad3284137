"""What can be done with a session that exists: message, wake, sleep, terminate, archive, tag."""

from functools import partial
from typing import Any

from sqlalchemy import delete, select, update

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.domain.attachments.service import named_in as attachments_named_in
from cogmill.domain.guardrails.prompts import look
from cogmill.domain.organizations.rules import check_tags
from cogmill.domain.outposts import queue as outposts
from cogmill.domain.pull_requests.closing import close_all
from cogmill.domain.sessions.active_time import of_stopped_run
from cogmill.domain.sessions.create import announce, attribution, guarded, link_attachments, note_hits, set_labels
from cogmill.domain.sessions.log import NewEvent, append, status_event
from cogmill.domain.sessions.queries import SessionRow, find_to_change
from cogmill.domain.sessions.schemas import MessageIn
from cogmill.domain.sessions.states import ENDED, Detail, State, Status, Trigger, transition
from cogmill.domain.usage.reservations import release
from cogmill.kit.errors import BadRequest, Conflict, Invalid
from cogmill.models.sessions import session, session_label


class Ended(Conflict):
    """The session is over. Clients are told not to try again: it stays over."""

    def __init__(self, row: SessionRow) -> None:
        how = "archived" if row.is_archived else f"in status {row.status!r}"
        super().__init__(
            f"Session {row.session_id} is {how} and cannot go on. Create a new session.",
            headers={"x-should-retry": "false"},
        )


class AlreadyExited(BadRequest):
    """For callers who want to know that they were too late."""

    detail = "Devin session already exited"


def reload(ctx: Context, row: SessionRow) -> SessionRow:
    """The row as it is now within the transaction."""
    return ctx.db.execute(select(session).where(session.c.id == row.id)).one()


def send_message(ctx: Context, devin_id: str, data: MessageIn) -> SessionRow:
    """Say something to a session. Wakes it when it sleeps or waits; a running one hears it before its next step."""
    row = _find_live(ctx, devin_id)
    user_id = attribution(ctx, data.message_as_user_id)
    files = attachments_named_in(ctx, data.message, at="message")
    said: dict[str, Any] = {"message": data.message, "user_id": user_id}
    if files:
        link_attachments(ctx, row.id, files)
        said["attachments"] = [_brought(one) for one in files]
    looked = look(ctx, data.message, {}, row.session_id)
    told = [NewEvent("user_message", "message", data.message, said, "incoming"), *guarded(looked)]
    last = hear(ctx, row, told)
    note_hits(ctx, row, looked, last)
    return reload(ctx, row)


def _brought(one: Any) -> dict[str, Any]:
    """Where the session finds a file that came with a message; no other file lies in that folder."""
    path = f"/workspace/attachments/{one.attachment_id[:8]}/{one.name}"
    facts = ("attachment_id", "name", "content_type", "size")
    return {name: getattr(one, name) for name in facts} | {"path": path}


def wake(ctx: Context, devin_id: str) -> SessionRow:
    """Let a sleeping session go on without saying anything."""
    row = _find_live(ctx, devin_id)
    if row.status == Status.SUSPENDED:
        hear(ctx, row, [])
    return reload(ctx, row)


def hear(ctx: Context, row: SessionRow, events: list[NewEvent]) -> int:
    """Append what a live session shall hear, and wake it where it waits or sleeps. Answers the last one's number."""
    state = State.of(row.status, row.status_detail)
    waits = row.run_state == "idle" and state.status in {Status.SUSPENDED, Status.RUNNING}
    if not waits:
        return append(ctx, row.id, row.session_id, events)
    after = transition(state, Trigger.WAKE)
    events = [*events, status_event(after)]
    last = append(ctx, row.id, row.session_id, events, state=after, run_state="queued", idle_since=None)
    announce(ctx, row)
    return last - 1


def sleep(ctx: Context, devin_id: str) -> SessionRow:
    """Put a session to sleep at the user's request. What runs is stopped; a message or `wake` goes on."""
    row = _find_live(ctx, devin_id)
    if row.status != Status.SUSPENDED:
        _stop(ctx, row, Trigger.SUSPEND, Detail.USER_REQUEST)
    return reload(ctx, row)


def terminate(ctx: Context, devin_id: str, *, archive: bool) -> SessionRow:
    """End a session for good. Ending an ended one changes nothing, so that clients may repeat the call."""
    row = find_to_change(ctx, devin_id)
    children = _locked_below(ctx, row) if archive else []
    if row.status not in ENDED:
        _stop(ctx, row, Trigger.TERMINATE)
    if archive:
        ctx.audited["archived"] = True
        _put_away(ctx, reload(ctx, row), children)
    return reload(ctx, row)


def terminate_live(ctx: Context, devin_id: str) -> SessionRow:
    """The same, but an ended one is refused."""
    if find_to_change(ctx, devin_id).status in ENDED:
        raise AlreadyExited
    return terminate(ctx, devin_id, archive=False)


def archive(ctx: Context, devin_id: str) -> SessionRow:
    """Put a session and its children away: readable for ever, running and changeable no more.

    The children's open pull requests are closed; its own stay open. So does the original (semantics.md, section 3).
    """
    row = find_to_change(ctx, devin_id)
    _put_away(ctx, row, _locked_below(ctx, row))
    return reload(ctx, row)


def _locked_below(ctx: Context, row: SessionRow) -> list[Any]:
    """The session's children and theirs. To be asked before the first one is stopped, whose use locks sums."""
    tree: list[Any] = [row]
    for one in tree:  # which grows
        children = select(session).where(session.c.parent_session_id == one.session_id).order_by(session.c.id)
        tree.extend(ctx.db.execute(children.with_for_update()))
    return tree[1:]


def _put_away(ctx: Context, row: SessionRow, children: list[Any]) -> None:
    for one in [row, *children]:
        if one.status not in ENDED and one.status != Status.SUSPENDED:
            _stop(ctx, one, Trigger.SUSPEND, Detail.USER_REQUEST)
        _mark_archived(ctx, one)
    if children and (closing := close_all(ctx, [one.id for one in children])):
        ctx.audited["closes_pull_requests"] = closing


def _mark_archived(ctx: Context, row: SessionRow) -> None:
    if not row.is_archived:
        event = NewEvent("session_archived", "lifecycle", "Session archived", {}, "incoming")
        append(ctx, row.id, row.session_id, [event], is_archived=True)


def _stop(ctx: Context, row: SessionRow, trigger: Trigger, detail: Detail | None = None) -> None:
    """Take the session from whoever runs it (its epoch ends) and have its processes killed."""
    after = transition(State.of(row.status, row.status_detail), trigger, detail)
    who = "the server" if ctx.caller is None else ctx.caller.name
    left, event = of_stopped_run(ctx, row), status_event(after, f"asked by {who}")
    event.contents.update(left.told())
    append(
        ctx, row.id, row.session_id, [event], state=after, acus=left.acus, usd=left.usd, use=left.use,
        next_epoch=row.epoch + 1, run_state="idle", idle_since=None, active_since=None,
    )  # fmt: skip
    if row.run_state == "running":
        release(ctx, row.id)
    ctx.after_commit.append(partial(ctx.runtime.signals.cancelled, row.id))


def suspend_all(ctx: Context, org_id: str | None, detail: Detail, *, user_id: str | None = None) -> int:
    """Put to sleep whatever runs, or waits to be run, in an organization or in all, of one user or of everybody.

    Answers how many sessions that were.
    """
    query = owned(session, Scope(ctx.scope.enterprise_id, org_id))
    if user_id is not None:
        query = query.where(session.c.user_id == user_id)
    busy = query.where(session.c.run_state != "idle", session.c.status.not_in(ENDED)).order_by(session.c.id)
    rows = ctx.db.execute(busy.with_for_update()).all()
    for row in rows:
        _stop(ctx, row, Trigger.SUSPEND, detail)
    return len(rows)


def _find_live(ctx: Context, devin_id: str) -> SessionRow:
    row = find_to_change(ctx, devin_id)
    if row.is_archived or row.status in ENDED:
        raise Ended(row)
    if row.outpost_id is not None and not outposts.is_there(ctx, row.id):
        raise Conflict(f"Session {row.session_id} belongs to an outpost that is not here. Create a new session.")
    return row


def append_tags(ctx: Context, devin_id: str, tags: list[str]) -> list[str]:
    """Add tags; those it has already stay single."""
    row = find_to_change(ctx, devin_id)
    return _store_tags(ctx, row, [*row.tags, *tags])


def replace_tags(ctx: Context, devin_id: str, tags: list[str]) -> list[str]:
    """Set the tags to just these."""
    return _store_tags(ctx, find_to_change(ctx, devin_id), tags)


def _store_tags(ctx: Context, row: SessionRow, tags: list[str]) -> list[str]:
    if row.is_archived:
        raise Ended(row)
    unique = list(dict.fromkeys(tags))
    check_tags(ctx, [tag for tag in unique if tag not in row.tags])
    if len(unique) > 50:
        raise Invalid.at("body", "tags", msg=f"A session has at most 50 tags; these would be {len(unique)}.")
    ctx.db.execute(delete(session_label).where(session_label.c.session == row.id, session_label.c.kind == "tag"))
    set_labels(ctx, row, "tag", unique)
    ctx.audited["tags"] = unique
    ctx.db.execute(update(session).where(session.c.id == row.id).values(tags=unique, updated_at=ctx.now))
    return unique
