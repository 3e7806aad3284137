"""Removes stored answers to repeated requests once nobody may ask for them any more."""

from sqlalchemy import delete, select

from cogmill.access.context import Context
from cogmill.models.audit import idempotent_request
from cogmill.web.call import Call

EVERY_SECONDS = 900.0
_AT_ONCE = 200


async def run_once(call: Call, keep_seconds: float) -> int:
    """Remove what is older; answers how many. Small transactions, so that requests are not held up."""
    limit, removed = call.runtime.clock() - keep_seconds, 0
    columns = idempotent_request.c

    def work(ctx: Context) -> int:
        old = select(columns.principal_id, columns.key).where(columns.created_at <= limit).limit(_AT_ONCE)
        rows = ctx.db.execute(old).all()
        for row in rows:
            mine = (columns.principal_id == row.principal_id) & (columns.key == row.key)
            ctx.db.execute(delete(idempotent_request).where(mine, columns.created_at <= limit))
        return len(rows)

    while (count := await call.write(work)) > 0:
        removed += count
    return removed
