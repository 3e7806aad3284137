"""Users of the enterprise and of its organizations: inviting, listing, changing their role, removing them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.keys import revoke
from cogmill.access.rights import change_identities
from cogmill.access.scope import of_enterprise
from cogmill.domain.members import assignments
from cogmill.domain.members.guards import check_somebody_manages_members
from cogmill.domain.members.schemas import IdpGroupUserOut, InviteIn, UserListQuery, UserOut, UserWithIdpRolesOut
from cogmill.kit.errors import Conflict, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import api_key, idp_group_member, user

UserRow = Row[Any]
_COLUMNS = (user.c.user_id, user.c.email, user.c.name)


def live(ctx: Context) -> Select[Any]:
    """The enterprise's users who were not removed."""
    return of_enterprise(user, ctx.scope, *_COLUMNS).where(user.c.deleted_at.is_(None))


def find(ctx: Context, user_id: str) -> UserRow:
    """A user of the enterprise."""
    row = ctx.db.execute(live(ctx).where(user.c.user_id == user_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no user {user_id[:64]!r}. GET /v3/enterprise/members/users lists them.")
    return row


def find_member(ctx: Context, user_id: str) -> UserRow:
    """A user who holds a role in the scope's organization, directly or through a group."""
    found = live(ctx).where(user.c.user_id == user_id)
    member = assignments.holds(ctx, user.c.user_id) | assignments.derives(ctx, user.c.user_id)
    row = ctx.db.execute(found.where(member)).one_or_none()
    if row is None:
        raise NotFound(f"There is no member {user_id[:64]!r} {assignments.where(ctx)}.")
    return row


def list_page(ctx: Context, query: UserListQuery) -> Slice[UserRow]:
    """All users of the enterprise; of an organization those with a direct role there."""
    found = live(ctx)
    if ctx.scope.org_id is not None:
        found = found.where(assignments.holds(ctx, user.c.user_id))
    return _page(ctx, found, query)


def list_derived(ctx: Context, query: UserListQuery) -> Slice[UserRow]:
    """Users who have a role through a group."""
    return _page(ctx, live(ctx).where(assignments.derives(ctx, user.c.user_id)), query)


def _page(ctx: Context, found: Select[Any], query: UserListQuery) -> Slice[UserRow]:
    if query.email is not None:
        found = found.where(user.c.email == query.email.strip().lower())
    return fetch_page(ctx.db, found, user.c.user_id, query.first, query.after)


def invite(ctx: Context, data: InviteIn) -> list[UserRow]:
    """One user for each address, in order. Who is there already keeps the role; who was removed comes back."""
    change_identities(ctx)
    given = assignments.find_role(ctx, data.enterprise_role_id)
    emails = list(dict.fromkeys(data.emails))
    known = _known(ctx, emails)
    for email in emails:
        if email not in known:
            known[email] = ordered_id("user")
            values = {"user_id": known[email], "enterprise_id": ctx.scope.enterprise_id, "email": email}
            ctx.db.execute(insert(user).values(**values, created_at=ctx.now))
        if assignments.held_role(ctx, known[email]) is None:
            assignments.give(ctx, known[email], given, email)
    ctx.audited |= {"emails": emails, "user_ids": [known[email] for email in emails], "role_id": given.role_id}
    rows = {row.email: row for row in ctx.db.execute(live(ctx).where(user.c.email.in_(emails)))}
    return [rows[email] for email in data.emails]


def _known(ctx: Context, emails: list[str]) -> dict[str, str]:
    """Users whom the addresses belong to, removed ones brought back."""
    mine = of_enterprise(user, ctx.scope, user.c.user_id, user.c.email).where(user.c.email.in_(emails))
    known = {row.email: row.user_id for row in ctx.db.execute(mine)}
    # An address has one account on a server, whichever enterprise it belongs to.
    taken = set(ctx.db.execute(select(user.c.email).where(user.c.email.in_(emails))).scalars()) - set(known)
    if taken:
        raise Conflict(f"{min(taken)} cannot be invited.", headers={"x-should-retry": "false"})
    back = update(user).where(user.c.user_id.in_(list(known.values())), user.c.deleted_at.is_not(None))
    ctx.db.execute(back.values(deleted_at=None))
    return known


def assign(ctx: Context, user_id: str, role_id: str) -> UserRow:
    """A user's first direct role in the scope's organization."""
    change_identities(ctx)
    row = find(ctx, user_id)
    assignments.give(ctx, user_id, assignments.find_role(ctx, role_id), f"User {user_id}")
    return row


def change_role(ctx: Context, user_id: str, role_id: str) -> UserRow:
    """Another role at the scope's tier."""
    change_identities(ctx)
    row = find(ctx, user_id)
    assignments.switch(ctx, user_id, assignments.find_role(ctx, role_id), f"User {user_id}")
    check_somebody_manages_members(ctx)
    return row


def leave(ctx: Context, user_id: str) -> UserRow:
    """Take the direct role in the scope's organization away; the user stays in the enterprise."""
    change_identities(ctx)
    row = find(ctx, user_id)
    assignments.take(ctx, user_id, f"User {user_id}")
    return row


def remove(ctx: Context, user_id: str) -> UserOut:
    """Remove a user: roles, groups, keys and sign-ins end at once. Answers the user as it was."""
    change_identities(ctx)
    row = find(ctx, user_id)
    before = present(ctx, [row])[0]
    assignments.take_all(ctx, user_id)
    ctx.db.execute(delete(idp_group_member).where(idp_group_member.c.user_id == user_id))
    keys = revoke(ctx.db, ctx.now, api_key.c.user_id == user_id)
    gone = {"deleted_at": ctx.now, "password_hash": None, "sign_in_epoch": user.c.sign_in_epoch + 1}
    ctx.db.execute(update(user).where(user.c.user_id == user_id).values(gone))
    check_somebody_manages_members(ctx)
    ctx.audited |= {"email": row.email, "revoked_keys": keys}
    return before


def present(ctx: Context, rows: Sequence[UserRow]) -> list[UserOut]:
    """Users with their direct roles within the scope."""
    held = assignments.direct(ctx, assignments.ids_of(rows, "user_id"))
    return [
        UserOut.model_construct(
            user_id=row.user_id, email=row.email, name=row.name, role_assignments=held.get(row.user_id, [])
        )
        for row in rows
    ]


def present_with_groups(ctx: Context, row: UserRow) -> UserWithIdpRolesOut:
    """One user with direct roles and, apart, those through groups."""
    (shown,) = present(ctx, [row])
    through = assignments.derived(ctx, [row.user_id]).get(row.user_id, [])
    return UserWithIdpRolesOut.model_construct(**dict(shown), idp_role_assignments=through)


def present_derived(ctx: Context, rows: Sequence[UserRow]) -> list[IdpGroupUserOut]:
    """Users with their roles through groups within the scope."""
    through = assignments.derived(ctx, assignments.ids_of(rows, "user_id"))
    return [
        IdpGroupUserOut.model_construct(
            user_id=row.user_id, email=row.email, name=row.name, idp_role_assignments=through.get(row.user_id, [])
        )
        for row in rows
    ]
