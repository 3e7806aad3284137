"""Bringing a database to this version's schema, and back."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

HEAD = "0037"
"""The newest revision; a test compares it with the files."""

UNFINISHED = "unfinished_import"
"""A table that is there while an import has not come to its end (`cogmill.transfer`)."""


class NewerDatabase(Exception):
    """The database was migrated by a newer Cogmill than this one."""


def current(db: Connection) -> str | None:
    """The revision that the database is at, None when it is empty."""
    if not inspect(db).has_table("alembic_version"):
        return None
    return db.execute(text("SELECT version_num FROM alembic_version")).scalar()


def is_import_unfinished(db: Connection) -> bool:
    """Whether rows are missing here that an import has still to write: nothing else may use the database."""
    return inspect(db).has_table(UNFINISHED)


def upgrade(engine: Engine, revision: str = HEAD) -> str | None:
    """Migrate up to `revision`; answers where the database stood before. Alembic is loaded only when needed."""
    with engine.begin() as db:
        before = current(db)
        if before == revision:
            return before
        if before is not None and before > revision:
            raise NewerDatabase(
                f"The database is at revision {before}, newer than this Cogmill ({revision}): install the newer one."
            )
        _run(db, "upgrade", revision)
    return before


def downgrade(engine: Engine, revision: str) -> None:
    """Undo migrations down to `revision` ("base" empties the database)."""
    with engine.begin() as db:
        _run(db, "downgrade", revision)


def _run(db: Connection, direction: str, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = db
    getattr(command, direction)(config, revision)
