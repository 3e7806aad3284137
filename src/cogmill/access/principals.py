"""Callers: who a token stands for and what they may do. Read in one place, cached for a moment."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, String, bindparam, select, union_all

from cogmill.access.permissions import (
    DEFAULT_ROLES,
    LEGACY_ORG_ROLE,
    Permission,
    in_one_organization,
    in_organizations,
    within_tier,
)
from cogmill.access.uses import Uses
from cogmill.kit.crypto import LEGACY_LENGTHS, TOKEN_LENGTH, TOKEN_PREFIX, Keyring
from cogmill.kit.db import Database, SqliteDatabase
from cogmill.models.access import api_key, idp_group_member, organization, role, role_assignment, service_user, user


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller with the rights of this moment.

    One of service_user_id and user_id is set, but for a legacy key of an organization: it stands for nobody else.
    """

    enterprise_id: str
    api_key_id: str
    api_key_name: str
    name: str
    org_id: str | None
    """Set when the caller is confined to one organization."""
    expires_at: float | None
    service_user_id: str | None = None
    user_id: str | None = None
    at_enterprise: frozenset[Permission] = frozenset()
    everywhere: frozenset[Permission] = frozenset()
    """What the enterprise role gives in every organization."""
    by_org: dict[str, frozenset[Permission]] = field(default_factory=dict)

    @property
    def principal_id(self) -> str:
        return self.service_user_id or self.user_id or self.api_key_id

    def in_org(self, org_id: str) -> frozenset[Permission]:
        """Rights inside one organization, in addition to none if it is foreign."""
        if self.org_id is not None and self.org_id != org_id:
            return frozenset()
        return self.everywhere | self.by_org.get(org_id, frozenset())

    @property
    def nobody_but_key(self) -> dict[str, str]:
        """What records name where a key stands for neither a person nor a service user."""
        if self.service_user_id or self.user_id:
            return {}
        return {"api_key_id": self.api_key_id, "api_key_name": self.api_key_name}

    @property
    def home_org(self) -> str | None:
        """The organization that an address without one means: the only one that the caller reaches by itself."""
        return self.org_id or (next(iter(self.by_org)) if len(self.by_org) == 1 else None)


_USER = select(user).where(user.c.user_id == bindparam("owner"))
_SERVICE_USER = select(service_user).where(service_user.c.service_user_id == bindparam("owner"))
_DELETED = select(organization.c.deleted_at).where(organization.c.org_id == bindparam("org_id"))
# One list of ids: for an OR of the two conditions both databases read every assignment there is.
_GROUPS = select(idp_group_member.c.idp_group_id).where(idp_group_member.c.user_id == bindparam("holder", type_=String))
_HOLDERS = union_all(select(bindparam("holder", type_=String)), _GROUPS)
_RIGHTS = (
    select(role_assignment.c.org_id, role.c.internal_name, role.c.permissions, organization.c.deleted_at)
    .join(role, role.c.role_id == role_assignment.c.role_id)
    .join(organization, organization.c.org_id == role_assignment.c.org_id, isouter=True)
    .where(role_assignment.c.principal_id.in_(_HOLDERS))
)


