"""How repositories and their jobs are shown."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.repositories.schemas import IndexingStatusOut, IndexJobOut, RepositoryIndexingOut
from cogmill.models.repositories import index_job, indexed_branch

_STATUS = {"queued": "in_progress", "running": "in_progress", "done": "completed", "failed": "failed"}


def present(ctx: Context, paths: Sequence[str]) -> list[RepositoryIndexingOut]:
    """Repositories as the indexing operations answer, in this order; those that are not indexed, too."""
    branches = _branches(ctx, paths)
    status = statuses(ctx, paths, branches)
    return [
        RepositoryIndexingOut(
            branches=[one.branch_name for one in branches.get(path, [])], indexing_enabled=path in branches,
            repository_path=path, indexing_status=status[path],
        )
        for path in paths
    ]  # fmt: skip


def statuses(
    ctx: Context, paths: Sequence[str], branches: dict[str, list[Row[Any]]] | None = None
) -> dict[str, IndexingStatusOut]:
    """The state of each repository's index: two queries, however many there are."""
    branches = _branches(ctx, paths) if branches is None else branches
    ids = {one for rows in branches.values() for row in rows for one in (row.latest_job, row.completed_job)}
    query = owned(index_job, ctx.scope).where(index_job.c.job_id.in_([one for one in ids if one is not None]))
    shown = {row.job_id: _job(row) for row in ctx.db.execute(query)}
    return {path: _status(branches.get(path, []), shown) for path in paths}


def _branches(ctx: Context, paths: Sequence[str]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    query = owned(indexed_branch, ctx.scope).where(indexed_branch.c.repository_path.in_(paths))
    for row in ctx.db.execute(query.order_by(indexed_branch.c.branch_name)):
        found.setdefault(row.repository_path, []).append(row)
    return found


def _status(branches: list[Row[Any]], shown: dict[str, IndexJobOut]) -> IndexingStatusOut:
    latest = [shown[row.latest_job] for row in branches if row.latest_job in shown]
    completed = [shown[row.completed_job] for row in branches if row.completed_job in shown]
    return IndexingStatusOut(
        indexing_enabled=bool(branches),
        latest_completed_search_index_job=max(completed, key=lambda one: one.job_id, default=None),
        latest_completed_wiki_index_job=None,
        latest_indexes=sorted(latest, key=lambda one: one.job_id, reverse=True),
    )


def _job(row: Row[Any]) -> IndexJobOut:
    return IndexJobOut(
        branch_name=row.branch_name, commit=row.commit_hash, created_at=int(row.created_at), job_id=row.job_id,
        status=_STATUS[row.status],
    )  # fmt: skip
