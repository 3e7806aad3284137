"""Builds as callers see them: trigger, list, cancel, pin, logs."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.domain.snapshot_builds.schemas import BuildOut, BuildQuery
from cogmill.kit.errors import Conflict, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import organization
from cogmill.models.environments import snapshot_build
from cogmill.web import links
from cogmill.web.links import LinkQuery, PresignedUrlOut

BuildRow = Row[Any]
PIN_SECONDS = 7 * 24 * 3600
MOST_WAITING = 5
OPEN = ("pending", "running")


def usable(ctx: Context, org_id: str) -> Select[Any]:
    """Builds whose snapshot is there, the one that new sessions start from first: pinned, else newest."""
    columns = snapshot_build.c
    query = owned(snapshot_build, Scope(ctx.scope.enterprise_id, org_id))
    query = query.where(columns.status == "succeeded", columns.removed_at.is_(None))
    return query.order_by(columns.is_pinned.desc(), columns.build_id.desc())


def list_page(ctx: Context, query: BuildQuery) -> Slice[BuildRow]:
    """Newest first."""
    columns = snapshot_build.c
    rows = owned(snapshot_build, ctx.scope)
    if query.active:
        first = usable(ctx, ctx.scope.one_org).with_only_columns(columns.build_id).limit(1)
        rows = rows.where(columns.build_id == first.scalar_subquery())
    if query.status is not None:
        rows = rows.where(columns.status == query.status)
    return fetch_page(ctx.db, rows, columns.build_id, query.first, query.after, descending=True)


def find(ctx: Context, build_id: str, *, lock: bool = False) -> BuildRow:
    query = owned(snapshot_build, ctx.scope).where(snapshot_build.c.build_id == build_id)
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no snapshot build {build_id[:64]!r} here.")
    return row


def is_active(ctx: Context, row: BuildRow) -> bool:
    """Whether new sessions of its organization start from it."""
    first = usable(ctx, row.org_id).with_only_columns(snapshot_build.c.build_id).limit(1)
    return bool(ctx.db.execute(first).scalar() == row.build_id)


def trigger(ctx: Context, *, partial: bool = False) -> BuildRow:
    """A build that waits for its turn; it takes the blueprints as they are when it starts."""
    waiting = owned(snapshot_build, ctx.scope, snapshot_build.c.build_id).where(snapshot_build.c.status == "pending")
    if len(ctx.db.execute(waiting.limit(MOST_WAITING)).all()) == MOST_WAITING:
        raise Conflict(f"{MOST_WAITING} builds of this organization wait already. They will build what is saved now.")
    row = queue(ctx, ctx.scope.one_org, "manual", ctx.principal.user_id, partial=partial)
    ctx.audited["build_id"] = row.build_id
    return row


def queue(ctx: Context, org_id: str, cause: str, user_id: str | None, *, partial: bool) -> BuildRow:
    """A new build of an organization, whoever or whatever caused it."""
    values = {
        "build_id": ordered_id("build"), "org_id": org_id, "status": "pending", "trigger": cause,
        "triggered_by": user_id, "attempt": 0, "is_pinned": False, "is_partial": partial, "created_at": ctx.now,
        "updated_at": ctx.now,
    }  # fmt: skip
    row = ctx.db.execute(insert(snapshot_build).values(values).returning(*snapshot_build.c)).one()
    ctx.after_commit.append(ctx.runtime.signals.build_queued)
    return row


def cancel(ctx: Context, build_id: str) -> BuildRow:
    """End a build. One that has ended stays as it is."""
    row = find(ctx, build_id, lock=True)
    if row.status not in OPEN:
        return row
    ctx.after_commit.append(lambda: ctx.runtime.signals.build_cancelled(build_id))
    return _store(ctx, build_id, status="cancelled", completed_at=ctx.now)


def pin(ctx: Context, build_id: str) -> BuildRow:
    """New sessions start from this build until it is unpinned, whatever is built later."""
    row = find(ctx, build_id, lock=True)
    if row.status != "succeeded":
        raise Conflict(f"Only a build that succeeded can be pinned; this one is {row.status}.")
    if row.removed_at is not None or ctx.now - row.completed_at >= PIN_SECONDS:
        raise Conflict("This build is older than 7 days and cannot be pinned. Trigger a new one and pin that.")
    others = update(snapshot_build).where(
        snapshot_build.c.org_id == row.org_id, snapshot_build.c.is_pinned, snapshot_build.c.build_id != build_id
    )
    ctx.db.execute(others.values(is_pinned=False, updated_at=ctx.now))
    return row if row.is_pinned else _store(ctx, build_id, is_pinned=True)


def unpin(ctx: Context, build_id: str) -> BuildRow:
    """The newest build counts again."""
    row = find(ctx, build_id, lock=True)
    return _store(ctx, build_id, is_pinned=False) if row.is_pinned else row


def _store(ctx: Context, build_id: str, **values: Any) -> BuildRow:
    query = update(snapshot_build).where(snapshot_build.c.build_id == build_id)
    return ctx.db.execute(query.values(**values, updated_at=ctx.now).returning(*snapshot_build.c)).one()


def present(row: BuildRow) -> BuildOut:
    def seconds(moment: float | None) -> int | None:
        return None if moment is None else int(moment)

    return BuildOut(
        build_id=row.build_id, status=row.status, trigger=row.trigger, triggered_by_user_id=row.triggered_by,
        pinned=row.is_pinned, created_at=int(row.created_at), started_at=seconds(row.started_at),
        completed_at=seconds(row.completed_at), updated_at=int(row.updated_at),
        base_build_id=row.base_build_id, failed_step=row.failed_step,
    )  # fmt: skip


def log_file(data: Path, build_id: str) -> Path:
    """Where a build's log lies, redacted before it is written."""
    return data / "build-logs" / f"{build_id}.log"


def read_log(path: Path, offset: int, limit: int | None) -> bytes:
    """A part of a log; nothing where a build has not begun."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(min(offset, size))  # files know no numbers beyond 64 bits
            return file.read(size if limit is None else min(limit, size))
    except FileNotFoundError:
        return b""


def log_link(ctx: Context, build_id: str) -> PresignedUrlOut:
    """A link that gives the log to whoever holds it, as far as it has come."""
    row = find(ctx, build_id)
    return links.sign(ctx, "build-log", f"/files/snapshot-setup/builds/{row.build_id}/log", row.build_id)


def linked(ctx: Context, build_id: str, sent: LinkQuery) -> Any:
    """The build that a signed link names, with its enterprise."""
    links.check(ctx, "build-log", build_id, sent)
    query = select(snapshot_build.c.build_id, organization.c.enterprise_id)
    query = query.join(organization, organization.c.org_id == snapshot_build.c.org_id)
    query = query.where(snapshot_build.c.build_id == build_id, organization.c.deleted_at.is_(None))
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise NotFound("This build does not exist any more.")
    return row
