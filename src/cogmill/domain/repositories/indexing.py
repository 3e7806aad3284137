"""Turning indexing on and off, and keeping indexes at the heads of their branches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.repositories import jobs, known
from cogmill.domain.repositories.schemas import RepositoryIndexingOut
from cogmill.domain.repositories.status import present
from cogmill.kit.errors import BadRequest, NotFound
from cogmill.models.access import organization
from cogmill.models.repositories import index_job, indexed_branch, indexed_repository
from cogmill.scm.git import GitError
from cogmill.scm.mirrors import MirrorRefs, read_refs
from cogmill.web.call import Call, enter

Asked = tuple[str, Sequence[str]]
"""A repository and the branches that the caller names."""


async def enable(call: Call, asked: Sequence[Asked], *, org_id: str | None = None) -> list[RepositoryIndexingOut]:
    """Index repositories; all of them, or none if one cannot be. `org_id`: theirs, if it is not the scope's."""
    paths = list(dict.fromkeys(path for path, _ in asked))

    def look(ctx: Context) -> list[tuple[str, Path]]:
        if org_id is not None:
            enter(ctx, org_id)
        return known.find_all(ctx, paths)

    found = await call.read(look)
    refs = {path: await _refs(path, git_dir) for path, git_dir in found}  # git runs outside the transaction

    def work(ctx: Context) -> list[RepositoryIndexingOut]:
        if org_id is not None:
            enter(ctx, org_id)
        _one_at_a_time(ctx)
        for path, branches in asked:
            _enable(ctx, path, branches, refs[path])
        ctx.audited |= {"repository_paths": paths}
        return present(ctx, paths)

    return await call.write(work)


async def _refs(path: str, git_dir: Path) -> MirrorRefs:
    try:
        return await read_refs(git_dir)
    except GitError as error:
        raise BadRequest(f"The repository {path!r} cannot be read: {error}") from None


def _enable(ctx: Context, path: str, asked: Sequence[str], refs: MirrorRefs) -> None:
    now = _branches(ctx, path)
    wanted = list(dict.fromkeys(asked)) or list(now) or [refs.base()[0]]
    for name in wanted:
        if name not in refs.branches and (asked or name not in now):
            some = ", ".join(sorted(refs.branches)[:10]) or "no branch yet"
            raise BadRequest(f"branch_names: {name[:200]!r} is no branch of {path!r}, which has {some}.")
    org_id = ctx.scope.one_org
    mine = (indexed_repository.c.org_id == org_id, indexed_repository.c.repository_path == path)
    if ctx.db.execute(update(indexed_repository).where(*mine).values(default_branch=refs.default_branch)).rowcount == 0:
        by = {"created_at": ctx.now, "created_by": ctx.principal.principal_id}
        new = insert(indexed_repository).values(org_id=org_id, repository_path=path, default_branch=refs.default_branch)
        ctx.db.execute(new.values(by))
    for name in [one for one in wanted if one not in now]:
        ctx.db.execute(insert(indexed_branch).values(org_id=org_id, repository_path=path, branch_name=name))
    for name in [one for one in now if one not in wanted]:
        _remove_branch(ctx, path, name)
    queue_moved(ctx, path, refs)


def disable(ctx: Context, paths: Sequence[str]) -> list[RepositoryIndexingOut]:
    """Turn indexing off and forget what was indexed. NotFound when one of the repositories is unknown."""
    _one_at_a_time(ctx)
    missing = [path for path in paths if not _branches(ctx, path) and known.find(ctx, path) is None]
    if missing:
        raise known.unknown(missing)
    for path in dict.fromkeys(paths):
        _remove(ctx, path)
    ctx.audited |= {"repository_paths": list(paths)}
    return present(ctx, list(dict.fromkeys(paths)))


def disable_branch(ctx: Context, path: str, branch_name: str) -> RepositoryIndexingOut:
    """Take one branch out; the last one turns indexing off."""
    _one_at_a_time(ctx)
    now = _branches(ctx, path)
    if not now and known.find(ctx, path) is None:
        raise known.unknown([path])
    if branch_name not in now:
        raise NotFound(f"Branch {branch_name[:200]!r} of repository {path[:200]!r} is not indexed.")
    if len(now) == 1:
        _remove(ctx, path)
    else:
        _remove_branch(ctx, path, branch_name)
    return present(ctx, [path])[0]


async def follow(call: Call, org_path: str) -> None:
    """A repository may have moved: index what is new of its indexed branches. For the engine, which has no caller."""
    if not await call.read(lambda ctx: _branches(ctx, org_path)):
        return
    found = await call.read(lambda ctx: known.find(ctx, org_path))
    if found is None or found.git_dir is None:
        return
    refs = await read_refs(found.git_dir)

    def work(ctx: Context) -> None:
        _one_at_a_time(ctx)
        queue_moved(ctx, org_path, refs)

    await call.write(work)


def queue_moved(ctx: Context, path: str, refs: MirrorRefs) -> None:
    """Queue a job for every indexed branch whose head is not what was indexed last."""
    for name, branch in _branches(ctx, path).items():
        if name in refs.branches:
            jobs.queue(ctx, path, branch, refs.branches[name])


def _one_at_a_time(ctx: Context) -> None:
    """Two changes of an organization's indexing wait for each other."""
    ctx.db.execute(owned(organization, ctx.scope, organization.c.org_id).with_for_update(key_share=True))


def _branches(ctx: Context, path: str) -> dict[str, Row[Any]]:
    query = owned(indexed_branch, ctx.scope).where(indexed_branch.c.repository_path == path)
    return {row.branch_name: row for row in ctx.db.execute(query.order_by(indexed_branch.c.branch_name))}


def _remove(ctx: Context, path: str) -> None:
    org_id = ctx.scope.one_org
    for table in (index_job, indexed_branch, indexed_repository):
        ctx.db.execute(delete(table).where(table.c.org_id == org_id, table.c.repository_path == path))
    jobs.wake(ctx)  # the files go right away


def _remove_branch(ctx: Context, path: str, name: str) -> None:
    org_id = ctx.scope.one_org
    for table in (index_job, indexed_branch):
        mine = (table.c.org_id == org_id, table.c.repository_path == path, table.c.branch_name == name)
        ctx.db.execute(delete(table).where(*mine))
    jobs.wake(ctx)
