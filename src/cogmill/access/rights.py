"""Comparing the rights of principals, and changing who may do what without a race."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from cogmill.access.context import Context
from cogmill.access.permissions import Permission
from cogmill.access.principals import read_rights
from cogmill.kit.errors import Forbidden, Unauthenticated
from cogmill.models.access import api_key, browser_session, enterprise

SERVICE_USER_MANAGEMENT = frozenset({Permission.MANAGE_ACCOUNT_SERVICE_USERS, Permission.MANAGE_ORG_SERVICE_USERS})


@dataclass(frozen=True, slots=True)
class Rights:
    """Everything that a principal may do at this moment."""

    at_enterprise: frozenset[Permission]
    everywhere: frozenset[Permission]
    by_org: dict[str, frozenset[Permission]]
    only_org: str | None = None
    """Set when the principal is confined to one organization."""

    def in_org(self, org_id: str) -> frozenset[Permission]:
        if self.only_org not in {None, org_id}:
            return frozenset()
        return self.everywhere | self.by_org.get(org_id, frozenset())

    def lacking(self, other: "Rights") -> frozenset[Permission]:
        """What the other one may do somewhere and this one may not do there."""
        missing = other.at_enterprise - self.at_enterprise
        if other.only_org is not None:
            return missing | (other.in_org(other.only_org) - self.in_org(other.only_org))
        missing |= other.everywhere - (self.everywhere if self.only_org is None else frozenset())
        for org_id, held in other.by_org.items():
            missing |= held - self.in_org(org_id)
        return missing


def rights_of(db: Connection, principal_id: str, only_org: str | None = None) -> Rights:
    """A principal's rights as the database has them now."""
    return Rights(*read_rights(db, principal_id), only_org)


def rights_of_caller(ctx: Context) -> Rights:
    """Read within the transaction: what the guard saw may have changed since."""
    return rights_of(ctx.db, ctx.principal.principal_id, ctx.principal.org_id)


def require_cover(ctx: Context, other: Rights, what: str) -> None:
    """Refuse when the caller would come by rights that it does not hold."""
    refuse_lacking(rights_of_caller(ctx).lacking(other), what)


def refuse_lacking(missing: Iterable[Permission], what: str) -> None:
    names = sorted(missing)
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise Forbidden(f"{what} would hold permissions that you do not hold there: {shown}.")


def change_identities(ctx: Context) -> None:
    """Begin a change of who may do what: one at a time within an enterprise, and in force at the next request."""
    mine = select(enterprise.c.enterprise_id).where(enterprise.c.enterprise_id == ctx.scope.enterprise_id)
    ctx.db.execute(mine.with_for_update(key_share=True)).one()
    _check_nothing_was_lost(ctx)
    ctx.after_commit.append(ctx.runtime.authenticator.forget)


def _check_nothing_was_lost(ctx: Context) -> None:
    """The guard let the caller in before its turn came; meanwhile its key or its rights may have been taken away."""
    mine = select(api_key.c.revoked_at).where(api_key.c.api_key_id == ctx.principal.api_key_id)
    key = ctx.db.execute(mine).one_or_none()
    if key is not None and key.revoked_at is not None:
        raise Unauthenticated("This API key has just been revoked.")
    if key is None:
        session = select(browser_session.c.user_id).where(
            browser_session.c.browser_session_id == ctx.principal.api_key_id
        )
        if ctx.db.execute(session).first() is None:
            raise Unauthenticated("You have just been signed out.")
    now, org_id = rights_of_caller(ctx), ctx.scope.org_id
    held = now.at_enterprise if org_id is None else now.at_enterprise | now.in_org(org_id)
    if not ctx.held <= held:
        raise Forbidden("Your rights have changed while this request was on its way. Ask again.")
