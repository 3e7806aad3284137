"""Keeping secrets. Values come in, are sealed, and go out to sessions only."""

import base64
import binascii
import json
from typing import Any

from sqlalchemy import Select, delete, insert, or_
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.secrets import totp
from cogmill.domain.secrets.schemas import SecretIn, SecretOut
from cogmill.kit.errors import BadRequest, Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import organization
from cogmill.models.content import secret
from cogmill.models.sealed import UNSET
from cogmill.web.params import PageQuery

SecretRow = Row[Any]
MOST = 500
"""Secrets of an organization, personal ones included: every session takes along those that it may use."""


def create_unique(ctx: Context, data: SecretIn) -> SecretOut:
    """One more secret, of a name that no other one has that the caller may know of."""
    mine = owned(organization, ctx.scope, organization.c.org_id).where(organization.c.org_id == ctx.scope.one_org)
    ctx.db.execute(mine.with_for_update(key_share=True))
    taken = _reachable(ctx).where(secret.c.key == data.key, secret.c.sealed != UNSET)
    if ctx.db.execute(taken.limit(1)).first() is not None:
        raise Conflict("Secret name is not unique")
    return create(ctx, data)


def create(ctx: Context, data: SecretIn) -> SecretOut:
    """One more secret; sessions that exist already do not see it."""
    value = data.value.get_secret_value()
    _check(data.type, value)
    user_id = ctx.principal.user_id if data.access_type == "personal" else None
    if data.access_type == "personal" and user_id is None:
        raise BadRequest(
            "access_type: only people have personal secrets; a service user makes those of the organization."
        )
    if len(ctx.db.execute(owned(secret, ctx.scope, secret.c.secret_id).limit(MOST)).all()) == MOST:
        raise Conflict(f"The organization has {MOST} secrets, and may have no more. Delete some that nobody needs.")
    _replace_unset(ctx, data, user_id)
    secret_id = ordered_id("secret")
    values = {
        "secret_id": secret_id, "org_id": ctx.scope.one_org, "user_id": user_id, "repository": data.repository,
        "key": data.key, "kind": data.type, "note": data.note, "is_sensitive": data.is_sensitive,
        "sealed": ctx.runtime.keyring.encrypt(value, secret_id), "created_at": ctx.now,
        "created_by": ctx.principal.principal_id,
    }  # fmt: skip
    ctx.db.execute(insert(secret).values(values))
    said = {"secret_id": secret_id, "key": data.key, "type": data.type, "access_type": data.access_type}
    ctx.audited |= said | ({"repository": data.repository} if data.repository else {})
    return _present(ctx.db.execute(_reachable(ctx).where(secret.c.secret_id == secret_id)).one())


def _replace_unset(ctx: Context, data: SecretIn, user_id: str | None) -> None:
    """An import brings names without values: the first new value takes the place of such a secret."""
    same = (secret.c.org_id == ctx.scope.one_org, secret.c.key == data.key, secret.c.sealed == UNSET)
    ctx.db.execute(delete(secret).where(*same, secret.c.user_id.is_not_distinct_from(user_id)))


def list_page(ctx: Context, query: PageQuery) -> Slice[SecretOut]:
    """The organization's secrets and the caller's own, newest first."""
    part = fetch_page(ctx.db, _reachable(ctx), secret.c.secret_id, query.first, query.after, descending=True)
    return Slice([_present(row) for row in part.items], part.end_cursor)


def remove(ctx: Context, secret_id: str) -> SecretOut:
    """Answers the secret as it was. Sessions that took it along keep it."""
    row = ctx.db.execute(_reachable(ctx).where(secret.c.secret_id == secret_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no secret {secret_id[:64]!r} in this organization.")
    ctx.db.execute(delete(secret).where(secret.c.secret_id == row.secret_id))
    ctx.audited |= {"key": row.key, "type": row.kind}
    return _present(row)


def _reachable(ctx: Context) -> Select[Any]:
    """What the caller may know of: nobody sees that somebody else has a personal secret."""
    return owned(secret, ctx.scope).where(or_(secret.c.user_id.is_(None), secret.c.user_id == ctx.principal.user_id))


def _present(row: SecretRow) -> SecretOut:
    return SecretOut(
        secret_id=row.secret_id, secret_type=row.kind, key=row.key, note=row.note, is_sensitive=row.is_sensitive,
        access_type="org" if row.user_id is None else "personal", repository=row.repository,
        created_at=int(row.created_at), created_by=row.created_by, updated_at=None, updated_by=None,
    )  # fmt: skip


def _check(kind: str, value: str) -> None:
    if "\0" in value:
        raise Invalid.at("body", "value", msg="A value cannot hold the NUL character: no environment variable can.")
    if kind == "cookie":
        try:
            found = json.loads(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError, RecursionError):
            found = None
        if not isinstance(found, list | dict):
            raise Invalid.at("body", "value", msg="A cookie is the base64 of JSON: one object, or a list of them.")
    elif kind == "totp":
        try:
            totp.read(value)
        except ValueError as error:
            raise Invalid.at("body", "value", msg=f"This is no TOTP secret: {error}.") from None
