"""What all kinds of keys have in common: making, listing, revoking and rotating them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, not_, select, true
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.keys import Issued, Owner, issue, revoke
from cogmill.domain.api_keys.schemas import ApiKeyIn, ApiKeyOut, ApiKeyWithTokenOut, KeyStatus, LegacyKeyOut, RotateIn
from cogmill.kit.errors import BadRequest, Conflict, Invalid, NotFound
from cogmill.models.access import api_key

KeyRow = Row[Any]
MOST_SHOWN = 1000
"""The list has no cursor in the contract; older keys than these are left out, and `has_next_page` says so."""


class AlreadyRevoked(Conflict):
    """Clients are told not to try again."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Key {key} is revoked already.", headers={"x-should-retry": "false"})


class NotActive(BadRequest):
    """Only a key that works can be rotated."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one owner, found within the caller's reach."""

    owner: Owner
    ends_at: float | None = None
    """When the owner itself ends, and all its keys with it."""

    @property
    def mine(self) -> ColumnElement[bool]:
        owner, columns = self.owner, api_key.c
        which = columns.legacy.is_(owner.legacy)
        if owner.service_user_id is not None:
            return which & (columns.service_user_id == owner.service_user_id)
        if owner.user_id is not None:
            return which & (columns.user_id == owner.user_id)
        return which & columns.user_id.is_(None) & (columns.org_id == owner.org_id)

    def expires_at(self, row: KeyRow) -> float | None:
        return min((at for at in (row.expires_at, self.ends_at) if at is not None), default=None)

    def status(self, row: KeyRow, now: float) -> str:
        if row.revoked_at is not None:
            return "revoked"
        ends = self.expires_at(row)
        return "active" if ends is None or ends > now else "expired"


def list_(ctx: Context, keys: Keys, status: KeyStatus) -> tuple[list[KeyRow], bool]:
    """Keys of this status, newest first; whether there are more than are shown."""
    columns = api_key.c
    has_ended: ColumnElement[bool] = columns.expires_at.is_not(None) & (columns.expires_at <= ctx.now)
    if keys.ends_at is not None and keys.ends_at <= ctx.now:
        has_ended = true()
    query = select(api_key).where(keys.mine)
    if status == "revoked":
        query = query.where(columns.revoked_at.is_not(None))
    elif status != "all":
        query = query.where(columns.revoked_at.is_(None), has_ended if status == "expired" else not_(has_ended))
    newest = query.order_by(columns.created_at.desc(), columns.api_key_id.desc()).limit(MOST_SHOWN + 1)
    rows = list(ctx.db.execute(newest))
    return rows[:MOST_SHOWN], len(rows) > MOST_SHOWN


def create(ctx: Context, keys: Keys, data: ApiKeyIn) -> Issued:
    """One more key."""
    check_future(ctx, data.expires_at, "expires_at")
    return issue(ctx, keys.owner, data.name, data.expires_at)


def rotate(ctx: Context, keys: Keys, api_key_id: str, data: RotateIn) -> Issued:
    """A new key in the place of one that works; both go on working if the caller asks for that."""
    check_future(ctx, data.new_key_expires_at, "new_key_expires_at")
    row = find(ctx, keys, api_key_id)
    status = keys.status(row, ctx.now)
    if status != "active":
        raise NotActive(f"Key {api_key_id} is {status} and cannot be rotated. Create a new one.")
    if data.revoke_current:
        revoke(ctx.db, ctx.now, api_key.c.api_key_id == api_key_id)
    issued = issue(ctx, keys.owner, row.name, data.new_key_expires_at)
    ctx.audited |= {"former_api_key_id": api_key_id, "revoked_former": data.revoke_current}
    return issued


def end(ctx: Context, keys: Keys, api_key_id: str) -> KeyRow:
    """Revoke a key: it is refused at the very next request."""
    row = find(ctx, keys, api_key_id)
    if row.revoked_at is not None:
        raise AlreadyRevoked(api_key_id)
    revoke(ctx.db, ctx.now, api_key.c.api_key_id == api_key_id)
    ctx.audited |= {"api_key_name": row.name}
    return find(ctx, keys, api_key_id)


def find(ctx: Context, keys: Keys, api_key_id: str) -> KeyRow:
    row = ctx.db.execute(select(api_key).where(keys.mine, api_key.c.api_key_id == api_key_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no key {api_key_id[:64]!r} here.")
    return row


def check_future(ctx: Context, at: float | None, field: str) -> None:
    if at is not None and at <= ctx.now:
        raise Invalid.at("body", field, msg="must be in the future (unix seconds)")


def present(ctx: Context, keys: Keys, rows: Sequence[KeyRow]) -> list[ApiKeyOut]:
    """Keys as the API shows them: everything but the token, which nobody has any more."""
    return [ApiKeyOut.model_construct(**_facts(ctx, keys, row)) for row in rows]


def present_legacy(ctx: Context, keys: Keys, rows: Sequence[KeyRow]) -> list[LegacyKeyOut]:
    """Legacy keys, with the organization that they work in."""
    return [LegacyKeyOut.model_construct(**_facts(ctx, keys, row), org_id=row.org_id) for row in rows]


def present_issued(issued: Issued) -> ApiKeyWithTokenOut:
    return ApiKeyWithTokenOut(token=issued.token, api_key_id=issued.api_key_id, api_key_name=issued.name)


def _facts(ctx: Context, keys: Keys, row: KeyRow) -> dict[str, Any]:
    used = ctx.runtime.authenticator.uses.latest(row.api_key_id, row.last_used_at)
    return {
        "api_key_id": row.api_key_id,
        "api_key_name": row.name,
        "created_at": int(row.created_at),
        "expires_at": _seconds(keys.expires_at(row)),
        "is_active": keys.status(row, ctx.now) == "active",
        "last_used_at": _seconds(used),
        "revoked_at": _seconds(row.revoked_at),
    }


def _seconds(at: float | None) -> int | None:
    return None if at is None else int(at)
