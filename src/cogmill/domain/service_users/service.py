"""Making a service user. It never gets more than its maker has, and never the management of service users."""

from typing import Any

from sqlalchemy import insert
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.keys import Owner, issue
from cogmill.access.permissions import in_one_organization, in_organizations, within_tier
from cogmill.access.principals import permissions_of
from cogmill.access.rights import (
    SERVICE_USER_MANAGEMENT,
    Rights,
    change_identities,
    refuse_lacking,
    rights_of_caller,
)
from cogmill.access.scope import of_enterprise
from cogmill.domain.service_users.schemas import (
    ProvisionedServiceUserOut,
    RoleAssignmentRefOut,
    RoleRefOut,
    ServiceUserIn,
    ServiceUserProvisionedOut,
)
from cogmill.kit.errors import BadRequest, Forbidden
from cogmill.kit.ids import ordered_id
from cogmill.models.access import role, role_assignment, service_user


def provision(ctx: Context, data: ServiceUserIn) -> ServiceUserProvisionedOut:
    """A service user of the scope's tier with one role and one key."""
    change_identities(ctx)
    given = _role(ctx, data.role_id)
    _check_escalation(ctx, given)
    expires_at = float(int(ctx.now) + data.ttl_seconds)
    values = {
        "service_user_id": ordered_id("service-user"), "enterprise_id": ctx.scope.enterprise_id,
        "org_id": ctx.scope.org_id, "name": data.name, "created_at": ctx.now, "expires_at": expires_at,
    }  # fmt: skip
    ctx.db.execute(insert(service_user).values(values))
    owner = str(values["service_user_id"])
    held = {"principal_id": owner, "org_id": ctx.scope.org_id, "role_id": given.role_id, "created_at": ctx.now}
    ctx.db.execute(insert(role_assignment).values(held))
    issued = issue(ctx, Owner(service_user_id=owner), data.name, int(expires_at))
    ctx.audited |= {"service_user_id": owner, "name": data.name, "role_id": given.role_id, "role_name": given.name}
    return ServiceUserProvisionedOut(
        service_user=_present(ctx, owner, data.name, given, expires_at), token=issued.token
    )


def _role(ctx: Context, role_id: str) -> Row[Any]:
    tier = "enterprise" if ctx.scope.org_id is None else "org"
    row = ctx.db.execute(of_enterprise(role, ctx.scope).where(role.c.role_id == role_id)).one_or_none()
    if row is None:
        raise BadRequest(f"role_id: there is no role {role_id[:64]!r}. GET /v3/enterprise/roles lists them.")
    if row.role_type != tier:
        raise BadRequest(f"role_id: role {row.name!r} is of type {row.role_type!r}; this takes {tier!r}.")
    return row


def _check_escalation(ctx: Context, given: Row[Any]) -> None:
    stored, org_id = permissions_of(given.internal_name, given.permissions), ctx.scope.org_id
    if org_id is None:
        wanted = Rights(within_tier(stored), in_organizations(within_tier(stored)), {})
    else:
        wanted = Rights(frozenset(), frozenset(), {org_id: in_one_organization(stored)}, org_id)
    everything = wanted.at_enterprise | wanted.everywhere | wanted.by_org.get(org_id or "", frozenset())
    managing = sorted(everything & SERVICE_USER_MANAGEMENT)
    if managing:
        raise Forbidden(f"Role {given.name!r} holds {managing[0]}, which no new service user may have.")
    refuse_lacking(rights_of_caller(ctx).lacking(wanted), f"A service user with role {given.name!r}")


def _present(ctx: Context, owner: str, name: str, given: Row[Any], expires_at: float) -> ProvisionedServiceUserOut:
    shown = RoleRefOut(role_id=given.role_id, role_name=given.name, role_type=given.role_type)
    return ProvisionedServiceUserOut(
        name=name,
        role_assignments=[RoleAssignmentRefOut(role=shown, org_id=ctx.scope.org_id)],
        service_user_id=owner,
        expires_at=int(expires_at),
    )
