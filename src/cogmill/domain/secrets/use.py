"""Which secrets a new session takes along, and under which names."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, literal_column, or_

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.kit.errors import BadRequest
from cogmill.kit.hot_select import HotSelect
from cogmill.models.content import secret
from cogmill.models.sealed import UNSET
from cogmill.models.sessions import session_secret

_ORG = Scope("", bindparam("org_id"))  # type: ignore[arg-type]
_ANY = HotSelect(owned(secret, _ORG, secret.c.secret_id).limit(literal_column("1")).offset(literal_column("0")))
"""Compiled once: most organizations have none, and every session asks."""

ORG, REPOSITORY, PERSONAL, SESSION = range(4)
"""Of two secrets with the same key the nearer one counts."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A secret on its way into a session."""

    key: str
    value: str
    kind: str
    is_sensitive: bool
    nearness: int
    secret_id: str | None = None


def stored(
    ctx: Context, wanted: Sequence[str] | None, user_id: str | None, repositories: Collection[str]
) -> list[Taken]:
    """Those of the organization, of the repositories and of the user; only `wanted` ones, unless that is None."""
    if wanted is not None and not wanted:
        return []
    if wanted is None and not _ANY(ctx.db, {"org_id": ctx.scope.one_org}, ctx.known):
        return []
    columns = secret.c
    query = owned(secret, ctx.scope).where(or_(columns.user_id.is_(None), columns.user_id == user_id))
    if wanted is None:
        query = query.where(or_(columns.repository.is_(None), columns.repository.in_(repositories)))
    else:
        query = query.where(columns.secret_id.in_(wanted))
    rows = ctx.db.execute(query.order_by(columns.secret_id)).all()
    unknown = set(wanted or ()) - {row.secret_id for row in rows}
    if unknown:
        raise BadRequest(f"secret_ids: {min(unknown)[:64]!r} does not exist in this organization.")
    unset = next((row for row in rows if row.sealed == UNSET), None)
    if unset is not None and wanted is not None:
        raise BadRequest(f"secret_ids: {unset.key!r} has no value since it was imported. Create it anew.")
    open_ = ctx.runtime.keyring.decrypt
    return [
        Taken(row.key, open_(row.sealed, row.secret_id), row.kind, row.is_sensitive, _nearness(row), row.secret_id)
        for row in rows
        if row.sealed != UNSET
    ]


def values_to_hide(ctx: Context) -> dict[str, str]:
    """All that anybody in the organization keeps secret; whose the personal ones are, the names do not tell."""
    values: dict[str, str] = {}
    for row in ctx.db.execute(owned(secret, ctx.scope).where(secret.c.is_sensitive, secret.c.sealed != UNSET)):
        name = environment_name(row.key if row.user_id is None else "personal", values)
        values[name] = ctx.runtime.keyring.decrypt(row.sealed, row.secret_id)
    return values


def _nearness(row: Any) -> int:
    return PERSONAL if row.user_id is not None else REPOSITORY if row.repository is not None else ORG


def nearest(secrets: Sequence[Taken]) -> list[Taken]:
    """Without those for whose key there is a nearer one."""
    nearness = {one.key: max(other.nearness for other in secrets if other.key == one.key) for one in secrets}
    return [one for one in secrets if one.nearness == nearness[one.key]]


def variable_names(secrets: Sequence[Taken]) -> list[str]:
    """The variable of each secret, in this order."""
    names: list[str] = []
    for one in secrets:
        names.append(environment_name(one.key, names))
    return names


def give(ctx: Context, row: Any, secrets: Sequence[Taken]) -> None:
    """Seal the secrets for one session alone."""
    values = [
        {
            "session": row.id, "name": name, "is_sensitive": one.is_sensitive, "kind": one.kind,
            "sealed": ctx.runtime.keyring.encrypt(one.value, f"{row.session_id}/{name}"),
        }
        for name, one in zip(variable_names(secrets), secrets, strict=True)
    ]  # fmt: skip
    if values:
        ctx.db.execute(insert(session_secret), values)


def environment_name(key: str, taken: Collection[str]) -> str:
    """The variable of a secret: other characters become `_`, a leading non-letter gets one, doubles a number."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", key)
    name = name if name[0].isalpha() else f"_{name}"
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    return unique
