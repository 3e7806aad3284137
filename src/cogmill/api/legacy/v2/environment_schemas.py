"""What goes in and out of snapshots and repositories of v2; names and meanings are the contract's."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from cogmill.domain.repositories.schemas import MOST_AT_ONCE, RepositoryPath
from cogmill.web.params import Body, Out

Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Commands = Annotated[list[Annotated[str, StringConstraints(max_length=16_384)]], Field(max_length=50)]


class SnapshotOrgV2Out(Out):
    org_id: str
    display_name: str
    created_at: datetime


class ScriptV2Out(Out):
    script_id: str
    script_name: str
    status: str
    created_at: datetime


class SnapshotV2Out(Out):
    """A snapshot build."""

    snapshot_id: str
    snapshot_name: str
    description: str | None
    status: str
    is_default: bool = Field(description="new sessions of the organization start from it")
    created_at: datetime
    org: SnapshotOrgV2Out
    pending_scripts: list[ScriptV2Out] | None = Field(description="the build itself, until it has ended")


class CloneV2In(Body):
    """Commands become the repository's blueprint, those that run with every build and those that are notes alike."""

    repo_path: Annotated[str, StringConstraints(min_length=1, max_length=2083)]
    pull_repo_commands: Commands | None = None
    update_dependencies_commands: Commands | None = None
    run_lint_commands: Commands | None = None
    run_tests_commands: Commands | None = None
    run_project_commands: Commands | None = None
    repo_note: Annotated[str, StringConstraints(max_length=65_536)] | None = None


class ClonedV2Out(Out):
    snapshot_id: str
    org_id: str
    status: str
    created_at: datetime
    ami_id: str | None = Field(description="always null")


class IndexV2In(Body):
    org_id: Id
    repo_names: Annotated[list[RepositoryPath], Field(max_length=MOST_AT_ONCE)]


class IndexJobV2Out(Out):
    job_id: str
    commit: str
    status: str
    created_at: datetime


class IndexedV2Out(Out):
    name: str
    indexing_enabled: bool
    latest_index: IndexJobV2Out | None
    latest_completed_search_index_job: IndexJobV2Out | None
    latest_completed_wiki_index_job: IndexJobV2Out | None = Field(description="always null: there is no wiki")
