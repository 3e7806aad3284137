"""What workers do with entries: find, claim, connect, give back. Of two that want the same one, one gets it."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.outposts.queue import FREE, change, touch
from cogmill.domain.outposts.schemas import (
    EntriesQuery,
    EntryMetadata,
    EntryOut,
    EntrySpec,
    EntryStatus,
    NetworkPolicy,
)
from cogmill.domain.sessions.active_time import of_stopped_run
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.domain.sessions.queries import full_id
from cogmill.domain.usage.reservations import release as unreserve
from cogmill.kit.crypto import new_token
from cogmill.kit.errors import Conflict, Forbidden, NotFound
from cogmill.kit.ids import new_id
from cogmill.kit.paging import decode_cursor, encode_cursor
from cogmill.models.outposts import outpost, outpost_entry, outpost_feed
from cogmill.models.sessions import session

GATEWAY = "/opbeta/outposts/gateway"
TOKEN_PREFIX = "cogc_"  # noqa: S105 - what tokens begin with, no secret
_NO_TOKEN = "The connect token is not the one of a claim that waits for its worker. Claim the session again."  # noqa: S105
_columns = outpost_entry.c
_SHOWN = (
    session.c.session_id, session.c.status, session.c.run_state, session.c.is_archived, session.c.epoch,
    session.c.active_since, outpost.c.platform,
)  # fmt: skip


class NoEntry(NotFound):
    """No such session in the queues: it never was, or it is over."""


class NotClaimable(Conflict):
    """Another worker has it, or there is nothing to do for one."""


class Refused(Forbidden):
    """A connect token that does not count, or not any more."""


def entries(ctx: Context) -> Select[Any]:
    """The enterprise's entries with what is shown of their sessions, those that are over too."""
    query = owned(outpost_entry, ctx.scope, *outpost_entry.c, *_SHOWN)
    return query.join(session, session.c.id == _columns.session).join(
        outpost, outpost.c.outpost_id == _columns.outpost_id
    )


def list_page(ctx: Context, query: EntriesQuery) -> tuple[list[EntryOut], str, bool]:
    """Entries in the order of their last change, a cursor, and whether there are more behind it."""
    after = 0 if query.cursor is None else decode_cursor(query.cursor)
    latest = _latest(ctx)
    found = entries(ctx).where(_columns.gone_at.is_(None), _columns.version > after)
    if query.outpost is not None:
        found = found.where(_columns.outpost_id == query.outpost)
    if query.acceptor_id is not None:
        found = found.where(_columns.acceptor_id == query.acceptor_id)
    held = or_(_columns.connection.is_not(None), _columns.claim_deadline > ctx.now)
    if query.phase == "claimed":
        found = found.where(_columns.acceptor_id.is_not(None), held)
    elif query.phase == "pending":
        found = found.where(or_(_columns.acceptor_id.is_(None), ~held), session.c.run_state != "idle")
    rows = ctx.db.execute(found.order_by(_columns.version).limit(query.first + 1)).all()
    shown, has_more = rows[: query.first], len(rows) > query.first
    position = shown[-1].version if has_more else max(latest, after, *(row.version for row in shown))
    return [present(ctx, row) for row in shown], encode_cursor(position), has_more


def _latest(ctx: Context) -> int:
    feed = select(outpost_feed.c.version).where(outpost_feed.c.enterprise_id == ctx.scope.enterprise_id)
    return ctx.db.execute(feed).scalar() or 0


def changes(ctx: Context, outpost_id: str | None, after: int, most: int) -> list[tuple[int, bool, EntryOut]]:
    """What changed behind a number of the feed: the number, whether it is gone, the entry. From 0 on, none is gone."""
    query = entries(ctx).where(_columns.version > after)
    if outpost_id is not None:
        query = query.where(_columns.outpost_id == outpost_id)
    if after == 0:
        query = query.where(_columns.gone_at.is_(None))
    rows = ctx.db.execute(query.order_by(_columns.version).limit(most))
    return [(row.version, row.gone_at is not None, present(ctx, row)) for row in rows]


def get(ctx: Context, session_id: str) -> EntryOut:
    return present(ctx, _find(ctx, session_id))