class Authenticator:
    """Finds the principal of a token: one indexed read, then a cache that a revocation in this process empties."""

    LIFETIME = 1.0
    """Seconds after which another process's change of keys or roles is seen at the latest."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._cache: dict[str, tuple[float, Principal]] = {}
        self._changes = 0
        self.uses = Uses()

    async def principal(self, token: str, now: float) -> Principal | None:
        """The caller behind a token, or None when it is unknown, revoked, expired or of a deleted owner."""
        if len(token) != TOKEN_LENGTH or not token.startswith(TOKEN_PREFIX):
            return None
        return await self._caller(token, now, legacy=False)

    async def legacy_principal(self, token: str, now: float) -> Principal | None:
        """The same for keys of the old APIs, which no other operation takes."""
        if not any(token.startswith(prefix) and len(token) == length for prefix, length in LEGACY_LENGTHS.items()):
            return None
        return await self._caller(token, now, legacy=True)

    async def _caller(self, token: str, now: float, *, legacy: bool) -> Principal | None:
        hashed = self._keyring.token_hash(token)
        cached = self._cache.get(hashed)
        if cached and time.monotonic() - cached[0] < self.LIFETIME:
            found: Principal | None = cached[1]
        else:
            changes = self._changes
            found = await self._look_up(hashed, find_legacy_principal if legacy else find_principal)
            if found is not None and changes == self._changes:  # else it may have been read before the change
                if len(self._cache) > 10_000:
                    self._cache.clear()
                self._cache[hashed] = (time.monotonic(), found)
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            return None
        self.uses.note(found.api_key_id, now)
        return found

    def forget(self) -> None:
        """Called after any change of keys, roles or memberships."""
        self._changes += 1
        self._cache.clear()

    async def _look_up(self, hashed: str, find: Callable[[Connection, str], Principal | None]) -> Principal | None:
        def unit(db: Connection) -> Principal | None:
            return find(db, hashed)

        if isinstance(self._database, SqliteDatabase):
            return self._database.read_now(unit)  # a few indexed rows: quicker than a hop to a thread
        return await self._database.read(unit)


def find_principal(db: Connection, token_hash: str) -> Principal | None:
    """Read a live key with its owner, the owner's organization and rights."""
    key = db.execute(select(api_key).where(api_key.c.token_hash == token_hash)).one_or_none()
    if key is None or key.revoked_at is not None or key.legacy:
        return None
    owner = _owner(db, key.user_id, key.service_user_id)
    if owner is None or owner.deleted_at is not None or getattr(owner, "disabled_at", None) is not None:
        return None
    org_id = owner.org_id if key.service_user_id else None
    if org_id is not None and _org_is_gone(db, org_id):
        return None
    at_enterprise, everywhere, by_org = read_rights(db, key.service_user_id or key.user_id)
    expiries = [at for at in (key.expires_at, getattr(owner, "expires_at", None)) if at is not None]
    return Principal(
        enterprise_id=owner.enterprise_id,
        api_key_id=key.api_key_id,
        api_key_name=key.name,
        name=owner.name or getattr(owner, "email", ""),
        org_id=org_id,
        expires_at=min(expiries, default=None),
        service_user_id=key.service_user_id,
        user_id=key.user_id,
        at_enterprise=at_enterprise,
        everywhere=everywhere,
        by_org=by_org,
    )


def find_legacy_principal(db: Connection, token_hash: str) -> Principal | None:
    """The same for a key of the old APIs: an organization's, or a person's for one organization."""
    key = db.execute(select(api_key).where(api_key.c.token_hash == token_hash)).one_or_none()
    if key is None or key.revoked_at is not None or not key.legacy or key.service_user_id is not None:
        return None
    if key.org_id is not None and _org_is_gone(db, key.org_id):
        return None
    return _of_organization(db, key) if key.user_id is None else _of_person(db, key)


def _of_organization(db: Connection, key: Any) -> Principal:
    """A key that nobody stands behind: it may do there what a member may."""
    of_org = select(organization.c.enterprise_id).where(organization.c.org_id == key.org_id)
    held = in_one_organization(DEFAULT_ROLES[LEGACY_ORG_ROLE][2])
    return Principal(
        db.execute(of_org).scalar_one(), key.api_key_id, key.name, key.name, key.org_id, key.expires_at,
        by_org={key.org_id: held},
    )  # fmt: skip


