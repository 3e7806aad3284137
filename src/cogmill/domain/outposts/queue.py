"""The entries of outposts' queues: how they follow their sessions, and the feed of changes that workers watch."""

from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise
from cogmill.kit.errors import BadRequest
from cogmill.models.outposts import outpost, outpost_entry, outpost_feed
from cogmill.models.sessions import session

PREFIX = "outpost_env"
LOOP = "outposts"
"""The background loop that takes claims back whose workers never connected, and makes room for who waits."""
FEED = 0
"""Key of the hub under which watchers of queues wait; sessions are counted from 1."""
KEPT = 7 * 86_400.0
"""Seconds for which an entry whose session is over is still told to watchers as deleted."""
OVER = frozenset({"exit", "error"})
_INSERTS: dict[str, Any] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}
_columns = outpost_entry.c
FREE: dict[str, Any] = {"acceptor_id": None, "claim_deadline": None, "token_hash": None, "connection": None}
"""An entry that nobody has claimed."""


class NoSuchOutpost(BadRequest):
    """A label that looks like an outpost's id, and is none that the organization may use."""


def is_outpost(label: str) -> bool:
    """Whether a label of a platform is an outpost's id."""
    return label.startswith(f"{PREFIX}-")


def usable(ctx: Context, outpost_id: str, org_id: str, field: str = "platform") -> Row[Any]:
    """The outpost, which stays until this transaction ends, if the organization may use it.

    One that is unknown, foreign or not allowed is answered alike.
    """
    query = of_enterprise(outpost, ctx.scope).where(outpost.c.outpost_id == outpost_id)
    row = ctx.db.execute(query.with_for_update(read=True, key_share=True)).one_or_none()
    if row is None or (row.allowed_org_ids is not None and org_id not in row.allowed_org_ids):
        raise NoSuchOutpost(f"{field}: there is no outpost {outpost_id[:64]!r} that this organization may use.")
    return row


def name_of(ctx: Context, outpost_id: str) -> str | None:
    """How the outpost is called; None when there is none of that id."""
    query = of_enterprise(outpost, ctx.scope, outpost.c.name).where(outpost.c.outpost_id == outpost_id)
    found: str | None = ctx.db.execute(query).scalar()
    return found


def begin_feed(ctx: Context) -> None:
    """The enterprise has an outpost now, and with it a feed."""
    first = _INSERTS[ctx.db.dialect.name](outpost_feed).values(enterprise_id=ctx.scope.enterprise_id, version=0)
    ctx.db.execute(first.on_conflict_do_nothing())


def enter(ctx: Context, row: Any) -> None:
    """A session was made: if it is for an outpost, it waits in that queue."""
    if row.outpost_id is None:
        return
    enterprise_id = ctx.scope.enterprise_id
    values = {
        "session": row.id, "org_id": row.org_id, "enterprise_id": enterprise_id, "outpost_id": row.outpost_id,
        "kind": "new", "workspace": None, "created_at": ctx.now, "updated_at": ctx.now, "gone_at": None, "version": 0,
    }  # fmt: skip
    ctx.db.execute(insert(outpost_entry).values(values | FREE))
    touch(ctx, row.id, enterprise_id)


def is_there(ctx: Context, row_id: int) -> bool:
    """Whether a session of an outpost can still be run by one of its workers."""
    query = select(_columns.session).where(_columns.session == row_id, _columns.gone_at.is_(None))
    return ctx.db.execute(query).first() is not None


def workspace_of(ctx: Context, row_id: int) -> str | None:
    """The worker's name for the files that the session's last run left; None before the first one."""
    found: str | None = ctx.db.execute(select(_columns.workspace).where(_columns.session == row_id)).scalar()
    return found


def note_workspace(ctx: Context, row_id: int, name: str) -> None:
    """The session has its files under this name from now on."""
    ctx.db.execute(update(outpost_entry).where(_columns.session == row_id).values(workspace=name))


def follow(ctx: Context, row_id: int) -> None:
    """The state of an outpost's session has changed; its row is locked by that."""
    shown = (session.c.status, session.c.run_state, session.c.is_archived)
    query = select(outpost_entry, *shown).join(session, session.c.id == _columns.session)
    one = ctx.db.execute(query.where(_columns.session == row_id)).one_or_none()
    if one is None or one.gone_at is not None:
        return
    changes: dict[str, Any] = {}
    if one.status in OVER or one.is_archived:
        changes = {**FREE, "gone_at": ctx.now}
        _forget(ctx, one.enterprise_id)
        ctx.after_commit.append(partial(ctx.runtime.signals.let_go, row_id, "terminated"))
    elif one.status == "suspended":
        ctx.after_commit.append(partial(ctx.runtime.signals.let_go, row_id, "suspended"))
    elif one.run_state == "queued" and one.connection is None and one.status != "new":
        changes = {"kind": "resume"}
        if one.claim_deadline is None or one.claim_deadline <= ctx.now:
            changes |= FREE
    change(ctx, row_id, one.enterprise_id, **changes)


def change(ctx: Context, row_id: int, enterprise_id: str, **values: Any) -> None:
    """Change an entry, and tell those who watch."""
    ctx.db.execute(update(outpost_entry).where(_columns.session == row_id).values(updated_at=ctx.now, **values))
    touch(ctx, row_id, enterprise_id)


def touch(ctx: Context, row_id: int, enterprise_id: str) -> None:
    """Give the entry the next number of the feed, last of all in the transaction.

    The feed's row stays locked until the commit, so that numbers become visible in their order and no watcher
    misses one; nothing else is locked behind it, so that nobody can wait for anybody in a ring.
    """
    ctx.before_commit.append(partial(_number, row_id, enterprise_id))
    ctx.after_commit.append(partial(ctx.runtime.hub.publish, FEED, list))
    ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))


def _number(row_id: int, enterprise_id: str, db: Connection) -> None:
    feed = update(outpost_feed).where(outpost_feed.c.enterprise_id == enterprise_id)
    version = db.execute(feed.values(version=outpost_feed.c.version + 1).returning(outpost_feed.c.version)).scalar_one()
    db.execute(update(outpost_entry).where(_columns.session == row_id).values(version=version))


def _forget(ctx: Context, enterprise_id: str) -> None:
    old = (_columns.enterprise_id == enterprise_id) & (_columns.gone_at < ctx.now - KEPT)
    ctx.db.execute(delete(outpost_entry).where(old))
