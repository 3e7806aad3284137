"""Removing all data of organizations whose retention time is over. What the tables hold decides, not a list of them.

Every row goes that names the organization or hangs on such a row, in tables that exist now or come later. The row of
the organization stays, so that its id reads as deleted and not as unknown, with its audit records and the names of
its service users, which those records show.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.models import metadata
from cogmill.models.access import organization, service_user
from cogmill.models.sessions import session

GRACE = 60.0
"""Seconds after a deletion before anything is removed, so that what was running has stopped."""
KEPT = {
    "audit_log": "the chain has no holes; records tell of the past",
    "metric_mark": "sums of the enterprise are put right by them, and then they go",
    "organization": "its id is to read as deleted",
    "service_user": "audit records show its name",
    "usage_day": "bills of the enterprise are made of it: ids and sums only",
}
WITH_SESSIONS = frozenset({"usage_record"})
"""Goes as its sessions go, by which alone it is found quickly."""
OF_SERVICE_USERS = {
    "api_key": "service_user_id",
    "idempotent_request": "principal_id",
    "role_assignment": "principal_id",
}
"""What goes with the organization's service users, though they themselves stay."""
LOOSE = {"playbook_version": ("playbook_id", "playbook")}
"""Columns that refer to the column of the same name in another table without a foreign key."""


@dataclass(frozen=True, slots=True)
class Due:
    """An organization to be purged."""

    org_id: str
    name: str
    deleted_at: float
    is_begun: bool


def due(ctx: Context, retention_seconds: float) -> list[Due]:
    """Organizations whose data is to be removed, those first whose removal was begun by an earlier process."""
    columns = organization.c
    limit = ctx.now - max(retention_seconds, GRACE)
    query = select(organization).where(columns.purged_at.is_(None), columns.deleted_at.is_not(None))
    query = query.where(or_(columns.deleted_at < limit, columns.purge_begun_at.is_not(None)))
    rows = ctx.db.execute(query.order_by(columns.deleted_at).limit(100))
    return [Due(row.org_id, row.name, row.deleted_at, row.purge_begun_at is not None) for row in rows]


def begin(ctx: Context, one: Due) -> dict[str, Any] | None:
    """Take back the possibility to restore it; answers what the record says, None if it is not deleted any more."""
    columns = organization.c
    mine = (columns.org_id == one.org_id) & (columns.deleted_at == one.deleted_at) & columns.purge_begun_at.is_(None)
    if ctx.db.execute(update(organization).where(mine).values(purge_begun_at=ctx.now)).rowcount == 0:
        return None
    count = select(func.count()).select_from(session).where(session.c.org_id == one.org_id)
    return {
        "name": one.name, "step": "begun", "deleted_at": int(one.deleted_at),
        "sessions": ctx.db.execute(count).scalar_one(),
    }  # fmt: skip


def finish(ctx: Context, one: Due) -> dict[str, Any] | None:
    """Note that all is gone; answers what the record says, None if somebody has noted it."""
    gone = service_user.c.org_id == one.org_id
    ctx.db.execute(update(service_user).where(gone, service_user.c.deleted_at.is_(None)).values(deleted_at=ctx.now))
    mine = (organization.c.org_id == one.org_id) & organization.c.purged_at.is_(None)
    if ctx.db.execute(update(organization).where(mine).values(purged_at=ctx.now)).rowcount == 0:
        return None
    return {"name": one.name, "step": "finished"}


def pieces(org_id: str) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Which rows of which tables are the organization's own, those first on which nothing else hangs."""
    theirs = select(service_user.c.service_user_id).where(service_user.c.org_id == org_id)
    for table in reversed(metadata.sorted_tables):
        own = [table.c.org_id == org_id] if "org_id" in table.c else []
        if table.name in OF_SERVICE_USERS:
            own.append(table.c[OF_SERVICE_USERS[table.name]].in_(theirs))
        if own and table.name not in KEPT and table.name not in WITH_SESSIONS:
            yield table, or_(*own)


@cache
def hanging_on(table: Table) -> tuple[tuple[Column[Any], Column[Any]], ...]:
    """Columns of other tables that refer to this one, with the columns here that they refer to."""
    others = [one for one in metadata.sorted_tables if one is not table and one.name not in KEPT]
    return tuple((column, of) for other in others for column, of in _references(other) if of.table is table)


def chunk(ctx: Context, table: Table, where: ColumnElement[bool], most: int) -> list[Row[Any]]:
    """Some of the rows, without what may be long: keys, and columns that others or files are named by."""
    names = {*table.primary_key.columns.keys(), *(of.name for _, of in hanging_on(table))}
    if table is session:
        names.add("session_id")
    return list(ctx.db.execute(select(*(table.c[name] for name in sorted(names))).where(where).limit(most)))


def remove(table: Table, rows: list[Row[Any]], ctx: Context) -> None:
    """Delete just these rows, one by one: for a list of composite keys SQLite would read the whole table."""
    keys = list(table.primary_key.columns)
    this = and_(*(key == bindparam(f"this_{key.name}") for key in keys))
    ctx.db.execute(
        delete(table).where(this), [{f"this_{key.name}": row._mapping[key.name] for key in keys} for row in rows]
    )


def forget(column: Column[Any], where: ColumnElement[bool], ctx: Context) -> None:
    """Rows that may do without what they refer to stay, and refer to nothing."""
    ctx.db.execute(update(column.table).where(where).values({column.name: None}))


def _references(table: Table) -> Iterator[tuple[Column[Any], Column[Any]]]:
    for key in table.foreign_keys:
        yield key.parent, key.column
    if table.name in LOOSE:
        name, other = LOOSE[table.name]
        yield table.c[name], metadata.tables[other].c[name]
