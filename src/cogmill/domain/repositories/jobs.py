"""Jobs that index a branch, or fetch a repository first: claimed by one loop, written to by the latest claim only."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.kit.ids import ordered_id
from cogmill.models.repositories import index_job, indexed_branch, indexed_repository

INDEXING, FETCHING = "indexing", "fetching"
"""The loops that work on them."""
KEPT_JOBS = 20
"""Of one branch."""
NOT_KNOWN = ""
"""Branch and commit of a job that fetches."""
OPEN = ("queued", "running")
_COUNTS = {"files_total": 0, "files_done": 0, "files_parsed": 0, "files_skipped": 0}


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this process works on."""

    job_id: str
    attempt: int
    org_id: str
    repository_path: str
    branch_name: str
    commit: str


def queue(ctx: Context, repository_path: str, branch: Row[Any], commit: str) -> bool:
    """See to it that the branch gets indexed at this commit; False when it is, or is about to be."""
    latest = None
    if branch.latest_job is not None:
        query = owned(index_job, ctx.scope).where(index_job.c.job_id == branch.latest_job)
        latest = ctx.db.execute(query.with_for_update()).one_or_none()
    if latest is not None and latest.commit_hash == commit and latest.status != "failed":
        return False
    if latest is not None and latest.status == "queued":
        ctx.db.execute(update(index_job).where(index_job.c.job_id == latest.job_id).values(commit_hash=commit))
    else:
        _add(ctx, repository_path, branch.branch_name, commit)
    wake(ctx)
    return True


def queue_fetch(ctx: Context, repository_path: str, fetch_job: str | None) -> None:
    """See to it that the repository is fetched; not twice at once."""
    if fetch_job is not None:
        query = owned(index_job, ctx.scope, index_job.c.status).where(index_job.c.job_id == fetch_job)
        if ctx.db.execute(query.with_for_update()).scalar() in OPEN:
            return
    job_id, here = _insert(ctx, repository_path, NOT_KNOWN, NOT_KNOWN), indexed_repository.c
    mine = (here.org_id == ctx.scope.one_org, here.repository_path == repository_path)
    ctx.db.execute(update(indexed_repository).where(*mine).values(fetch_job=job_id))
    ctx.after_commit.append(lambda: ctx.runtime.signals.due(FETCHING))


def wake(ctx: Context) -> None:
    """Tell the loop, once this is committed."""
    ctx.after_commit.append(lambda: ctx.runtime.signals.due(INDEXING))


def _add(ctx: Context, repository_path: str, branch_name: str, commit: str) -> None:
    org_id, job_id = ctx.scope.one_org, _insert(ctx, repository_path, branch_name, commit)
    here = indexed_branch.c
    mine = (here.org_id == org_id, here.repository_path == repository_path, here.branch_name == branch_name)
    ctx.db.execute(update(indexed_branch).where(*mine).values(latest_job=job_id))


def _insert(ctx: Context, repository_path: str, branch_name: str, commit: str) -> str:
    org_id, job_id = ctx.scope.one_org, ordered_id("index-job")
    values = {
        "job_id": job_id, "org_id": org_id, "repository_path": repository_path, "branch_name": branch_name,
        "commit_hash": commit, "status": "queued", "attempt": 0, "created_at": ctx.now, **_COUNTS,
    }  # fmt: skip
    ctx.db.execute(insert(index_job).values(values))
    _forget_old(ctx, repository_path, branch_name)
    return job_id


def _forget_old(ctx: Context, repository_path: str, branch_name: str) -> None:
    """Keep the last few jobs of a branch and the one that made what is searched now."""
    columns = index_job.c
    ours = (columns.repository_path == repository_path, columns.branch_name == branch_name)
    query = owned(index_job, ctx.scope, columns.job_id).where(*ours).order_by(columns.job_id.desc())
    old = list(ctx.db.execute(query.offset(KEPT_JOBS).limit(100)).scalars())
    if old:
        completed = owned(indexed_branch, ctx.scope, indexed_branch.c.completed_job)
        kept = completed.where(indexed_branch.c.completed_job.is_not(None))
        ctx.db.execute(delete(index_job).where(columns.job_id.in_(old), columns.job_id.not_in(kept)))


def claim(ctx: Context, *, fetches: bool = False) -> Claim | None:
    """Take the oldest job of a kind that waits; two processes never take the same one."""
    columns = index_job.c
    query = select(index_job).where(columns.status == "queued", _kind(fetches)).order_by(columns.job_id).limit(1)
    row = ctx.db.execute(query.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    taken = (
        update(index_job)
        .where(columns.job_id == row.job_id, columns.status == "queued")
        .values(status="running", attempt=columns.attempt + 1, started_at=ctx.now, error=None)
    )
    ctx.db.execute(taken)
    return Claim(row.job_id, row.attempt + 1, row.org_id, row.repository_path, row.branch_name, row.commit_hash)


def _kind(fetches: bool) -> ColumnElement[bool]:
    branch = index_job.c.branch_name
    return branch == NOT_KNOWN if fetches else branch != NOT_KNOWN


def write(ctx: Context, claimed: Claim, **values: Any) -> bool:
    """Change a job under its claim; False when somebody else has it now, or it is gone."""
    columns = index_job.c
    mine = (columns.job_id == claimed.job_id, columns.attempt == claimed.attempt, columns.status == "running")
    return ctx.db.execute(update(index_job).where(*mine).values(**values)).rowcount == 1


def finish(ctx: Context, claimed: Claim, error: str | None) -> None:
    """The job is over; what it indexed is what searches see."""
    status = "failed" if error else "done"
    if write(ctx, claimed, status=status, finished_at=ctx.now, error=error) and not error:
        here = indexed_branch.c
        mine = (here.org_id == claimed.org_id, here.repository_path == claimed.repository_path)
        branch = update(indexed_branch).where(*mine, here.branch_name == claimed.branch_name)
        ctx.db.execute(branch.values(completed_job=claimed.job_id))


def release_all(ctx: Context, *, fetches: bool = False) -> None:
    """What an earlier process was cut in waits again. There is one server for a database."""
    ctx.db.execute(update(index_job).where(index_job.c.status == "running", _kind(fetches)).values(status="queued"))


def give_back(ctx: Context, claimed: Claim) -> None:
    """The server stops: another process goes on."""
    write(ctx, claimed, status="queued")
