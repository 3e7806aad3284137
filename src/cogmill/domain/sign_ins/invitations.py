"""Invitations: a link that is shown once and works once, with which a person sets the account's password."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.engine import Row

from cogmill.access import browser_sessions
from cogmill.access.context import Context
from cogmill.access.rights import change_identities, require_cover, rights_of
from cogmill.access.scope import of_enterprise
from cogmill.domain.audit_logs.refused import Attempt, note
from cogmill.domain.sign_ins.schemas import AccountOut, InvitationOut
from cogmill.domain.sign_ins.service import record
from cogmill.kit.crypto import Keyring, new_token
from cogmill.kit.errors import NotFound, Refusal
from cogmill.kit.settings import Settings
from cogmill.models.access import invitation, user
from cogmill.web.call import Call

PREFIX = "cgi_"
ACCEPT = "accept_invitation"


class NoInvitation(NotFound):
    """Used, replaced, expired and invented ones are answered alike."""

    detail = "This invitation is unknown, used or expired. Ask for a new one."


def invite(ctx: Context, user_id: str) -> InvitationOut:
    """A link for a user who may do no more than the caller: whoever has the link can become that user."""
    change_identities(ctx)
    query = of_enterprise(user, ctx.scope).where(
        user.c.user_id == user_id, user.c.deleted_at.is_(None), user.c.disabled_at.is_(None)
    )
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no user {user_id[:64]!r} who could be invited.")
    require_cover(ctx, rights_of(ctx.db, user_id), "The user")
    ctx.audited |= {"email": row.email}
    return make(ctx.db, ctx.runtime.keyring, ctx.runtime.settings, row, ctx.now)


def make(db: Connection, keyring: Keyring, settings: Settings, row: Row[Any], now: float) -> InvitationOut:
    """The user's invitation; an earlier one works no more."""
    token, expires_at = new_token(PREFIX), now + settings.invitation_hours * 3600
    db.execute(delete(invitation).where(invitation.c.user_id == row.user_id))
    values = {
        "user_id": row.user_id, "token_hash": keyring.token_hash(token), "sign_in_epoch": row.sign_in_epoch,
        "created_at": now, "expires_at": expires_at,
    }  # fmt: skip
    db.execute(insert(invitation).values(values))
    # Behind the '#', so that it gets into no log of a server or proxy.
    url = f"{settings.base_url}/invitation#{token}"
    return InvitationOut(user_id=row.user_id, email=row.email, invitation_url=url, expires_at=int(expires_at))


async def accept(call: Call, token: str, password: str, address: str) -> AccountOut:
    """Set the password; everything that was signed in before is signed out."""
    guard = call.runtime.sign_ins
    try:
        guard.check(None, address)
        row = await call.read(lambda ctx: _invited(ctx, token))  # nobody makes us hash without an invitation
        await call.runtime.addresses.require(call.runtime.database, row.enterprise_id, address)
        hashed = await guard.hash(password)
        accepted = await call.write(lambda ctx: _accept(ctx, token, hashed))
    except Refusal as refusal:
        await note(call.runtime, Attempt(ACCEPT, call.request_id, None), refusal)
        raise
    guard.succeeded(None, address)
    return accepted


def _accept(ctx: Context, token: str, hashed: str) -> AccountOut:
    row = _invited(ctx, token)
    if ctx.db.execute(delete(invitation).where(invitation.c.user_id == row.user_id)).rowcount == 0:
        raise NoInvitation  # another request was first
    browser_sessions.end_all(ctx.db, row.user_id, password_hash=hashed)
    record(ctx, row, ACCEPT, {"email": row.email})
    return AccountOut(user_id=row.user_id, email=row.email)


def _invited(ctx: Context, token: str) -> Row[Any]:
    """The user whom a working invitation is for."""
    hashed = ctx.runtime.keyring.token_hash(token)
    query = (
        select(user)
        .join(invitation, invitation.c.user_id == user.c.user_id)
        .where(
            invitation.c.token_hash == hashed, invitation.c.expires_at > ctx.now,
            invitation.c.sign_in_epoch == user.c.sign_in_epoch,
            user.c.deleted_at.is_(None), user.c.disabled_at.is_(None),
        )
    )  # fmt: skip
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise NoInvitation
    return row
