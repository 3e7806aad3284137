"""Whether an export may come into this data folder and database, and the first transaction of its import."""

from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, inspect, make_url, select

from cogmill.access.key_services import KeyServiceFailed, key_services
from cogmill.kit.crypto import Keyring, create_keys
from cogmill.kit.db import sqlite_engine
from cogmill.kit.settings import Settings
from cogmill.migrations.upgrade import HEAD, current, upgrade
from cogmill.models import metadata
from cogmill.models.access import enterprise, organization
from cogmill.models.installation import data_key
from cogmill.preconditions import Unusable, make_data_folder, read_keys
from cogmill.transfer import unfinished
from cogmill.transfer.archive import Archive, unpacked
from cogmill.transfer.finishing import bases
from cogmill.transfer.rows import decoded
from cogmill.transfer.unfinished import State

OTHER_FILE = "An import of another file is unfinished here: run that one again, or give it up with --discard."


def engine_of(settings: Settings) -> Engine:
    """The database of the settings, which may be empty."""
    if make_url(settings.database).get_backend_name() == "sqlite":
        return sqlite_engine(settings.database)
    return create_engine(settings.database, hide_parameters=True)


def keys_for(settings: Settings, archive: Archive, *, new_keys: bool) -> Keyring:
    """The keys file that belongs to the export, or with `new_keys` any other."""
    file = settings.keys_file
    if not file.exists():
        if not new_keys:
            raise Unusable(
                f"{file} is missing. Copy the keys file of the exported instance there: with it API keys, secrets and "
                "the audit log go on as they are. Without it, --new-keys imports the rest."
            )
        make_data_folder(settings)
        return create_keys(file)
    keyring = read_keys(settings)
    if new_keys:
        return keyring
    if keyring.fingerprint != archive.manifest["keys"]:
        raise Unusable(
            f"{file} holds other keys than those the export was made with. Put the right file there, or import "
            "without API keys and secrets' values: --new-keys."
        )
    try:
        for wrapped in _data_keys(archive):
            key_services(settings, keyring).unwrap(wrapped)
    except KeyServiceFailed as error:
        raise Unusable(f"{error} Or import without API keys and secrets' values: --new-keys.") from None
    return keyring


def _data_keys(archive: Archive) -> list[str]:
    return [
        str(row["wrapped"])
        for part, content in archive.parts()
        if part.table == data_key.name
        for row in decoded(unpacked(content), metadata.tables[data_key.name])
    ]


def begin_instance(settings: Settings, engine: Engine, archive: Archive, *, new_keys: bool) -> State:
    """Make the database as it was at the export, without rows; go on where an import of this file was cut."""
    with engine.begin() as db:
        state = _resumed(db, archive)
        if state is None:
            _check_empty(db, settings)
    if state is None:
        upgrade(engine, str(archive.manifest["revision"]))
        _protect(settings.data)
        state = State(archive.identity, 0, {"scope": "instance", "new_keys": new_keys})
        with engine.begin() as db:
            unfinished.begin(db, state)
    if state.detail != {"scope": "instance", "new_keys": new_keys}:
        raise Unusable("This import was begun " + ("without" if new_keys else "with") + " --new-keys: go on like that.")
    return state


def begin_organization(db: Connection, archive: Archive, now: float) -> State:
    """Remember behind which numbers its rows come."""
    state = _resumed(db, archive)
    if state is not None:
        return state
    if archive.manifest["revision"] != HEAD:
        raise Unusable(
            f"The file was written at revision {archive.manifest['revision']}, this Cogmill works with {HEAD}. Update "
            "the instance where the organization is, and export it again."
        )
    org_id = archive.manifest["org_id"]
    here = db.execute(select(organization.c.deleted_at).where(organization.c.org_id == org_id)).one_or_none()
    if here is not None:
        state_now = "is here already" if here.deleted_at is None else "was here, and was deleted"
        raise Unusable(f"Organization {org_id} ({archive.manifest['name']}) {state_now}. Nothing was imported.")
    state = State(archive.identity, 0, {"scope": "organization", "org_id": org_id, "bases": bases(db), "begun_at": now})
    unfinished.begin(db, state)
    return state


def _resumed(db: Connection, archive: Archive) -> State | None:
    state = unfinished.found(db)
    if state is not None and state.identity != archive.identity:
        raise Unusable(OTHER_FILE)
    return state


def _check_empty(db: Connection, settings: Settings) -> None:
    at = current(db)
    names = set(inspect(db).get_table_names())
    if at is None and names:
        raise Unusable("The database holds tables that are not Cogmill's. Name an empty one.")
    if at is not None and (at != HEAD or db.execute(select(enterprise).limit(1)).first() is not None):
        raise Unusable(
            f"{settings.data} or its database holds an instance already. A whole instance can only be imported into an "
            "empty one: name another --data, and with PostgreSQL an empty database."
        )


def _protect(data: Path) -> None:
    for file in data.glob("cogmill.db*"):
        file.chmod(0o600)
