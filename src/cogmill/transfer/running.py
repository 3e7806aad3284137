"""A whole import, from the first transaction to the audit record: of an instance, or of one organization."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select, update

from cogmill.access import data_keys
from cogmill.access.key_services import key_services
from cogmill.domain.audit_logs import chain
from cogmill.domain.identity.service import create_key, create_service_user, remember_keys
from cogmill.kit.clock import system_clock
from cogmill.kit.crypto import Keyring
from cogmill.kit.ids import new_id
from cogmill.kit.settings import Settings
from cogmill.migrations.upgrade import upgrade
from cogmill.models.access import enterprise, organization
from cogmill.models.content import secret
from cogmill.models.schedules import schedule
from cogmill.models.sealed import UNSET
from cogmill.models.usage import usage_day
from cogmill.preconditions import Unusable
from cogmill.transfer import unfinished
from cogmill.transfer.archive import Archive
from cogmill.transfer.beginning import begin_instance, begin_organization, engine_of, keys_for
from cogmill.transfer.files import complete_repositories
from cogmill.transfer.finishing import finish
from cogmill.transfer.importing import Import, Told
from cogmill.transfer.mapping import Mapping, learn

ADMIN = "enterprise-admin after import"
"""The service user whose key an import with new keys shows."""


@dataclass(frozen=True, slots=True)
class Target:
    """An instance that an organization moves to."""

    settings: Settings
    keyring: Keyring
    engine: Engine
    enterprise_id: str
    account: str
    """Of the operating system, for the record."""


def import_instance(
    settings: Settings, archive: Archive, *, new_keys: bool, told: Told, account: str
) -> dict[str, Any]:
    """Fill an empty database and data folder; answers what is there now, and what is to be done."""
    engine = engine_of(settings)
    try:
        keyring = keys_for(settings, archive, new_keys=new_keys)
        begin_instance(settings, engine, archive, new_keys=new_keys)
        settings.data.chmod(0o711)
        Import(archive, engine, keyring, settings.data, told, with_values=not new_keys).run()
        upgrade(engine)
        with engine.begin() as db:
            complete_repositories(settings.data, list(db.execute(select(organization.c.org_id)).scalars()))
            finish(db, archive, None, system_clock())
            done = _said(archive)
            first_key = _new_keys(db, settings, keyring) if new_keys else None
            recorded = done | {"new_keys": new_keys, "exported_enterprise_id": archive.manifest["enterprise_id"]}
            _record(db, keyring, _oldest(db), None, "import_instance", recorded | {"command_line_user": account})
            done |= {"secrets_to_set": _unset(db, None), "enterprise_key": first_key, "new_keys": new_keys}
            unfinished.end(db)
        return done
    finally:
        engine.dispose()


def _new_keys(db: Connection, settings: Settings, keyring: Keyring) -> str:
    """What the keys file stands for, made anew: its mark, a key for secrets, and a key for an administrator."""
    now = system_clock()
    remember_keys(db, keyring)
    data_keys.ensure(db, key_services(settings, keyring), now)
    admin = create_service_user(db, _oldest(db), None, ADMIN, "enterprise_admin", now)
    return create_key(db, keyring, admin, "first key after an import", now)


def import_organization(target: Target, archive: Archive, told: Told) -> dict[str, Any]:
    """Add an organization to the others; what would act by itself comes switched off."""
    org_id = str(archive.manifest["org_id"])
    with target.engine.begin() as db:
        state = begin_organization(db, archive, system_clock())
        mapping = Mapping(org_id, target.enterprise_id, state.detail["bases"])
        learn(db, archive, mapping)
    Import(archive, target.engine, target.keyring, target.settings.data, told, mapping=mapping, with_values=False).run()
    complete_repositories(target.settings.data, [org_id])
    with target.engine.begin() as db:
        finish(db, archive, mapping, system_clock())
        done = _said(archive) | {"people_known": len(mapping.names)}
        recorded = done | {"command_line_user": target.account}
        _record(db, target.keyring, target.enterprise_id, org_id, "import_org", recorded)
        done |= {"secrets_to_set": _unset(db, org_id), "schedules_off": _schedules(db, org_id)}
        unfinished.end(db)
    return done


def discard(target: Target, archive: Archive) -> dict[str, Any]:
    """Give up an organization's import: what is here of it goes as that of a deleted one does, once a server runs."""
    org_id = archive.manifest["org_id"]
    with target.engine.begin() as db:
        state = unfinished.found(db)
        if state is None:
            raise Unusable("There is no unfinished import here.")
        if state.detail.get("org_id") != org_id:
            raise Unusable("An import of another file is unfinished here.")
        now = system_clock()
        gone = update(organization).where(organization.c.org_id == org_id)
        is_here = db.execute(gone.values(deleted_at=now, purge_begun_at=now)).rowcount
        # Sums of purged organizations stay, as their enterprise's hold them; these never got there.
        db.execute(delete(usage_day).where(usage_day.c.org_id == org_id))
        recorded = {"file": archive.identity, "command_line_user": target.account}
        _record(db, target.keyring, target.enterprise_id, org_id, "discard_import", recorded)
        unfinished.end(db)
    return {"org_id": org_id, "discarded": True, "rows_to_remove": bool(is_here)}


def _oldest(db: Connection) -> str:
    """The installation's enterprise."""
    oldest = select(enterprise.c.enterprise_id).order_by(enterprise.c.created_at, enterprise.c.enterprise_id)
    return str(db.execute(oldest.limit(1)).scalar_one())


def _said(archive: Archive) -> dict[str, Any]:
    manifest, end = archive.manifest, archive.end
    return {
        "scope": manifest["scope"], "org_id": manifest["org_id"], "name": manifest["name"],
        "file": archive.identity, "exported_at": manifest["exported_at"], "rows": sum(end["rows"].values()),
        "files": end["files"],
    }  # fmt: skip


def _record(
    db: Connection, keyring: Keyring, enterprise_id: str, org_id: str | None, action: str, data: dict[str, Any]
) -> None:
    chain.append(
        db, keyring, enterprise_id=enterprise_id, org_id=org_id, action=action, at=system_clock(), user_id=None,
        service_user_id=None, request_id=new_id("command"), data=data,
    )  # fmt: skip


def _unset(db: Connection, org_id: str | None) -> int:
    query = select(func.count()).select_from(secret).where(secret.c.sealed == UNSET)
    return int(db.execute(query if org_id is None else query.where(secret.c.org_id == org_id)).scalar_one())


def _schedules(db: Connection, org_id: str) -> int:
    mine = select(func.count()).select_from(schedule).where(schedule.c.org_id == org_id)
    return int(db.execute(mine.where(schedule.c.deleted_at.is_(None))).scalar_one())