def claim(ctx: Context, session_id: str, acceptor_id: str) -> EntryOut:
    """Take an entry for a worker, which has to connect until the deadline. The same one may claim again.

    NotClaimable: another one has it, whom the text names, or the session sleeps.
    """
    row = _locked(ctx, session_id)
    if is_held(row, ctx.now) and row.acceptor_id != acceptor_id:
        raise NotClaimable(f"{row.session_id} is claimed by {row.acceptor_id!r}.")
    if row.status == "suspended":
        raise NotClaimable(f"{row.session_id} sleeps: nothing of it can be run until somebody writes to it.")
    token = new_token(TOKEN_PREFIX)
    deadline = ctx.now + ctx.runtime.settings.outpost_claim_seconds
    change(
        ctx, row.session, row.enterprise_id, acceptor_id=acceptor_id, claim_deadline=deadline,
        token_hash=ctx.runtime.keyring.token_hash(token),
    )  # fmt: skip
    ctx.audited |= {"acceptor_id": acceptor_id, "outpost_id": row.outpost_id}
    made = present(ctx, _find(ctx, session_id))
    address = "ws" + ctx.runtime.settings.base_url.removeprefix("http") + GATEWAY
    told = made.status.model_copy(update={"connect_token": token, "gateway_url": address})
    return made.model_copy(update={"status": told})


def release(ctx: Context, session_id: str, acceptor_id: str) -> EntryOut:
    """Give an entry back, whatever runs. It waits again at once; one that nobody has stays as it is."""
    row = _locked(ctx, session_id)
    if is_held(row, ctx.now) and row.acceptor_id != acceptor_id:
        raise NotClaimable(f"{row.session_id} is claimed by {row.acceptor_id!r}, not by {acceptor_id!r}.")
    ctx.audited |= {"acceptor_id": acceptor_id, "outpost_id": row.outpost_id}
    if row.acceptor_id is not None:
        put_back(ctx, row, f"Given back by worker {acceptor_id}")
    return present(ctx, _find(ctx, session_id))


def row_of_token(ctx: Context, session_id: str, token: str) -> int:
    """The session that a connect token opens a connection for. Refused when it opens none; looks only, at one row."""
    query = select(*outpost_entry.c, session.c.status).join(session, session.c.id == _columns.session)
    row = ctx.db.execute(query.where(session.c.session_id == full_id(session_id))).one_or_none()
    if row is None or not _opens(ctx, row, token):
        raise Refused(_NO_TOKEN)
    return int(row.session)


def _opens(ctx: Context, row: Any, token: str) -> bool:
    in_time = row.claim_deadline is not None and row.claim_deadline > ctx.now
    lives = row.gone_at is None and row.status != "suspended"
    return in_time and lives and bool(row.token_hash == ctx.runtime.keyring.token_hash(token))


def connect(ctx: Context, session_id: str, token: str) -> Row[Any]:
    """Begin a worker's connection with the token of its claim, which counts once. Refused when it does not.

    A connection that stands already is over by this: its worker comes anew. Answers the entry.
    """
    row = _lock(ctx, row_of_token(ctx, session_id, token))
    if not _opens(ctx, row, token):
        raise Refused(_NO_TOKEN)
    if row.connection is not None:
        put_back(ctx, row, f"Worker {row.acceptor_id} has connected anew")
    mine = {"acceptor_id": row.acceptor_id, "claim_deadline": None, "token_hash": None, "connection": new_id("link")}
    change(ctx, row.session, row.enterprise_id, **mine)
    return _lock(ctx, row.session)


def disconnect(ctx: Context, row_id: int, connection: str, why: str) -> None:
    """A connection has ended. What ran is taken from it; a session that sleeps stays its worker's for a while."""
    row = _lock(ctx, row_id)
    if row.connection != connection:
        return
    if row.status == "suspended":
        until = ctx.now + ctx.runtime.settings.outpost_claim_seconds
        change(ctx, row_id, row.enterprise_id, connection=None, claim_deadline=until)
    else:
        put_back(ctx, row, why)


def put_back(ctx: Context, row: Row[Any], why: str) -> None:
    """Nobody has the entry any more. The run that its worker served is over: its epoch ends, what it used is booked."""
    has_begun = row.status not in {"new", "claimed"}
    change(ctx, row.session, row.enterprise_id, **FREE, kind="resume" if has_begun else row.kind)
    ctx.after_commit.append(partial(ctx.runtime.signals.let_go, row.session, "released"))
    told = {"acceptor_id": row.acceptor_id, "outpost_id": row.outpost_id, "reason": why}
    event = NewEvent("worker_left", "lifecycle", why, told)
    if row.run_state != "running":
        append(ctx, row.session, row.session_id, [event])
        return
    whole = ctx.db.execute(select(session).where(session.c.id == row.session)).one()
    left = of_stopped_run(ctx, whole)
    event.contents.update(left.told())
    append(
        ctx, row.session, row.session_id, [event], acus=left.acus, usd=left.usd, use=left.use,
        next_epoch=row.epoch + 1, run_state="queued", active_since=None,
    )  # fmt: skip
    unreserve(ctx, row.session)
    ctx.after_commit.append(partial(ctx.runtime.signals.cancelled, row.session))


