"""Reading the audit log, and records of changes that no row of the table stands for."""

from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    false,
    select,
    true,
)

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.audit_logs import chain
from cogmill.domain.audit_logs.schemas import AuditLogOut, AuditLogQuery
from cogmill.kit.errors import Invalid
from cogmill.kit.paging import Slice, decode_cursor, encode_cursor, fetch_page
from cogmill.models.access import organization, service_user, user
from cogmill.models.audit import audit_log

LONGEST_SPAN = 100 * 86_400
_SHOWN = tuple(column for column in audit_log.c if column.name not in {"enterprise_id", "request_id", "chain"})


def list_page(ctx: Context, query: AuditLogQuery) -> Slice[AuditLogOut]:
    """One page of records of the organization or, at enterprise scope, of the whole enterprise."""
    check_times(query.time_after, query.time_before)
    return list_unchecked(ctx, query)


def list_unchecked(ctx: Context, query: AuditLogQuery) -> Slice[AuditLogOut]:
    """The same for whatever times are asked for."""
    columns = audit_log.c
    begin = owned if ctx.scope.org_id is not None else of_enterprise
    found = begin(audit_log, ctx.scope, *_SHOWN)
    if query.action is not None:
        found = found.where(columns.action == query.action)
    window = _window(ctx, query)
    if window is None:
        return Slice([], None)
    # The window's near edge is a cursor as well: of two bounds on one side SQLite may search from the wider one.
    (first, end), position = window, decode_cursor(query.after) if query.after is not None else None
    if query.order == "desc":
        near = min((edge for edge in (position, end) if edge is not None), default=None)
        far = None if first is None else columns.id >= _constant(first)
    else:
        near = max((edge for edge in (position, first and first - 1) if edge is not None), default=None)
        far = None if end is None else columns.id < _constant(end)
    found = found if far is None else found.where(far)
    if query.time_after is not None or query.time_before is not None:
        found = found.where(_within(query.time_after or 0, query.time_before))
    after = None if near is None else encode_cursor(near)
    part = fetch_page(ctx.db, found, columns.id, query.first, after, descending=query.order == "desc")
    return Slice(_present(ctx, part.items), part.end_cursor)


def check_times(time_after: int | None, time_before: int | None) -> None:
    """Refuse an end without a beginning, and spans that are too long."""
    if time_before is None:
        return
    if time_after is None:
        raise Invalid.at("query", "time_before", msg="time_before needs time_after.")
    if time_before < time_after:
        raise Invalid.at("query", "time_before", msg="time_before must not be earlier than time_after.")
    if time_before - time_after > LONGEST_SPAN:
        raise Invalid.at("query", "time_before", msg="At most 100 days may lie between time_after and time_before.")


def _window(ctx: Context, query: AuditLogQuery) -> tuple[int | None, int | None] | None:
    """Ids of the first record within the times asked for and of the first behind them; None when there is none."""
    first = end = None
    if query.time_after is not None:
        first = _first_since(ctx, query.time_after)
        if first is None:
            return None
    if query.time_before is not None:
        end = _first_since(ctx, query.time_before)
    return first, end


def _within(begin: float, end: float | None) -> ColumnElement[bool]:
    """Whether a record is of the time asked for.

    The ids find the place; planners are to make nothing of this: no index over times, and no guess that few records
    pass, for which PostgreSQL would read and sort the whole window.
    """
    at = audit_log.c.created_at
    return case((at >= begin if end is None else and_(at >= begin, at < end), true()), else_=false())


def _constant(number: int) -> BindParameter[int]:
    """A bound that PostgreSQL sees when it plans: a plan for any bound takes the window for narrow and sorts it."""
    return bindparam("bound", number, literal_execute=True)


def _first_since(ctx: Context, moment: float) -> int | None:
    """Id of the enterprise's first record at or after a time. Times never fall along a chain (see `chain.SLACK`)."""
    columns = audit_log.c
    found = of_enterprise(audit_log, ctx.scope, columns.id).where(columns.created_at >= moment)
    return ctx.db.execute(found.order_by(columns.created_at, columns.id).limit(1)).scalar()


def _present(ctx: Context, rows: Any) -> list[AuditLogOut]:
    emails = _named(ctx, user.c.user_id, user.c.email, {row.user_id for row in rows})
    names = _named(ctx, service_user.c.service_user_id, service_user.c.name, {row.service_user_id for row in rows})
    return [
        AuditLogOut.model_construct(
            audit_log_id=row.audit_log_id, action=row.action, created_at=int(row.created_at), data=row.data,
            org_id=row.org_id, user_id=row.user_id, user_email=emails.get(row.user_id),
            service_user_id=row.service_user_id, service_user_name=names.get(row.service_user_id),
        )
        for row in rows
    ]  # fmt: skip


def _named(ctx: Context, key: Any, name: Any, ids: set[str | None]) -> dict[str | None, str]:
    """Names of the page's principals in one query, of those who are gone too."""
    wanted = ids - {None}
    if not wanted:
        return {}
    query: Select[Any] = of_enterprise(key.table, ctx.scope, key, name).where(key.in_(wanted))
    return {row[0]: row[1] for row in ctx.db.execute(query)}


def record(ctx: Context, action: str, data: dict[str, Any], *, org_id: str | None = None) -> str:
    """Leave a record, in the open transaction, of a change that has no row in the table: the engine's, say.

    It names the caller if there is one. Without a caller the enterprise is the organization's.
    """
    caller, org_id = ctx.caller, org_id or ctx.scope.org_id
    return chain.append(
        ctx.db, ctx.runtime.keyring,
        enterprise_id=ctx.scope.enterprise_id or _enterprise_of(ctx.db, org_id), org_id=org_id, action=action,
        at=ctx.now, user_id=caller.user_id if caller else None, request_id=ctx.request_id,
        service_user_id=caller.service_user_id if caller else None, data=data,
    )  # fmt: skip


def record_sign_in(ctx: Context, enterprise_id: str, user_id: str, data: dict[str, Any]) -> str:
    """Leave the record of a sign-in, in the transaction that begins its session. Refused ones: `refused.note`."""
    return chain.append(
        ctx.db, ctx.runtime.keyring,
        enterprise_id=enterprise_id, org_id=None, action="login", at=ctx.now, user_id=user_id, service_user_id=None,
        request_id=ctx.request_id, data=data,
    )  # fmt: skip


def _enterprise_of(db: Connection, org_id: str | None) -> str:
    columns = organization.c
    return str(db.execute(select(columns.enterprise_id).where(columns.org_id == org_id)).scalar_one())


def is_of_enterprise(db: Connection, org_id: str, enterprise_id: str) -> bool:
    """Whether the organization is, or was, one of the enterprise."""
    mine = of_enterprise(organization, Scope(enterprise_id, None), organization.c.org_id)
    return db.execute(mine.where(organization.c.org_id == org_id)).first() is not None
