"""Who there is in the tests' world, and how to make more of them."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update

from cogmill.access.permissions import Permission as P
from cogmill.domain.identity.service import (
    assign_default_role,
    create_enterprise,
    create_key,
    create_organization,
    create_service_user,
)
from cogmill.kit.crypto import LEGACY_ORG_PREFIX, LEGACY_USER_PREFIX, Keyring, new_token
from cogmill.kit.ids import new_id
from cogmill.models.access import api_key, organization, role, role_assignment, service_user, user

KEYRING = Keyring(b"k" * 32)
BEGINNING = 1_700_000_000.0
"""When everything of the template was made."""


@dataclass
class World:
    """Ids by name, and a token for every caller that tests may name."""

    enterprise: str = ""
    org: str = ""
    second_org: str = ""
    """The primary one, which cannot be deleted."""
    deleted_org: str = ""
    foreign_org: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    """Principal id by caller name."""


REFUSED_KEYS = ("revoked", "expired", "unknown", "legacy", "of_deleted_user", "of_expired_user", "of_deleted_org")
"""Callers whose key must not work."""
REFUSED_OLD_KEYS = (
    "old_revoked", "old_expired", "old_unknown", "old_unknown_of_organization", "old_of_deleted_org",
    "old_without_access",
)  # fmt: skip
"""The same for the old APIs."""


def make_world(db: Connection) -> World:
    world = World()
    world.enterprise = create_enterprise(db, "Acme", BEGINNING)
    elsewhere = create_enterprise(db, "Elsewhere", BEGINNING + 1)
    world.second_org = create_organization(db, world.enterprise, "second", BEGINNING)
    world.org = create_organization(db, world.enterprise, "main", BEGINNING)
    world.deleted_org = create_organization(db, world.enterprise, "deleted", BEGINNING)
    world.foreign_org = create_organization(db, elsewhere, "foreign", BEGINNING)
    _service_users(db, world, elsewhere)
    _people(db, world)
    _refused(db, world)
    gone = update(organization).where(organization.c.org_id == world.deleted_org)
    db.execute(gone.values(deleted_at=BEGINNING + 1))
    return world


def _service_users(db: Connection, world: World, elsewhere: str) -> None:
    for name, enterprise, org, role_name in (
        ("enterprise_admin", world.enterprise, None, "enterprise_admin"),
        ("enterprise_member", world.enterprise, None, "enterprise_member"),
        ("org_admin", world.enterprise, world.org, "org_admin"),
        ("org_member", world.enterprise, world.org, "org_member"),
        ("deepwiki", world.enterprise, world.org, "org_deepwiki"),
        ("stranger", world.enterprise, world.second_org, "org_admin"),
        ("foreigner", elsewhere, world.foreign_org, "org_admin"),
        ("foreign_admin", elsewhere, None, "enterprise_admin"),
    ):
        world.ids[name] = create_service_user(db, enterprise, org, name, role_name, BEGINNING)
        world.tokens[name] = create_key(db, KEYRING, world.ids[name], f"key of {name}", BEGINNING)
    for name, permissions in (
        ("session_user", [P.USE_DEVIN_SESSIONS]),
        ("viewer", [P.VIEW_ORG_SESSIONS]),
        ("manager", [P.MANAGE_ORG_SESSIONS]),
        ("reader", [P.READ]),
        ("impersonator", [P.USE_DEVIN_SESSIONS, P.IMPERSONATE_ORG_SESSIONS]),
    ):
        world.ids[name] = service_user_with(db, world.enterprise, world.org, name, permissions)
        world.tokens[name] = create_key(db, KEYRING, world.ids[name], f"key of {name}", BEGINNING)
    world.ids["account_viewer"] = service_user_with(
        db, world.enterprise, None, "account_viewer", [P.VIEW_ACCOUNT_SESSIONS]
    )
    world.tokens["account_viewer"] = create_key(db, KEYRING, world.ids["account_viewer"], "key", BEGINNING)


def _people(db: Connection, world: World) -> None:
    for name in ("person", "colleague", "outsider", "wiki_person", "person_of_two"):
        world.ids[name] = create_user(db, world.enterprise, name)
        world.tokens[name] = create_pat(db, world.ids[name])
    assign_default_role(db, world.enterprise, world.ids["person"], world.org, "org_member", BEGINNING)
    assign(db, world.enterprise, world.ids["colleague"], world.org, [P.USE_DEVIN_SESSIONS])
    assign_default_role(db, world.enterprise, world.ids["outsider"], world.second_org, "org_member", BEGINNING)
    assign_default_role(db, world.enterprise, world.ids["wiki_person"], world.org, "org_deepwiki", BEGINNING)
    for org in (world.org, world.second_org):
        assign_default_role(db, world.enterprise, world.ids["person_of_two"], org, "org_member", BEGINNING)


def _refused(db: Connection, world: World) -> None:
    admin, tokens = world.ids["org_admin"], world.tokens
    tokens["revoked"] = create_key(db, KEYRING, admin, "revoked", BEGINNING)
    change_key(db, tokens["revoked"], revoked_at=BEGINNING + 1)
    tokens["expired"] = create_key(db, KEYRING, admin, "expired", BEGINNING, expires_at=BEGINNING + 1)
    tokens["legacy"] = create_key(db, KEYRING, admin, "legacy", BEGINNING)
    change_key(db, tokens["legacy"], legacy=True)
    tokens["unknown"] = new_token()
    for name, changes in (
        ("of_deleted_user", {"deleted_at": BEGINNING + 1}),
        ("of_expired_user", {"expires_at": BEGINNING + 1}),
    ):
        owner = create_service_user(db, world.enterprise, world.org, name, "org_admin", BEGINNING)
        tokens[name] = create_key(db, KEYRING, owner, name, BEGINNING)
        db.execute(update(service_user).where(service_user.c.service_user_id == owner).values(**changes))
    owner = create_service_user(db, world.enterprise, world.deleted_org, "late", "org_admin", BEGINNING)
    tokens["of_deleted_org"] = create_key(db, KEYRING, owner, "late", BEGINNING)


def add_old_keys(db: Connection, world: World) -> dict[str, str]:
    """Keys of the old APIs by caller: an organization's, a member's, those of Enterprise Admins, and refused ones."""
    org, ids = world.org, world.ids
    elsewhere = db.execute(
        select(organization.c.enterprise_id).where(organization.c.org_id == world.foreign_org)
    ).scalar_one()
    admins = {}
    for name, enterprise_id in (("old_admin", world.enterprise), ("old_foreign_admin", elsewhere)):
        admins[name] = create_user(db, enterprise_id, name)
        assign_default_role(db, enterprise_id, admins[name], None, "enterprise_admin", BEGINNING)
    return {
        "old_organization": old_key(db, None, org),
        "old_beside": old_key(db, None, world.second_org),
        "old_elsewhere": old_key(db, None, world.foreign_org),
        "old_member": old_key(db, ids["person"], org),
        "old_admin": old_key(db, admins["old_admin"], org),
        "old_foreign_admin": old_key(db, admins["old_foreign_admin"], world.foreign_org),
        "old_homeless": old_key(db, admins["old_admin"], None),
        "old_revoked": old_key(db, ids["person"], org, revoked_at=BEGINNING + 1),
        "old_expired": old_key(db, None, org, expires_at=BEGINNING + 1),
        "old_unknown": new_token(LEGACY_USER_PREFIX),
        "old_unknown_of_organization": new_token(LEGACY_ORG_PREFIX),
        "old_of_deleted_org": old_key(db, None, world.deleted_org),
        "old_without_access": old_key(db, ids["outsider"], org),
    }


def old_key(db: Connection, user_id: str | None, org_id: str | None, **values: Any) -> str:
    """A key of the old APIs."""
    token = new_token(LEGACY_USER_PREFIX if user_id else LEGACY_ORG_PREFIX)
    fixed = {"api_key_id": new_id("api-key"), "token_hash": KEYRING.token_hash(token), "name": "old", "legacy": True}
    db.execute(insert(api_key).values(**fixed, user_id=user_id, org_id=org_id, created_at=BEGINNING, **values))
    return token


def change_key(db: Connection, token: str, **values: Any) -> None:
    db.execute(update(api_key).where(api_key.c.token_hash == KEYRING.token_hash(token)).values(**values))


def create_user(db: Connection, enterprise_id: str, name: str) -> str:
    user_id = new_id("user")
    values = {"user_id": user_id, "enterprise_id": enterprise_id, "email": f"{name}@example.org", "name": name}
    db.execute(insert(user).values(**values, created_at=BEGINNING))
    return user_id


def create_pat(db: Connection, user_id: str, **values: Any) -> str:
    """A personal access token of a user."""
    token = new_token()
    fixed = {"api_key_id": new_id("api-key"), "token_hash": KEYRING.token_hash(token), "name": "token"}
    db.execute(insert(api_key).values(**fixed, user_id=user_id, created_at=BEGINNING, **values))
    return token


def service_user_with(db: Connection, enterprise_id: str, org_id: str | None, name: str, permissions: list[P]) -> str:
    """A service user with a custom role of just these permissions."""
    service_user_id = new_id("service-user")
    values = {"service_user_id": service_user_id, "enterprise_id": enterprise_id, "org_id": org_id, "name": name}
    db.execute(insert(service_user).values(**values, created_at=BEGINNING))
    assign(db, enterprise_id, service_user_id, org_id, permissions)
    return service_user_id


def assign(db: Connection, enterprise_id: str, principal_id: str, org_id: str | None, permissions: list[P]) -> None:
    """A custom role made for this principal alone."""
    role_id = new_id("role")
    values = {
        "role_id": role_id, "enterprise_id": enterprise_id, "name": f"Role of {principal_id}",
        "role_type": "org" if org_id else "enterprise", "permissions": [one.value for one in permissions],
    }  # fmt: skip
    db.execute(insert(role).values(values))
    given = {"principal_id": principal_id, "org_id": org_id, "role_id": role_id, "created_at": BEGINNING}
    db.execute(insert(role_assignment).values(given))
