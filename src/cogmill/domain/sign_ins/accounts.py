"""Accounts as the server's administrator sees and makes them on the data folder."""

from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.scope import Scope, of_enterprise
from cogmill.kit.clock import system_clock
from cogmill.kit.errors import Conflict, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.settings import Settings
from cogmill.models.access import browser_session, role, role_assignment, user

UserRow = Row[Any]


def find(db: Connection, enterprise_id: str, email: str) -> UserRow:
    row = _find(db, enterprise_id, email)
    if row is None or row.deleted_at is not None:
        raise NotFound(f"There is no user {email}. 'cogmill accounts list' shows them.")
    return row


def find_or_create(db: Connection, enterprise_id: str, email: str, role_name: str, name: str | None) -> UserRow:
    """The user with this address; who is there already keeps the roles."""
    row = _find(db, enterprise_id, email)
    if row is None or row.deleted_at is not None:
        _make(db, enterprise_id, email, role_name, name, row)
        return find(db, enterprise_id, email)
    if row.disabled_at is not None:
        raise Conflict(f"{email} is switched off. 'cogmill accounts enable' comes first.")
    return row


def create(db: Connection, enterprise_id: str, email: str, role_name: str, name: str | None, hashed: str) -> str:
    """A new user with a password; a removed one comes back without former roles."""
    row = _find(db, enterprise_id, email)
    if row is not None and row.deleted_at is None:
        raise Conflict(f"{email} has an account already. 'cogmill accounts set-password' sets another password.")
    user_id = _make(db, enterprise_id, email, role_name, name, row)
    db.execute(update(user).where(user.c.user_id == user_id).values(password_hash=hashed))
    return user_id


def _find(db: Connection, enterprise_id: str, email: str) -> UserRow | None:
    query = of_enterprise(user, Scope(enterprise_id, None)).where(user.c.email == email)
    return db.execute(query).one_or_none()


def _make(
    db: Connection, enterprise_id: str, email: str, role_name: str, name: str | None, former: UserRow | None
) -> str:
    role_id, now = _role(db, enterprise_id, role_name), system_clock()
    if former is None:
        user_id = ordered_id("user")
        values = {"user_id": user_id, "enterprise_id": enterprise_id, "email": email, "name": name, "created_at": now}
        if db.execute(select(user.c.user_id).where(user.c.email == email)).first() is not None:
            raise Conflict(f"{email} belongs to another enterprise of this server.")
        db.execute(insert(user).values(values))
    else:
        user_id = str(former.user_id)
        back = {"deleted_at": None, "disabled_at": None, "name": name or former.name}
        db.execute(update(user).where(user.c.user_id == user_id).values(back))
    given = {"principal_id": user_id, "org_id": None, "role_id": role_id, "created_at": now}
    db.execute(insert(role_assignment).values(given))
    return user_id


def _role(db: Connection, enterprise_id: str, name: str) -> str:
    mine = of_enterprise(role, Scope(enterprise_id, None)).where(role.c.role_type == "enterprise")
    rows = db.execute(mine.order_by(role.c.name, role.c.role_id)).all()
    for row in rows:
        if name in {row.internal_name, row.name, row.role_id}:
            return str(row.role_id)
    known = ", ".join(row.internal_name or row.name for row in rows)
    raise NotFound(f"There is no enterprise role {name!r}. There are: {known}.")


def list_all(db: Connection, enterprise_id: str, settings: Settings, now: float) -> list[dict[str, Any]]:
    """Everybody who was not removed, by address."""
    columns = browser_session.c
    live = (columns.user_id == user.c.user_id) & (columns.sign_in_epoch == user.c.sign_in_epoch)
    live &= columns.created_at > now - settings.browser_session_hours * 3600
    live &= columns.last_used_at > now - settings.browser_session_idle_hours * 3600
    count = select(func.count()).select_from(browser_session).where(live).scalar_subquery()
    query = of_enterprise(user, Scope(enterprise_id, None)).add_columns(count.label("sessions"))
    rows = db.execute(query.where(user.c.deleted_at.is_(None)).order_by(user.c.email))
    return [
        {
            "user_id": row.user_id, "email": row.email, "name": row.name, "state": _state(row),
            "browser_sessions": row.sessions, "created_at": int(row.created_at),
        }
        for row in rows
    ]  # fmt: skip


def _state(row: UserRow) -> str:
    if row.disabled_at is not None:
        return "disabled"
    return "no password" if row.password_hash is None else "active"
