"""Reading an export into a database and a data folder, part by part; cut anywhere, it goes on where it was."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, Table, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from cogmill.domain.audit_logs.chain import link
from cogmill.kit.crypto import Keyring
from cogmill.kit.faults import crash_point
from cogmill.migrations.upgrade import HEAD
from cogmill.models import metadata
from cogmill.models.audit import audit_log
from cogmill.models.content import attachment
from cogmill.models.environments import snapshot_build
from cogmill.preconditions import Unusable
from cogmill.transfer import unfinished
from cogmill.transfer.archive import Archive, Damaged, Part, Window, unpacked
from cogmill.transfer.files import is_placeable, place
from cogmill.transfer.mapping import Mapping, Row, is_plain_id
from cogmill.transfer.rows import decoded
from cogmill.transfer.tables import TO_SET, UNDER_KEYS, WITHOUT_VALUES, exported, to_itself

Told = Callable[[str], None]
FILES_AT_ONCE, BYTES_AT_ONCE = 100, 64 << 20
"""Written between two notes of how far it is; one that is written twice is the same file."""


def checked(archive: Archive, told: Told) -> None:
    """Read all of the file and compare it with what it says of itself, before anything is written."""
    manifest = archive.manifest
    if str(manifest.get("revision")) > HEAD:
        raise Damaged(
            f"it was written by a newer Cogmill ({manifest.get('cogmill')}, revision {manifest.get('revision')}; this "
            f"one has {HEAD}): install that one first"
        )
    if manifest["scope"] == "organization" and not is_plain_id(str(manifest["org_id"])):
        raise Damaged(f"{str(manifest['org_id'])[:200]!r} is no id of an organization")
    known = {table.name for table in exported(of_organization=manifest.get("scope") == "organization")}
    for part, done in archive.check():
        if part.table is not None and part.table not in known:
            raise Damaged(f"it has rows of {part.table!r}, which do not belong in it")
        if part.table is None and not is_placeable(part.name.removeprefix("files/"), manifest.get("org_id")):
            raise Damaged(f"it has a file {part.name[:200]!r}, which does not belong in it")
        told(f"checked {done >> 20} MB")


@dataclass(slots=True)
class Import:
    """One import on its way."""

    archive: Archive
    engine: Engine
    keyring: Keyring
    data: Path
    told: Told
    mapping: Mapping | None = None
    """Of an organization; an instance stays as it is."""
    with_values: bool = True
    """Whether the keys are those of the export."""
    tables: dict[str, Table] = field(default_factory=dict)
    _heads: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Write all parts that are not written yet."""
        with self.engine.begin() as db:
            state = unfinished.found(db)
            assert state is not None  # noqa: S101 - begun by the caller
            self._find_tables(db)
        position = written = state.position
        size = 0
        for part, content in self.archive.parts(skip=position):
            position += 1
            if part.table is not None:
                with self.engine.begin() as db:
                    self._write(db, part, content)
                    unfinished.reach(db, position)
                written = position
            else:
                self._place(part, content)
                size += part.size
                if position - written >= FILES_AT_ONCE or size >= BYTES_AT_ONCE:
                    written, size = self._reach(position), 0
            self.told(f"{position} parts written")
            crash_point("part_imported")
        if written != position:
            self._reach(position)

    def _reach(self, position: int) -> int:
        with self.engine.begin() as db:
            unfinished.reach(db, position)
        return position

    def _find_tables(self, db: Connection) -> None:
        """This version's tables; for rows of an older one those that are there, whose documents we know."""
        if self.archive.manifest["revision"] == HEAD:
            self.tables = dict(metadata.tables)
            return
        there = MetaData()
        there.reflect(db)
        for name, table in there.tables.items():
            ours = metadata.tables.get(name)
            for column in table.c:
                if ours is not None and column.name in ours.c:
                    column.type = ours.c[column.name].type
        self.tables = dict(there.tables)

    def _write(self, db: Connection, part: Part, content: Window) -> None:
        table = self.tables.get(str(part.table))
        if table is None:
            raise Damaged(f"it has rows of {part.table!r}, which revision {self.archive.manifest['revision']} has not")
        if not self.with_values and table.name in UNDER_KEYS:
            return
        try:
            rows = list(self._adjusted(db, decoded(unpacked(content), table), table))
            if rows:
                db.execute(insert(table), rows)
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{part.name!r} cannot be read ({error})") from None
        except (IntegrityError, DataError) as error:
            said = " ".join(str(error.orig).split())
            raise Unusable(f"Rows of {table.name} do not fit in here: {said}") from None

    def _adjusted(self, db: Connection, rows: list[Row], table: Table) -> Iterator[Row]:
        for row in rows:
            if self.mapping is not None:
                mapped = self.mapping.row(row, table)
                if mapped is None:
                    continue
                row = mapped
            if not self.with_values:
                self._without_values(db, row, table)
            yield row | dict.fromkeys(to_itself(table))

    def _without_values(self, db: Connection, row: Row, table: Table) -> None:
        row |= WITHOUT_VALUES.get(table.name, {})
        if table.name == "secret":
            row["note"] = TO_SET + (row["note"] or "")
        elif table.name == "audit_log":
            enterprise_id = row["enterprise_id"]
            if enterprise_id not in self._heads:
                mine = select(audit_log.c.chain).where(audit_log.c.enterprise_id == enterprise_id)
                self._heads[enterprise_id] = db.execute(mine.order_by(audit_log.c.id.desc()).limit(1)).scalar() or ""
            row["chain"] = self._heads[enterprise_id] = link(self.keyring, self._heads[enterprise_id], row)

    def _place(self, part: Part, content: Window) -> None:
        name = part.name.removeprefix("files/")
        if not is_placeable(name, self.mapping.org_id if self.mapping else None) or not self._is_its_own(name):
            raise Damaged(f"its file {name[:200]!r} belongs to somebody else")
        place(self.data, name, content)

    def _is_its_own(self, name: str) -> bool:
        """Whether a file that a row names, is named by a row that came with it."""
        kind, _, rest = name.partition("/")
        if self.mapping is None or kind == "forge":
            return True
        if kind == "attachments":
            found = select(attachment.c.org_id).where(attachment.c.attachment_id == rest.partition("/")[2])
        else:
            found = select(snapshot_build.c.org_id).where(snapshot_build.c.build_id == rest.removesuffix(".log"))
        with self.engine.begin() as db:
            return db.execute(found).scalar() == self.mapping.org_id
