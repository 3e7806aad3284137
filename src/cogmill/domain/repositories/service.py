"""Listing repositories, indexed ones, and jobs."""

from pathlib import PurePosixPath
from typing import Any

from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.code_index import searching
from cogmill.code_index.languages import GRAMMARS
from cogmill.code_index.running import index_folder
from cogmill.domain.repositories import indexing, known
from cogmill.domain.repositories.schemas import (
    IndexingStatusOut,
    IndexJobDetailsOut,
    IndexJobQuery,
    RepositoryIndexingOut,
    RepositoryOut,
    RepositoryQuery,
)
from cogmill.domain.repositories.status import present, statuses
from cogmill.kit.paging import Slice, decode_text_cursor, encode_cursor, fetch_page
from cogmill.models.repositories import index_job, indexed_repository
from cogmill.web.params import PageQuery


def list_page(ctx: Context, query: RepositoryQuery) -> Slice[RepositoryOut]:
    """The organization's repositories by path."""
    after = decode_text_cursor(query.after) if query.after is not None else ""
    found = [one for one in known.repositories_of(ctx) if one.repo_path > after and _fits(one.repo_path, query)]
    shown = found[: query.first]
    cursor = encode_cursor(shown[-1].repo_path) if len(found) > query.first else None
    paths = [one.repo_path for one in shown]
    state = statuses(ctx, paths) if query.load_indexing_status else {}
    return Slice([_present(ctx, one, state.get(one.repo_path)) for one in shown], cursor)


def _fits(path: str, query: RepositoryQuery) -> bool:
    if query.only_repo_paths is not None and path not in query.only_repo_paths:
        return False
    if query.exclude_repo_paths is not None and path in query.exclude_repo_paths:
        return False
    return query.filter_name is None or query.filter_name.lower() in path.lower()


def _present(ctx: Context, one: known.Known, status: IndexingStatusOut | None) -> RepositoryOut:
    return RepositoryOut(
        git_connection_host=one.connection_host, git_connection_id=one.connection_id, indexing_status=status,
        last_updated_at=one.updated_at, provider_repository_id=one.provider_path or one.repo_path,
        repo_description=None, repo_language=_language(ctx, one, status),
        repo_name=PurePosixPath(one.repo_path).name, repo_path=one.repo_path,
    )  # fmt: skip


def _language(ctx: Context, one: known.Known, status: IndexingStatusOut | None) -> str | None:
    """The most frequent programming language, which only an index knows."""
    done = status.latest_completed_search_index_job if status is not None else None
    if done is None or done.branch_name is None:
        return None
    folder = index_folder(ctx.runtime.settings.data, ctx.scope.one_org, one.repo_path)
    found = searching.languages(folder, done.branch_name)
    return next((name for name, _ in found if name in GRAMMARS), None)


def list_indexed(ctx: Context, query: PageQuery) -> Slice[RepositoryIndexingOut]:
    """Repositories with indexing turned on, by path."""
    path = indexed_repository.c.repository_path
    part = fetch_page(ctx.db, owned(indexed_repository, ctx.scope, path), path, query.first, query.after)
    return Slice(present(ctx, [row.repository_path for row in part.items]), part.end_cursor)


def status(ctx: Context, repository_path: str) -> IndexingStatusOut:
    """The state of one repository's index."""
    path = indexing.key_of(ctx, repository_path)
    return statuses(ctx, [path])[path]


def list_jobs(ctx: Context, query: IndexJobQuery) -> Slice[IndexJobDetailsOut]:
    """Jobs, newest first."""
    jobs = owned(index_job, ctx.scope)
    if query.repository_path is not None:
        path = indexing.known_as(ctx, query.repository_path) or query.repository_path
        jobs = jobs.where(index_job.c.repository_path == path)
    part = fetch_page(ctx.db, jobs, index_job.c.job_id, query.first, query.after, descending=True)
    return part.map(_details)


def _details(row: Row[Any]) -> IndexJobDetailsOut:
    times = {name: _seconds(getattr(row, name)) for name in ("created_at", "started_at", "finished_at")}
    counts = {name: getattr(row, name) for name in ("files_total", "files_done", "files_parsed", "files_skipped")}
    same = {name: getattr(row, name) for name in ("job_id", "repository_path", "status", "error")}
    what = {"branch_name": row.branch_name or None, "commit": row.commit_hash or None}
    return IndexJobDetailsOut(attempts=row.attempt, **what, **same, **times, **counts)


def _seconds(moment: float | None) -> int | None:
    return None if moment is None else int(moment)
