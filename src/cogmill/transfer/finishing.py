"""The last transaction of an import: what follows from the rows is made, and the mark of the unfinished one goes."""

from typing import Any

from sqlalchemy import Connection, Table, bindparam, exists, func, insert, select, text, update

from cogmill.domain.knowledge.refill import refill
from cogmill.domain.metrics.spans import day_of
from cogmill.domain.schedules.blocks import recount
from cogmill.domain.usage.ledger import AMOUNTS
from cogmill.kit.ids import ordered_id
from cogmill.models import metadata
from cogmill.models.access import organization
from cogmill.models.environments import snapshot_build
from cogmill.models.metrics import metric_mark
from cogmill.models.repositories import code_search, index_job, indexed_branch
from cogmill.models.sessions import pull_request, session
from cogmill.models.usage import usage_day
from cogmill.transfer.archive import Archive, unpacked
from cogmill.transfer.mapping import Mapping
from cogmill.transfer.rows import decoded
from cogmill.transfer.tables import counter, exported, greatest, to_itself


def finish(db: Connection, archive: Archive, mapping: Mapping | None, now: float) -> None:
    """Everything but the audit record and the end of the state."""
    _refer_to_themselves(db, archive)
    _count_on(db)
    refill(db, mapping.bases["knowledge_note"] if mapping is not None else 0)
    org_id = mapping.org_id if mapping is not None else None
    _make_snapshots_anew(db, org_id, now)
    _make_indexes_anew(db, org_id)
    recount(db, org_id)
    if mapping is not None:
        _add_to_enterprise(db, mapping)
        _mark_days(db, mapping.org_id)


def bases(db: Connection) -> dict[str, int]:
    """The greatest numbers here, by table: behind them come those of an organization."""
    tables = [table for table in metadata.sorted_tables if counter(table) is not None]
    return {table.name: int(db.execute(greatest(table)).scalar_one()) for table in tables}


def _refer_to_themselves(db: Connection, archive: Archive) -> None:
    """Rows were written without what may have come later in the same table."""
    of_organization = archive.manifest["scope"] == "organization"
    tables = {one.name: one for one in exported(of_organization=of_organization) if to_itself(one)}
    for part, content in archive.parts():
        if part.table in tables:
            table = tables[part.table]
            for name in to_itself(table):
                rows = [row for row in decoded(unpacked(content), table) if row.get(name) is not None]
                _set(db, table, name, rows)


def _set(db: Connection, table: Table, name: str, rows: list[dict[str, Any]]) -> None:
    key = next(iter(table.primary_key))
    change = update(table).where(key == bindparam("this")).values({name: bindparam("value")})
    if rows:
        db.execute(change, [{"this": row[key.name], "value": row[name]} for row in rows])


def _count_on(db: Connection) -> None:
    """New rows get numbers behind those that were written; SQLite sees to it by itself."""
    if db.dialect.name != "postgresql":
        return
    behind = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")
    for name, last in bases(db).items():
        if last:
            db.execute(behind, {"name": f'"{name}"', "last": last})


def _make_snapshots_anew(db: Connection, org_id: str | None, now: float) -> None:
    """Their files did not come along; each organization that has one gets a build in its place."""
    columns, gone = snapshot_build.c, {"removed_at": now, "updated_at": now, "is_pinned": False}
    usable = (columns.status == "succeeded") & columns.removed_at.is_(None)
    if org_id is not None:
        usable &= columns.org_id == org_id
    lives = exists().where(organization.c.org_id == columns.org_id, organization.c.deleted_at.is_(None))
    for one in list(db.execute(select(columns.org_id).where(usable, lives).distinct()).scalars()):
        fresh = {"build_id": ordered_id("build"), "org_id": one, "status": "pending", "trigger": "auto", "attempt": 0}
        db.execute(insert(snapshot_build).values(**fresh, is_pinned=False, created_at=now, updated_at=now))
    db.execute(update(snapshot_build).where(usable).values(gone))


def _make_indexes_anew(db: Connection, org_id: str | None) -> None:
    """Branches that were indexed are indexed again, at the commit that was indexed last."""
    done = index_job.c.status.in_(("done", "running"))
    newest = index_job.c.job_id.in_(select(indexed_branch.c.latest_job).where(indexed_branch.c.latest_job.is_not(None)))
    again = update(index_job).where(done, newest)
    branches = update(indexed_branch)
    if org_id is not None:
        again = again.where(index_job.c.org_id == org_id)
        branches = branches.where(indexed_branch.c.org_id == org_id)
    db.execute(again.values(status="queued", finished_at=None))
    db.execute(branches.values(completed_job=None))


def _add_to_enterprise(db: Connection, mapping: Mapping) -> None:
    """What the organization used counts in the sums of its new enterprise, too."""
    columns = usage_day.c
    sums = [func.sum(columns[name]).label(name) for name in AMOUNTS]
    theirs = select(columns.day, columns.product, *sums).where(
        columns.scope == "org", columns.scope_id == mapping.org_id
    )
    for row in db.execute(theirs.group_by(columns.day, columns.product)).mappings().all():
        key = {"scope": "enterprise", "scope_id": mapping.enterprise_id, "org_id": ""}
        key |= {"day": row["day"], "product": row["product"]}
        here = [columns[name] == value for name, value in key.items()]
        more = update(usage_day).where(*here).values({name: columns[name] + int(row[name]) for name in AMOUNTS})
        if db.execute(more).rowcount == 0:
            db.execute(insert(usage_day).values(key | {name: int(row[name]) for name in AMOUNTS}))


def _mark_days(db: Connection, org_id: str) -> None:
    """Metrics of every day on which it did something are to be summed up anew."""
    days: set[int] = set()
    for table in (session, pull_request, code_search):
        mine = select(table.c.created_at).where(table.c.org_id == org_id).execution_options(yield_per=1000)
        days.update(day_of(moment) for moment in db.execute(mine).scalars())
    if days:
        db.execute(insert(metric_mark), [{"org_id": org_id, "day": day} for day in sorted(days)])
