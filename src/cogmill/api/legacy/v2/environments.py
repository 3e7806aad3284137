"""Snapshots, and repositories with their indexes, of v2."""

from cogmill.access.context import Context
from cogmill.api.legacy.reading import everything, iso, told_as
from cogmill.api.legacy.v2.environment_schemas import (
    ClonedV2Out,
    CloneV2In,
    IndexedV2Out,
    IndexJobV2Out,
    IndexV2In,
    ScriptV2Out,
    SnapshotOrgV2Out,
    SnapshotV2Out,
)
from cogmill.api.legacy.v2.pages import DONE
from cogmill.api.legacy.v2.schemas import SuccessOut
from cogmill.domain.blueprints import commands
from cogmill.domain.organizations import service as organizations
from cogmill.domain.repositories import indexing
from cogmill.domain.repositories import service as repositories
from cogmill.domain.repositories.schemas import IndexJobOut, RepositoryOut, RepositoryQuery
from cogmill.domain.snapshot_builds import service as builds
from cogmill.domain.snapshot_builds.schemas import BuildOut
from cogmill.web.call import Call


def get_snapshot(ctx: Context, snapshot_id: str) -> SnapshotV2Out:
    """A snapshot build, by its id."""
    row = builds.find(ctx, snapshot_id)
    ctx.narrow(row.org_id)
    org, one = organizations.present(organizations.find(ctx)), builds.present(row)
    return SnapshotV2Out(
        snapshot_id=one.build_id, snapshot_name=one.build_id, description=None, status=one.status,
        is_default=builds.is_active(ctx, row), created_at=iso(one.created_at), pending_scripts=_pending(one),
        org=SnapshotOrgV2Out(org_id=org.org_id, display_name=org.name, created_at=iso(org.created_at)),
    )  # fmt: skip


def _pending(one: BuildOut) -> list[ScriptV2Out]:
    if one.status not in builds.OPEN:
        return []
    return [ScriptV2Out(script_id=one.build_id, script_name="build", status=one.status, created_at=iso(one.created_at))]


def clone(ctx: Context, body: CloneV2In) -> ClonedV2Out:
    """Commands become the repository's blueprint (none: it stays as it is); a new snapshot build waits for its turn."""
    run = [("pull", body.pull_repo_commands), ("dependencies", body.update_dependencies_commands)]
    notes = [
        ("lint", body.run_lint_commands), ("test", body.run_tests_commands), ("run", body.run_project_commands),
        ("notes", [body.repo_note] if body.repo_note else None),
    ]  # fmt: skip
    with told_as({"repo_name": "repo_path"}):
        commands.keep(ctx, body.repo_path, run, notes)
    row = builds.trigger(ctx)
    return ClonedV2Out(
        snapshot_id=row.build_id, org_id=row.org_id, status=row.status, created_at=iso(row.created_at), ami_id=None
    )


async def bulk_index(call: Call, body: IndexV2In) -> SuccessOut:
    """All, or none if one cannot be."""
    await indexing.enable(call, [(name, []) for name in body.repo_names], org_id=body.org_id)
    return DONE


def list_indexed(ctx: Context) -> list[IndexedV2Out]:
    """All repositories of the organization, by path."""
    query = RepositoryQuery(load_indexing_status=True)
    found = everything(
        lambda after, first: repositories.list_page(ctx, query.model_copy(update={"after": after, "first": first}))
    )
    return [_indexed(one) for one in found]


def _indexed(one: RepositoryOut) -> IndexedV2Out:
    state = one.indexing_status
    return IndexedV2Out(
        name=one.repo_path, indexing_enabled=state is not None and state.indexing_enabled,
        latest_index=_job(state.latest_indexes[0]) if state and state.latest_indexes else None,
        latest_completed_search_index_job=_job(state.latest_completed_search_index_job) if state else None,
        latest_completed_wiki_index_job=None,
    )  # fmt: skip


def _job(one: IndexJobOut | None) -> IndexJobV2Out | None:
    if one is None:
        return None
    return IndexJobV2Out(job_id=one.job_id, commit=one.commit, status=one.status, created_at=iso(one.created_at))
