"""Signing in with a password, and out; changing the password."""

import asyncio
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Row

from cogmill.access import browser_sessions
from cogmill.access.context import Context
from cogmill.access.principals import Principal
from cogmill.access.scope import of_enterprise
from cogmill.domain.audit_logs import chain
from cogmill.domain.audit_logs.refused import Attempt, note
from cogmill.domain.sign_ins.schemas import SignedOutOut
from cogmill.kit.errors import BadRequest, Conflict, Forbidden, NotFound, Refusal, Unauthenticated
from cogmill.models.access import user
from cogmill.web.call import Call

LOGIN = "login"
UserRow = Row[Any]
_notes: set[asyncio.Task[None]] = set()


class WrongPassword(Unauthenticated):
    """The same for an unknown address, a wrong password and an account that has none."""

    detail = "The e-mail address or the password is wrong."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new browser session; the token goes into the cookie."""

    user_id: str
    email: str
    token: str


async def sign_in(call: Call, email: str, password: str, address: str) -> SignedIn:
    """A new browser session for who knows the password."""
    guard = call.runtime.sign_ins
    row = None
    try:
        guard.check(email, address)
        row = await call.read(lambda ctx: _live(ctx, email))
        stored = row.password_hash if row is not None else None
        if not await guard.verify(stored, password) or row is None:
            raise WrongPassword
        await call.runtime.addresses.require(call.runtime.database, row.enterprise_id, address)
        fresh = await guard.rehash(row.password_hash, password)
        signed_in = await call.write(lambda ctx: _begin(ctx, row, fresh))
    except Refusal as refusal:
        _note_later(call, row, email, refusal)
        raise
    guard.succeeded(email, address)
    return signed_in


def _live(ctx: Context, email: str) -> UserRow | None:
    query = select(user).where(user.c.email == email, user.c.deleted_at.is_(None), user.c.disabled_at.is_(None))
    return ctx.db.execute(query).one_or_none()


def _begin(ctx: Context, seen: UserRow, fresh_hash: str | None) -> SignedIn:
    """Only while the account is as it was when the password was compared."""
    row = ctx.db.execute(select(user).where(user.c.user_id == seen.user_id).with_for_update()).one()
    if (row.password_hash, row.sign_in_epoch) != (seen.password_hash, seen.sign_in_epoch):
        raise WrongPassword
    if row.deleted_at is not None or row.disabled_at is not None:
        raise WrongPassword
    if fresh_hash is not None:
        ctx.db.execute(update(user).where(user.c.user_id == row.user_id).values(password_hash=fresh_hash))
    runtime = ctx.runtime
    browser_sessions.forget_old(ctx.db, row.user_id, runtime.settings, ctx.now)
    session_id, token = browser_sessions.begin(ctx.db, runtime.keyring, row.user_id, row.sign_in_epoch, ctx.now)
    record(ctx, row, LOGIN, {"method": "password", "browser_session_id": session_id})
    return SignedIn(row.user_id, row.email, token)


def record(ctx: Context, row: UserRow, action: str, data: dict[str, Any]) -> None:
    """The audit record of what a person did who was nobody yet when the request came."""
    chain.append(
        ctx.db, ctx.runtime.keyring,
        enterprise_id=row.enterprise_id, org_id=None, action=action, at=ctx.now, user_id=row.user_id,
        service_user_id=None, request_id=ctx.request_id, data=data,
    )  # fmt: skip


def _note_later(call: Call, row: UserRow | None, email: str, refusal: Refusal) -> None:
    """Put a refused sign-in on record without waiting: the time of the answer tells nothing about the account."""
    known = None
    if row is not None:
        known = Principal(row.enterprise_id, "", "", row.name or "", None, None, user_id=row.user_id)
    attempt = Attempt(LOGIN, call.request_id, known, None, {"email": email})
    task = asyncio.create_task(note(call.runtime, attempt, refusal))
    _notes.add(task)
    task.add_done_callback(_notes.discard)


def sign_out(ctx: Context) -> SignedOutOut:
    """End the browser session of this very request."""
    caller = ctx.principal
    if caller.user_id is None or browser_sessions.end(ctx.db, caller.api_key_id) == 0:
        raise BadRequest("This call carries an API key, not a browser session: revoke the key instead.")
    return SignedOutOut(user_id=caller.user_id, ended_sessions=1)


def sign_out_everywhere(ctx: Context, user_id: str) -> SignedOutOut:
    """End all browser sessions and the open invitation of a user. API keys go on working."""
    query = of_enterprise(user, ctx.scope).where(user.c.user_id == user_id, user.c.deleted_at.is_(None))
    if ctx.db.execute(query).one_or_none() is None:
        raise NotFound(f"There is no user {user_id[:64]!r}.")
    ended = browser_sessions.end_all(ctx.db, user_id)
    ctx.audited |= {"user_id": user_id, "ended_sessions": ended}
    return SignedOutOut(user_id=user_id, ended_sessions=ended)


async def change_password(call: Call, current: str, new: str, address: str) -> SignedOutOut:
    """A new password for who knows the old one; signs out everywhere, this browser included."""
    guard, caller = call.runtime.sign_ins, call.caller
    if caller is None or caller.user_id is None:
        raise Forbidden("Passwords belong to people. A service user has API keys.")
    user_id = caller.user_id
    row = await call.read(
        lambda ctx: ctx.db.execute(of_enterprise(user, ctx.scope).where(user.c.user_id == user_id)).one()
    )
    guard.check(row.email, address)
    if not await guard.verify(row.password_hash, current):
        raise Forbidden("The current password is wrong, or you have none: then ask an administrator for an invitation.")
    guard.succeeded(row.email, address)
    hashed = await guard.hash(new)

    def change(ctx: Context) -> SignedOutOut:
        now = ctx.db.execute(of_enterprise(user, ctx.scope).where(user.c.user_id == user_id).with_for_update()).one()
        if now.password_hash != row.password_hash:
            raise Conflict("The password has just been changed by another request.")
        ended = browser_sessions.end_all(ctx.db, user_id, password_hash=hashed)
        ctx.audited |= {"user_id": user_id, "ended_sessions": ended}
        return SignedOutOut(user_id=user_id, ended_sessions=ended)

    return await call.write(change)
