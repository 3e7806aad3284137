"""Making, changing and deleting organizations. A deleted one keeps its rows, for the administrator to restore."""

from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.domain.metrics.marks import mark_all
from cogmill.domain.organizations.schemas import OrganizationIn, OrganizationOut, OrganizationPatch
from cogmill.domain.sessions.service import suspend_all
from cogmill.domain.sessions.states import Detail
from cogmill.domain.usage import accounts
from cogmill.kit.errors import BadRequest
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import organization
from cogmill.web.params import PageQuery

LIMITS = ("max_session_acu_limit", "max_cycle_acu_limit")


class PrimaryOrganization(BadRequest):
    """An enterprise keeps its first organization."""


def list_page(ctx: Context, page: PageQuery) -> Slice[Row[Any]]:
    """Organizations of the enterprise, oldest first; deleted ones are left out."""
    return fetch_page(ctx.db, owned(organization, ctx.scope), organization.c.org_id, page.first, page.after)


def find(ctx: Context, *, lock: bool = False) -> Row[Any]:
    """The organization of the scope, which the call has found to exist."""
    query = owned(organization, Scope(ctx.scope.enterprise_id, ctx.scope.one_org))
    return ctx.db.execute(query.with_for_update(key_share=True) if lock else query).one()


def create(ctx: Context, data: OrganizationIn) -> Row[Any]:
    """A new organization; the audit record and all that follows in this transaction belong to it."""
    session_limit = data.max_session_acu_limit
    if "max_session_acu_limit" not in data.model_fields_set:
        session_limit = ctx.runtime.settings.org_session_acu_limit
    values = {
        "org_id": ordered_id("org"), "enterprise_id": ctx.scope.enterprise_id, "name": data.name,
        "created_at": ctx.now, "max_session_acu_limit": session_limit,
        "max_cycle_acu_limit": data.max_cycle_acu_limit,
    }  # fmt: skip
    row = ctx.db.execute(insert(organization).values(values).returning(*organization.c)).one()
    ctx.scope = Scope(ctx.scope.enterprise_id, row.org_id)
    ctx.audited |= {name: values[name] for name in ("org_id", "name", *LIMITS)}
    return row


def change(ctx: Context, data: OrganizationPatch) -> Row[Any]:
    """Change what was sent; null clears a limit. A cycle limit that is used up already puts to sleep what runs."""
    before = find(ctx, lock=True)
    given = {name: getattr(data, name) for name in LIMITS if name in data.model_fields_set}
    if data.name is not None:
        given["name"] = data.name
    changed = {name: value for name, value in given.items() if getattr(before, name) != value}
    ctx.audited["changed"] = changed
    if not changed:
        return before
    _store(ctx, **changed, updated_at=ctx.now)
    if "max_cycle_acu_limit" in changed:
        ctx.after_commit.append(ctx.runtime.signals.limited)
    limited = changed.get("max_cycle_acu_limit") is not None
    if limited and accounts.used_up(ctx, accounts.of(ctx, ctx.scope.one_org, None)) is not None:
        ctx.audited["suspended_sessions"] = suspend_all(ctx, ctx.scope.one_org, Detail.ORG_USAGE_LIMIT_EXCEEDED)
    return find(ctx)


def delete(ctx: Context) -> Row[Any]:
    """Hide the organization and all that is in it, put its sessions to sleep, and stop its keys at once."""
    row = find(ctx, lock=True)
    if row.org_id == _primary(ctx):
        raise PrimaryOrganization(
            f"{row.name[:64]!r} is the primary organization, the oldest of the enterprise, and cannot be deleted. "
            "Rename it, or remove its members and keys."
        )
    _store(ctx, deleted_at=ctx.now)
    stopped = suspend_all(ctx, row.org_id, Detail.USER_REQUEST)
    mark_all(ctx.db, row.enterprise_id, row.org_id)
    ctx.audited |= {"name": row.name, "suspended_sessions": stopped}
    ctx.after_commit.append(ctx.runtime.authenticator.forget)
    return row


def _primary(ctx: Context) -> str:
    """The oldest organization of the enterprise that is not deleted."""
    query = owned(organization, Scope(ctx.scope.enterprise_id, None), organization.c.org_id)
    primary: str = ctx.db.execute(
        query.order_by(organization.c.created_at, organization.c.org_id).limit(1)
    ).scalar_one()
    return primary


def _store(ctx: Context, **values: Any) -> None:
    ctx.db.execute(update(organization).where(organization.c.org_id == ctx.scope.one_org).values(**values))


def present(row: Row[Any]) -> OrganizationOut:
    """An organization as the API shows it."""
    return OrganizationOut.model_construct(
        org_id=row.org_id,
        name=row.name,
        created_at=int(row.created_at),
        updated_at=int(row.created_at if row.updated_at is None else row.updated_at),
        max_session_acu_limit=row.max_session_acu_limit,
        max_cycle_acu_limit=row.max_cycle_acu_limit,
    )
