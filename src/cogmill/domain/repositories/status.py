"""How repositories and their jobs are shown."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.repositories.schemas import IndexingStatusOut, IndexJobOut, RepositoryIndexingOut
from cogmill.models.repositories import index_job, indexed_branch, indexed_repository

_STATUS = {"queued": "in_progress", "running": "in_progress", "done": "completed", "failed": "failed"}


def present(ctx: Context, paths: Sequence[str]) -> list[RepositoryIndexingOut]:
    """Repositories as the indexing operations answer, in this order; those that are not indexed, too."""
    branches = _branches(ctx, paths)
    status = _statuses(ctx, paths, branches)
    return [
        RepositoryIndexingOut(
            branches=[one.branch_name for one in branches.get(path, [])], repository_path=path,
            indexing_enabled=status[path].indexing_enabled, indexing_status=status[path],
        )
        for path in paths
    ]  # fmt: skip


def statuses(ctx: Context, paths: Sequence[str]) -> dict[str, IndexingStatusOut]:
    """The state of each repository's index: three queries, however many there are."""
    return _statuses(ctx, paths, _branches(ctx, paths))


def _statuses(ctx: Context, paths: Sequence[str], branches: dict[str, list[Row[Any]]]) -> dict[str, IndexingStatusOut]:
    columns = indexed_repository.c
    query = owned(indexed_repository, ctx.scope, columns.repository_path, columns.fetch_job)
    fetches = {
        row.repository_path: row.fetch_job for row in ctx.db.execute(query.where(columns.repository_path.in_(paths)))
    }
    ids = {one for rows in branches.values() for row in rows for one in (row.latest_job, row.completed_job)}
    wanted = [one for one in {*ids, *fetches.values()} if one is not None]
    shown = {
        row.job_id: _job(row)
        for row in ctx.db.execute(owned(index_job, ctx.scope).where(index_job.c.job_id.in_(wanted)))
    }
    return {path: _status(path in fetches, fetches.get(path), branches.get(path, []), shown) for path in paths}


def _branches(ctx: Context, paths: Sequence[str]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    query = owned(indexed_branch, ctx.scope).where(indexed_branch.c.repository_path.in_(paths))
    for row in ctx.db.execute(query.order_by(indexed_branch.c.branch_name)):
        found.setdefault(row.repository_path, []).append(row)
    return found


def _status(
    is_enabled: bool, fetch_job: str | None, branches: list[Row[Any]], shown: dict[str, IndexJobOut]
) -> IndexingStatusOut:
    latest = [shown[one] for one in (fetch_job, *(row.latest_job for row in branches)) if one in shown]
    completed = [shown[row.completed_job] for row in branches if row.completed_job in shown]
    return IndexingStatusOut(
        indexing_enabled=is_enabled,
        latest_completed_search_index_job=max(completed, key=lambda one: one.job_id, default=None),
        latest_completed_wiki_index_job=None,
        latest_indexes=sorted(latest, key=lambda one: one.job_id, reverse=True),
    )


def _job(row: Row[Any]) -> IndexJobOut:
    return IndexJobOut(
        branch_name=row.branch_name or None, commit=row.commit_hash, created_at=int(row.created_at), job_id=row.job_id,
        status=_STATUS[row.status],
    )  # fmt: skip
