"""Sessions of signed-in browsers: a random token in a cookie, of which only the keyed hash is stored."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from cogmill.access.principals import Principal, read_rights
from cogmill.kit.crypto import TOKEN_LENGTH, Keyring, new_token
from cogmill.kit.crypto import TOKEN_PREFIX as KEY_PREFIX
from cogmill.kit.db import Database, SqliteDatabase
from cogmill.kit.ids import ordered_id
from cogmill.kit.logs import logger
from cogmill.kit.settings import Settings
from cogmill.models.access import browser_session, invitation, user

TOKEN_PREFIX = "cgs_"  # noqa: S105 - no secret
NAME = "browser session"
TOUCH = 60.0
"""Seconds between two writes of a session's last use, less where the idle time is short."""


def begin(db: Connection, keyring: Keyring, user_id: str, epoch: int, now: float) -> tuple[str, str]:
    """A new session: its id, and the token that is in the cookie and nowhere else."""
    token, session_id = new_token(TOKEN_PREFIX), ordered_id("browser-session")
    values = {
        "browser_session_id": session_id, "token_hash": keyring.token_hash(token), "user_id": user_id,
        "sign_in_epoch": epoch, "created_at": now, "last_used_at": now,
    }  # fmt: skip
    db.execute(insert(browser_session).values(values))
    return session_id, token


def end(db: Connection, browser_session_id: str) -> int:
    """End one session; answers whether there was one."""
    return db.execute(
        delete(browser_session).where(browser_session.c.browser_session_id == browser_session_id)
    ).rowcount


def end_all(db: Connection, user_id: str, **changes: Any) -> int:
    """Sign a user out everywhere, open invitations included, and change the account; answers how many sessions."""
    values = {"sign_in_epoch": user.c.sign_in_epoch + 1, **changes}
    db.execute(update(user).where(user.c.user_id == user_id).values(values))
    db.execute(delete(invitation).where(invitation.c.user_id == user_id))
    return db.execute(delete(browser_session).where(browser_session.c.user_id == user_id)).rowcount


def forget_old(db: Connection, user_id: str, settings: Settings, now: float) -> None:
    """Remove the rows of a user's sessions that have run out."""
    columns = browser_session.c
    over = (columns.created_at <= now - settings.browser_session_hours * 3600) | (
        columns.last_used_at <= now - settings.browser_session_idle_hours * 3600
    )
    db.execute(delete(browser_session).where(columns.user_id == user_id, over))


def touch(db: Connection, browser_session_id: str, now: float) -> None:
    """The session was used just now."""
    mine = (browser_session.c.browser_session_id == browser_session_id) & (browser_session.c.last_used_at < now)
    db.execute(update(browser_session).where(mine).values(last_used_at=now))


def find_visitor(db: Connection, token_hash: str, settings: Settings, now: float) -> tuple[Principal, float] | None:
    """The user behind a live session with all of the user's rights, and when the session was last used."""
    row = db.execute(select(browser_session).where(browser_session.c.token_hash == token_hash)).one_or_none()
    if row is None:
        return None
    ends = min(
        row.created_at + settings.browser_session_hours * 3600,
        row.last_used_at + settings.browser_session_idle_hours * 3600,
    )
    owner = db.execute(select(user).where(user.c.user_id == row.user_id)).one()
    if ends <= now or owner.deleted_at is not None or owner.disabled_at is not None:
        return None
    if owner.sign_in_epoch != row.sign_in_epoch:
        return None
    at_enterprise, everywhere, by_org = read_rights(db, row.user_id)
    caller = Principal(
        enterprise_id=owner.enterprise_id, api_key_id=row.browser_session_id, api_key_name=NAME,
        name=owner.name or owner.email, org_id=None, expires_at=ends, user_id=row.user_id,
        at_enterprise=at_enterprise, everywhere=everywhere, by_org=by_org,
    )  # fmt: skip
    return caller, row.last_used_at


async def visitor(database: Database, keyring: Keyring, settings: Settings, token: str, now: float) -> Principal | None:
    """The caller behind a cookie. Nothing is remembered: an end is seen at the very next request."""
    if len(token) != len(TOKEN_PREFIX) + TOKEN_LENGTH - len(KEY_PREFIX) or not token.startswith(TOKEN_PREFIX):
        return None
    hashed = keyring.token_hash(token)

    def unit(db: Connection) -> tuple[Principal, float] | None:
        return find_visitor(db, hashed, settings, now)

    # A few indexed rows: on SQLite quicker than a hop to a thread.
    found = database.read_now(unit) if isinstance(database, SqliteDatabase) else await database.read(unit)
    if found is None:
        return None
    caller, last_used = found
    if now - last_used > min(TOUCH, settings.browser_session_idle_hours * 900):
        await _note_use(database, caller.api_key_id, now)
    return caller


async def _note_use(database: Database, browser_session_id: str, now: float) -> None:
    try:
        await database.write(lambda db: touch(db, browser_session_id, now))
    except SQLAlchemyError as error:
        logger("sign_ins").warning("last_use_not_written", error=type(error).__name__)
