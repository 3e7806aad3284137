"""How far an import has come: a row in the target database, written with the rows themselves. Gone when it is done."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, insert, select, update

from cogmill.migrations.upgrade import UNFINISHED, is_import_unfinished
from cogmill.models.metadata import Json

_STATE = Table(
    UNFINISHED,
    MetaData(),
    Column("identity", String, primary_key=True, comment="of the export"),
    Column("position", Integer, nullable=False, comment="parts that are written"),
    Column("detail", Json, nullable=False),
)
"""In no metadata and no migration: it comes and goes with the import."""


@dataclass(slots=True)
class State:
    """Where an import stands."""

    identity: str
    position: int
    detail: dict[str, Any]


def found(db: Connection) -> State | None:
    """The import that is unfinished here."""
    if not is_import_unfinished(db):
        return None
    row = db.execute(select(_STATE)).one()
    return State(row.identity, row.position, row.detail)


def begin(db: Connection, state: State) -> None:
    _STATE.create(db)
    db.execute(insert(_STATE).values(identity=state.identity, position=state.position, detail=state.detail))


def reach(db: Connection, position: int) -> None:
    """Note, in the transaction that writes them, that this many parts are written."""
    db.execute(update(_STATE).values(position=position))


def end(db: Connection) -> None:
    db.execute(delete(_STATE))
    _STATE.drop(db)
