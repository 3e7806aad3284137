"""Marking days whose sums are out of date, in the transaction of what changed them: one small insert, never a lock."""

from typing import Any

from sqlalchemy import insert, literal, union

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.domain.metrics.spans import day_of
from cogmill.kit.hot_insert import HotInsert
from cogmill.models.metrics import metric_mark, metric_sum, metric_user

INSERT = HotInsert(metric_mark, returning="id")


def mark(ctx: Context, org_id: str, *moments: float) -> None:
    """Sessions, pull requests or searches of these times are new or have changed."""
    for day in sorted({day_of(one) for one in moments}):
        INSERT(ctx.db, [{"org_id": org_id, "day": day}])


def mark_all(db: Any, enterprise_id: str, org_id: str) -> None:
    """Every day of the organization that has sums: it was deleted, or is there again."""
    scope = Scope(enterprise_id, org_id)
    days = union(
        *(
            owned(table, scope).with_only_columns(table.c.org_id, table.c.start).where(table.c.span == literal("d"))
            for table in (metric_sum, metric_user)
        )
    )
    db.execute(insert(metric_mark).from_select(["org_id", "day"], days))
