"""Writing an export: rows of one moment, then the files that belong to them; memory stays flat."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select

import cogmill
from cogmill.kit.clock import system_clock
from cogmill.kit.crypto import Keyring
from cogmill.kit.errors import Conflict, NotFound
from cogmill.migrations.upgrade import HEAD
from cogmill.models.access import organization
from cogmill.models.sessions import session
from cogmill.transfer.archive import FORMAT, VERSION, Writer
from cogmill.transfer.files import files
from cogmill.transfer.rows import encoded
from cogmill.transfer.tables import OF_ORGANIZATIONS, WITHOUT_VALUES, exported, ordered, own_rows

MOST_ROWS, MOST_BYTES = 2000, 2 << 20
"""Of one part, which an import writes in one transaction."""
Told = Callable[[str], None]
"""Hears how far it is."""


def check_organization(db: Connection, org_id: str) -> str:
    """Refuse what cannot be handed over; answers the organization's name."""
    row = db.execute(select(organization).where(organization.c.org_id == org_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no organization {org_id!r}. 'cogmill organizations list' shows all.")
    if row.purge_begun_at is not None:
        raise Conflict(f"Organization {org_id} ({row.name}) was deleted for good: its data is gone.")
    running = select(session.c.session_id).where(session.c.org_id == org_id, session.c.run_state != "idle")
    found = db.execute(running.limit(1)).scalar()
    if found is not None:
        raise Conflict(
            f"Sessions of {org_id} are running ({found}, say): they would go on in two places. Let them end or put "
            "them to sleep first; or delete the organization, export it, and restore it here if need be."
        )
    return str(row.name)


def write(
    db: Connection, data: Path, keyring: Keyring, path: Path, *, enterprise_id: str, org_id: str | None, told: Told
) -> dict[str, Any]:
    """Write what `db` sees to `path`, which appears when it is complete; answers manifest and end as one."""
    name = check_organization(db, org_id) if org_id is not None else None
    tables = exported(of_organization=org_id is not None)
    manifest = {
        "format": FORMAT, "version": VERSION, "cogmill": cogmill.__version__, "revision": HEAD,
        "scope": "instance" if org_id is None else "organization", "org_id": org_id, "name": name,
        "enterprise_id": enterprise_id, "exported_at": int(system_clock()), "database": db.dialect.name,
        "keys": keyring.fingerprint, "tables": [table.name for table in tables],
    }  # fmt: skip
    writer = Writer(path, manifest)
    try:
        for table in tables:
            for lines in _parts(db, table, org_id):
                writer.add_rows(table.name, lines)
                told(f"{table.name}: {writer.rows[table.name]} rows")
        for file_name, content, size in files(db, data, org_id):
            writer.add_file(file_name, content, size)
            told(f"{writer.files} files")
        return manifest | writer.finish()
    finally:
        writer.discard()


def _parts(db: Connection, table: Table, org_id: str | None) -> Iterator[list[bytes]]:
    query = select(table) if org_id is None else own_rows(table, org_id)
    found = db.execution_options(stream_results=True, yield_per=1000).execute(
        query.order_by(*ordered(table, db.dialect.name))
    )
    without: dict[str, Any] = {}
    if org_id is not None:
        without = WITHOUT_VALUES.get(table.name, {}) | OF_ORGANIZATIONS.get(table.name, {})
    lines: list[bytes] = []
    size = 0
    for line in encoded(({**row, **without} for row in found.mappings()), table):
        if lines and (len(lines) == MOST_ROWS or size + len(line) > MOST_BYTES):
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield lines
