"""The caller as it sees itself; the first principals of a new installation, and keys for them."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from cogmill.access.permissions import DEFAULT_ROLES
from cogmill.access.principals import Principal
from cogmill.domain.guardrails.defaults import begin_with
from cogmill.domain.identity.schemas import PatUserSelf, SelfOut, ServiceUserSelf
from cogmill.kit.crypto import Keyring, new_token
from cogmill.kit.ids import new_id, ordered_id
from cogmill.models.access import api_key, enterprise, organization, role, role_assignment, service_user
from cogmill.models.installation import installation


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """What `cogmill init` shows once."""

    enterprise_key: str
    org_id: str
    org_key: str


def present(caller: Principal) -> SelfOut:
    """A caller as it sees itself."""
    if caller.service_user_id is not None:
        return ServiceUserSelf(
            principal_type="service_user",
            service_user_id=caller.service_user_id,
            service_user_name=caller.name,
            org_id=caller.org_id,
        )
    return PatUserSelf(
        principal_type="pat_user",
        api_key_id=caller.api_key_id,
        api_key_name=caller.api_key_name,
        user_id=caller.principal_id,
        user_name=caller.name,
        org_id=caller.org_id,
    )


def is_initialised(db: Connection) -> bool:
    return db.execute(select(enterprise.c.enterprise_id).limit(1)).first() is not None


def fits_database(db: Connection, keyring: Keyring) -> bool:
    """Whether the database was made with these keys, as far as it knows."""
    return db.execute(select(installation.c.keys_fingerprint)).scalar() in {None, keyring.fingerprint}


def remember_keys(db: Connection, keyring: Keyring) -> None:
    """Let the database know its keys, if it knows none yet."""
    if db.execute(select(installation)).first() is None:
        db.execute(insert(installation).values(installation_id=1, keys_fingerprint=keyring.fingerprint))


def create_first_principals(db: Connection, keyring: Keyring, now: float) -> FirstKeys:
    """The enterprise, the organization "default", the default roles, and an administrator for each tier."""
    remember_keys(db, keyring)
    enterprise_id = create_enterprise(db, "Cogmill", now)
    org_id = create_organization(db, enterprise_id, "default", now)
    admin = create_service_user(db, enterprise_id, None, "enterprise-admin", "enterprise_admin", now)
    org_admin = create_service_user(db, enterprise_id, org_id, "organization-admin", "org_admin", now)
    return FirstKeys(
        enterprise_key=create_key(db, keyring, admin, "first enterprise key", now),
        org_id=org_id,
        org_key=create_key(db, keyring, org_admin, "first organization key", now),
    )


def create_enterprise(db: Connection, name: str, now: float) -> str:
    """An enterprise with the default roles and guardrails."""
    enterprise_id = new_id("ent")
    db.execute(insert(enterprise).values(enterprise_id=enterprise_id, name=name, created_at=now))
    roles = [
        {
            "role_id": new_id("role"), "enterprise_id": enterprise_id, "name": title, "role_type": tier,
            "internal_name": internal, "permissions": [],
        }
        for internal, (title, tier, _) in DEFAULT_ROLES.items()
    ]  # fmt: skip
    db.execute(insert(role), roles)
    begin_with(db, enterprise_id, now)
    return enterprise_id


def create_organization(db: Connection, enterprise_id: str, name: str, now: float) -> str:
    org_id = ordered_id("org")
    values = {"org_id": org_id, "enterprise_id": enterprise_id, "name": name, "created_at": now}
    db.execute(insert(organization).values(values))
    return org_id


def create_service_user(
    db: Connection, enterprise_id: str, org_id: str | None, name: str, internal_role: str, now: float
) -> str:
    """A service user of the enterprise, or of one organization, holding a default role."""
    service_user_id = new_id("service-user")
    values = {"service_user_id": service_user_id, "enterprise_id": enterprise_id, "org_id": org_id, "name": name}
    db.execute(insert(service_user).values(**values, created_at=now))
    assign_default_role(db, enterprise_id, service_user_id, org_id, internal_role, now)
    return service_user_id


def assign_default_role(
    db: Connection, enterprise_id: str, principal_id: str, org_id: str | None, internal_role: str, now: float
) -> None:
    role_id = db.execute(
        select(role.c.role_id).where(role.c.enterprise_id == enterprise_id, role.c.internal_name == internal_role)
    ).scalar_one()
    values = {"principal_id": principal_id, "org_id": org_id, "role_id": role_id, "created_at": now}
    db.execute(insert(role_assignment).values(values))


def create_key(
    db: Connection, keyring: Keyring, service_user_id: str, name: str, now: float, expires_at: float | None = None
) -> str:
    """A new key of a service user; only its keyed hash is stored, so this is the one time it can be shown."""
    token = new_token()
    values = {
        "api_key_id": new_id("api-key"), "token_hash": keyring.token_hash(token), "name": name,
        "service_user_id": service_user_id, "created_at": now, "expires_at": expires_at,
    }  # fmt: skip
    db.execute(insert(api_key).values(values))
    return token