def expire(ctx: Context) -> float | None:
    """Take back the claims whose workers did not connect in time. Answers when the next one is due."""
    waiting = _columns.acceptor_id.is_not(None) & _columns.connection.is_(None)
    late = select(_columns.session, _columns.enterprise_id).where(waiting, _columns.claim_deadline <= ctx.now)
    for row_id, enterprise_id in ctx.db.execute(late.limit(200)).all():
        mine = (_columns.session == row_id) & waiting & (_columns.claim_deadline <= ctx.now)
        if ctx.db.execute(update(outpost_entry).where(mine).values(**FREE, updated_at=ctx.now)).rowcount:
            touch(ctx, row_id, enterprise_id)
    rest = select(_columns.claim_deadline).where(waiting, _columns.claim_deadline > ctx.now)
    found: float | None = ctx.db.execute(rest.order_by(_columns.claim_deadline).limit(1)).scalar()
    return found


def forget_connections(ctx: Context) -> None:
    """A server begins: the sockets of the last one are gone, and with them their claims."""
    held = select(_columns.session, _columns.enterprise_id).where(_columns.connection.is_not(None))
    for row_id, enterprise_id in ctx.db.execute(held).all():
        change(ctx, row_id, enterprise_id, **FREE, kind="resume")


def is_held(row: Row[Any], now: float) -> bool:
    """Whether a worker has it: it is connected, or it may still connect."""
    in_time = row.claim_deadline is not None and row.claim_deadline > now
    return row.acceptor_id is not None and (row.connection is not None or in_time)


def _find(ctx: Context, session_id: str) -> Row[Any]:
    query = entries(ctx).where(session.c.session_id == full_id(session_id), _columns.gone_at.is_(None))
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise NoEntry(f"There is no session {session_id[:64]!r} in the queues: it never was, or it is over.")
    return row


def _locked(ctx: Context, session_id: str) -> Row[Any]:
    return _lock(ctx, _find(ctx, session_id).session)


def _lock(ctx: Context, row_id: int) -> Row[Any]:
    """The entry, with its session locked first: whoever changes both does it in that order."""
    ctx.db.execute(select(session.c.id).where(session.c.id == row_id).with_for_update())
    query = select(*outpost_entry.c, *_SHOWN).join(session, session.c.id == _columns.session)
    query = query.join(outpost, outpost.c.outpost_id == _columns.outpost_id).where(_columns.session == row_id)
    row: Any = ctx.db.execute(query).one_or_none()
    if row is None or (row.gone_at is not None and row.connection is None):
        raise NoEntry("The session is over.")
    found: Row[Any] = row
    return found


def present(ctx: Context, row: Row[Any]) -> EntryOut:
    """An entry as workers see it."""
    held = is_held(row, ctx.now)
    has_deadline = held and row.connection is None
    return EntryOut(
        metadata=EntryMetadata(
            session_id=row.session_id, outpost_id=row.outpost_id, created_at=row.created_at, updated_at=row.updated_at
        ),
        spec=EntrySpec(
            kind=row.kind,
            platform=row.platform,
            remote_binary_sha=None,
            network_policy=NetworkPolicy(enabled=not ctx.runtime.settings.sandbox_network, allow=[]),
        ),
        status=EntryStatus(
            phase="claimed" if held else "pending",
            acceptor_id=row.acceptor_id if held else None,
            claim_deadline=_written(row.claim_deadline) if has_deadline else None,
            session_status=_status(row),
            connect_token=None,
            gateway_url=None,
        ),
    )


def _status(row: Row[Any]) -> str:
    if row.gone_at is not None:
        return "terminated"
    if row.status == "suspended":
        return "suspended"
    waits = row.run_state != "idle" and row.connection is None
    return "pending" if waits or row.status in {"new", "claimed", "resuming"} else "running"


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
