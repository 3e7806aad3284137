"""Turning indexing on and off, and keeping indexes at the heads of their branches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.repositories import jobs, known
from cogmill.domain.repositories.jobs import Claim
from cogmill.domain.repositories.known import Known
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

    def look(ctx: Context) -> dict[str, Known]:
        if org_id is not None:
            enter(ctx, org_id)
        return known.find_all(ctx, paths)

    found = await call.read(look)
    fetched = {path: one.git_dir for path, one in found.items() if one.git_dir is not None}
    refs = {path: await _refs(path, git_dir) for path, git_dir in fetched.items()}  # git runs outside the transaction
    names = [found[path].repo_path for path in paths]

    def work(ctx: Context) -> list[RepositoryIndexingOut]:
        if org_id is not None:
            enter(ctx, org_id)
        _one_at_a_time(ctx)
        for path, branches in asked:
            if path in refs:
                _enable(ctx, found[path].repo_path, branches, refs[path])
            else:
                _enable_unfetched(ctx, found[path].repo_path, branches)
        ctx.audited |= {"repository_paths": names}
        return present(ctx, names)

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
    _turn_on(ctx, path, default_branch=refs.default_branch, fetch_job=None)
    _set_branches(ctx, path, wanted)
    queue_moved(ctx, path, refs)


def _enable_unfetched(ctx: Context, path: str, asked: Sequence[str]) -> None:
    """Which branches there are is known when a job has fetched the repository."""
    row = _indexed(ctx, path)
    if row is None:
        _turn_on(ctx, path)
    if asked:
        _set_branches(ctx, path, asked)
    jobs.queue_fetch(ctx, path, row.fetch_job if row is not None else None)


def fetched(ctx: Context, claimed: Claim, name: str, refs: MirrorRefs) -> None:
    """A job has fetched a repository, which has this name at the forge: index the branches that were asked for.

    BadRequest when it does not have one of them.
    """
    _one_at_a_time(ctx)
    path = claimed.repository_path
    row = _indexed(ctx, path)
    if row is None or row.fetch_job != claimed.job_id:
        return  # indexing was turned off, or asked for anew
    asked = list(_branches(ctx, path))
    if name != path:
        asked = _move(ctx, path, name, asked)
    _enable(ctx, name, asked, refs)


def _move(ctx: Context, path: str, name: str, asked: list[str]) -> list[str]:
    """What is known under the connection's path goes on under the name at the forge; answers which branches."""
    org_id, new = ctx.scope.one_org, {"repository_path": name}
    ctx.db.execute(
        update(index_job).where(index_job.c.org_id == org_id, index_job.c.repository_path == path).values(new)
    )
    if _indexed(ctx, name) is None:
        for table in (indexed_branch, indexed_repository):
            ctx.db.execute(update(table).where(table.c.org_id == org_id, table.c.repository_path == path).values(new))
        return asked
    for table in (indexed_branch, indexed_repository):  # it is indexed already, by its name here
        ctx.db.execute(delete(table).where(table.c.org_id == org_id, table.c.repository_path == path))
    return [*_branches(ctx, name), *asked] if asked else []


def _turn_on(ctx: Context, path: str, **values: Any) -> None:
    org_id = ctx.scope.one_org
    mine = (indexed_repository.c.org_id == org_id, indexed_repository.c.repository_path == path)
    if values and ctx.db.execute(update(indexed_repository).where(*mine).values(values)).rowcount:
        return
    values |= {"org_id": org_id, "repository_path": path, "created_at": ctx.now}
    ctx.db.execute(insert(indexed_repository).values(values | {"created_by": ctx.principal.principal_id}))


def _set_branches(ctx: Context, path: str, wanted: Sequence[str]) -> None:
    org_id, now = ctx.scope.one_org, _branches(ctx, path)
    for name in [one for one in dict.fromkeys(wanted) if one not in now]:
        ctx.db.execute(insert(indexed_branch).values(org_id=org_id, repository_path=path, branch_name=name))
    for name in [one for one in now if one not in wanted]:
        _remove_branch(ctx, path, name)


def disable(ctx: Context, paths: Sequence[str]) -> list[RepositoryIndexingOut]:
    """Turn indexing off and forget what was indexed. NotFound when one of the repositories is unknown."""
    _one_at_a_time(ctx)
    keys = {path: known_as(ctx, path) for path in paths}
    missing = [path for path, key in keys.items() if key is None]
    if missing:
        raise known.unknown(missing)
    names = list(dict.fromkeys(key for key in keys.values() if key is not None))
    for name in names:
        _remove(ctx, name)
    ctx.audited |= {"repository_paths": names}
    return present(ctx, names)


def disable_branch(ctx: Context, path: str, branch_name: str) -> RepositoryIndexingOut:
    """Take one branch out; the last one turns indexing off."""
    _one_at_a_time(ctx)
    path = key_of(ctx, path)
    now = _branches(ctx, path)
    if branch_name not in now:
        raise NotFound(f"Branch {branch_name[:200]!r} of repository {path[:200]!r} is not indexed.")
    if len(now) == 1:
        _remove(ctx, path)
    else:
        _remove_branch(ctx, path, branch_name)
    return present(ctx, [path])[0]


def key_of(ctx: Context, path: str) -> str:
    """The name under which a repository is indexed, or would be; NotFound when there is none of this name or path."""
    found = known_as(ctx, path)
    if found is None:
        raise known.unknown([path])
    return found


def known_as(ctx: Context, path: str) -> str | None:
    """The same; None when there is none."""
    if _indexed(ctx, path) is not None:
        return path  # also when the permission for it has ended
    found = known.find(ctx, path)
    return None if found is None else found.repo_path


def _indexed(ctx: Context, path: str) -> Row[Any] | None:
    query = owned(indexed_repository, ctx.scope).where(indexed_repository.c.repository_path == path)
    return ctx.db.execute(query).one_or_none()


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
