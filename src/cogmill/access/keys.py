"""Making and ending keys. Only the keyed hash of a token is stored, so a token can be shown once."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, update

from cogmill.access.context import Context
from cogmill.kit.crypto import LEGACY_ORG_PREFIX, LEGACY_USER_PREFIX, TOKEN_PREFIX, new_token
from cogmill.kit.ids import ordered_id
from cogmill.models.access import api_key


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a key stands for: a service user, a user, or (legacy keys) an organization."""

    service_user_id: str | None = None
    user_id: str | None = None
    org_id: str | None = None
    legacy: bool = False

    @property
    def prefix(self) -> str:
        if not self.legacy:
            return TOKEN_PREFIX
        return LEGACY_ORG_PREFIX if self.user_id is None else LEGACY_USER_PREFIX


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh key with its token."""

    api_key_id: str
    name: str
    token: str


def issue(ctx: Context, owner: Owner, name: str, expires_at: float | None) -> Issued:
    """A new key; the audit record names it, never its token."""
    token = new_token(owner.prefix)
    issued = Issued(ordered_id("api-key"), name, token)
    values = {
        "api_key_id": issued.api_key_id, "token_hash": ctx.runtime.keyring.token_hash(token), "name": name,
        "service_user_id": owner.service_user_id, "user_id": owner.user_id, "org_id": owner.org_id,
        "legacy": owner.legacy, "created_at": ctx.now, "expires_at": expires_at,
    }  # fmt: skip
    ctx.db.execute(insert(api_key).values(values))
    ctx.audited |= {"api_key_id": issued.api_key_id, "api_key_name": name, "expires_at": expires_at}
    return issued


def revoke(db: Connection, now: float, which: ColumnElement[bool]) -> int:
    """End keys at once; those that are revoked already keep their time. Answers how many there were."""
    live: dict[str, Any] = {"revoked_at": now}
    return db.execute(update(api_key).where(which, api_key.c.revoked_at.is_(None)).values(live)).rowcount