def _of_person(db: Connection, key: Any) -> Principal | None:
    """A person's key: without an organization of its own it is for the only one. It ends with the access to that."""
    owner = _owner(db, key.user_id, None)
    if owner is None or owner.deleted_at is not None or owner.disabled_at is not None:
        return None
    at_enterprise, everywhere, by_org = read_rights(db, key.user_id)
    org_id = key.org_id or (next(iter(by_org)) if len(by_org) == 1 else None)
    if org_id is not None and not everywhere | by_org.get(org_id, frozenset()):
        return None
    return Principal(
        owner.enterprise_id, key.api_key_id, key.name, owner.name or owner.email, org_id, key.expires_at, None,
        key.user_id, at_enterprise, everywhere, by_org,
    )  # fmt: skip


def principal_by_id(
    db: Connection, now: float, via: str, *, user_id: str | None = None, service_user_id: str | None = None
) -> Principal | None:
    """Who once asked for work that the server does later (`via` names it), with the rights of now.

    None when it was removed, switched off or has expired, or its organization was deleted.
    """
    owner = _owner(db, user_id, service_user_id)
    if owner is None or owner.deleted_at is not None or getattr(owner, "disabled_at", None) is not None:
        return None
    expires_at, org_id = getattr(owner, "expires_at", None), owner.org_id if service_user_id else None
    if (expires_at is not None and expires_at <= now) or (org_id is not None and _org_is_gone(db, org_id)):
        return None
    return Principal(
        owner.enterprise_id, via, via, owner.name or getattr(owner, "email", ""), org_id, expires_at, service_user_id,
        user_id, *read_rights(db, service_user_id or user_id or ""),
    )  # fmt: skip


def holder(db: Connection, token_hash: str) -> tuple[str, dict[str, str]] | None:
    """Whose a key is or was, working or not, for the record of a refusal: the enterprise, and what names the key."""
    key = db.execute(select(api_key).where(api_key.c.token_hash == token_hash)).one_or_none()
    if key is None:
        return None
    if key.service_user_id or key.user_id:
        enterprise_id = _owner(db, key.user_id, key.service_user_id).enterprise_id
    else:
        of_org = select(organization.c.enterprise_id).where(organization.c.org_id == key.org_id)
        enterprise_id = db.execute(of_org).scalar_one()
    named = {
        "api_key_id": key.api_key_id, "service_user_id": key.service_user_id, "user_id": key.user_id,
        "org_id": key.org_id,
    }  # fmt: skip
    return enterprise_id, {name: value for name, value in named.items() if value is not None}


def _owner(db: Connection, user_id: str | None, service_user_id: str | None) -> Any:
    if service_user_id:
        return db.execute(_SERVICE_USER, {"owner": service_user_id}).one_or_none()
    return db.execute(_USER, {"owner": user_id}).one_or_none()


def _org_is_gone(db: Connection, org_id: str) -> bool:
    gone = db.execute(_DELETED, {"org_id": org_id}).one_or_none()
    return gone is None or gone.deleted_at is not None


def read_rights(
    db: Connection, principal_id: str
) -> tuple[frozenset[Permission], frozenset[Permission], dict[str, frozenset[Permission]]]:
    """Expanded rights: (at enterprise tier, in every organization, organization -> further rights there)."""
    rows = db.execute(_RIGHTS, {"holder": principal_id}).all()
    at_enterprise: frozenset[Permission] = frozenset({Permission.READ_ACCOUNT_META})
    by_org: dict[str, frozenset[Permission]] = {}
    for row in rows:
        held = permissions_of(row.internal_name, row.permissions)
        if row.org_id is None:
            at_enterprise |= within_tier(held)
        elif row.deleted_at is None:
            by_org[row.org_id] = by_org.get(row.org_id, frozenset()) | in_one_organization(held)
    return at_enterprise, in_organizations(at_enterprise), by_org


def permissions_of(internal_name: str | None, stored: list[str]) -> frozenset[Permission]:
    """What a role holds: default roles by the table in code, custom ones by their row."""
    if internal_name is not None:
        return DEFAULT_ROLES[internal_name][2]
    return frozenset(Permission(name) for name in stored)
