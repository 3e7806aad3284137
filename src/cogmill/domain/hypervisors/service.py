"""What processes that run sessions say of themselves, and what follows from their silence."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, case, delete, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.domain.hypervisors.schemas import HypervisorOut, HypervisorsQuery
from cogmill.kit.errors import Conflict, NotFound
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.hypervisors import hypervisor

BEAT = 5.0
"""Seconds between two heartbeats."""
LATE = 20.0
"""Seconds without one after which a process counts as disconnected."""
FORGOTTEN = 30 * 86_400.0
"""Seconds without one after which its row goes when another process registers."""
_columns = hypervisor.c
_HEALTH: dict[str, Literal["healthy", "unhealthy", "unknown"]] = {
    "available": "healthy", "draining": "healthy", "disconnected": "unhealthy", "restarting": "unknown",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What a process says when it begins."""

    hypervisor_id: str
    instance_id: str | None
    capacity: int


def register(ctx: Context, place: Place) -> bool:
    """A process begins under its old identity or a new one; answers whether it is to take no sessions."""
    ctx.db.execute(
        delete(hypervisor).where(_columns.last_heartbeat < ctx.now - FORGOTTEN, _columns.drained_at.is_(None))
    )
    said: dict[str, Any] = {
        "instance_id": place.instance_id, "capacity": place.capacity, "running": 0, "state": "restarting",
        "last_heartbeat": ctx.now,
    }  # fmt: skip
    mine = _columns.hypervisor_id == place.hypervisor_id
    found = ctx.db.execute(update(hypervisor).where(mine).values(said).returning(_columns.drained_at)).one_or_none()
    if found is None:
        known = {"hypervisor_id": place.hypervisor_id, "created_at": ctx.now}
        ctx.db.execute(insert(hypervisor).values(said | known))
        return False
    return found.drained_at is not None


def beat(ctx: Context, hypervisor_id: str, running: int) -> bool | None:
    """A sign of life; answers whether to take no sessions, None when nobody knows this hypervisor."""
    said = {"state": "available", "running": running, "last_heartbeat": ctx.now}
    mine = update(hypervisor).where(_columns.hypervisor_id == hypervisor_id)
    found = ctx.db.execute(mine.values(said).returning(_columns.drained_at)).one_or_none()
    return None if found is None else found.drained_at is not None


def end(ctx: Context, hypervisor_id: str) -> None:
    """The process has ended its work."""
    said = {"state": "terminated", "running": 0, "last_heartbeat": ctx.now}
    ctx.db.execute(update(hypervisor).where(_columns.hypervisor_id == hypervisor_id).values(said))


def list_page(ctx: Context, query: HypervisorsQuery) -> Slice[HypervisorOut]:
    """Oldest first. They belong to the installation, so that no scope narrows the list."""
    found = described(ctx.now)
    if query.status != "all":
        found = found.where(_status(ctx.now) == query.status)
    return fetch_page(ctx.db, found, _columns.id, query.first, query.after).map(_present)


def health(ctx: Context) -> list[tuple[str, Literal["healthy", "unhealthy", "unknown"], int]]:
    """Of those whose processes have not ended: id, whether it is well, and the seconds since it was heard of."""
    there = described(ctx.now).where(_columns.state != "terminated").order_by(_columns.id)
    rows = ctx.db.execute(there).all()
    return [(row.hypervisor_id, _HEALTH[row.status], max(int(ctx.now - row.last_heartbeat), 0)) for row in rows]


def described(now: float) -> Select[Any]:
    """All of them, with their status."""
    return select(hypervisor, _status(now).label("status"))


def _status(now: float) -> ColumnElement[str]:
    return case(
        (_columns.state == "terminated", "terminated"),
        (_columns.last_heartbeat < now - LATE, "disconnected"),
        (_columns.drained_at.is_not(None), "draining"),
        else_=_columns.state,
    )


def utilization(row: Row[Any]) -> float:
    """Percent of the sessions that it can run at once; a process that is not there uses nothing."""
    is_there = row.status not in {"terminated", "disconnected"}
    return round(100 * row.running / row.capacity, 1) if is_there else 0.0


def _present(row: Row[Any]) -> HypervisorOut:
    return HypervisorOut.model_construct(
        cloud_provider_instance_id=row.instance_id, created_at=int(row.created_at), hypervisor_id=row.hypervisor_id,
        last_heartbeat=int(row.last_heartbeat), status=row.status, utilization_percentage=utilization(row),
    )  # fmt: skip


def find(db: Connection, hypervisor_id: str, now: float) -> Row[Any]:
    """One of them."""
    row = db.execute(described(now).where(_columns.hypervisor_id == hypervisor_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no hypervisor {hypervisor_id[:64]!r}. 'cogmill hypervisors list' shows them.")
    return row


def drain(db: Connection, hypervisor_id: str, now: float) -> None:
    """It is to take no more sessions, until told otherwise, over restarts."""
    if find(db, hypervisor_id, now).drained_at is not None:
        raise Conflict(f"{hypervisor_id} takes no sessions already.")
    db.execute(update(hypervisor).where(_columns.hypervisor_id == hypervisor_id).values(drained_at=now))


def undrain(db: Connection, hypervisor_id: str, now: float) -> None:
    """It may take sessions again."""
    if find(db, hypervisor_id, now).drained_at is None:
        raise Conflict(f"{hypervisor_id} was not drained.")
    db.execute(update(hypervisor).where(_columns.hypervisor_id == hypervisor_id).values(drained_at=None))
