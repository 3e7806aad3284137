"""What goes in and out of repositories and their indexes; names and meanings are the contract's."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from cogmill.web.params import Body, Out, PageQuery

RepositoryPath = Annotated[str, StringConstraints(min_length=1, max_length=500)]
BranchName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
MOST_AT_ONCE, MOST_BRANCHES = 200, 20


class RepositoryQuery(PageQuery):
    exclude_repo_paths: list[str] | None = Field(None, description="repeated keys or one comma-joined value")
    only_repo_paths: list[str] | None = Field(None, description="repeated keys or one comma-joined value")
    filter_name: str | None = Field(None, description="part of the path, in any case")
    load_indexing_status: bool = Field(False, description="false: `indexing_status` is null")


class IndexIn(Body):
    """May be left out as a whole."""

    branch_names: list[BranchName] = Field(
        [], max_length=MOST_BRANCHES, description="just these are indexed; none: those that are, or the default branch"
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_fine(cls, sent: Any) -> Any:
        return {} if sent is None else sent


class RepositoryToIndexIn(Body):
    repository_path: RepositoryPath
    branch_names: list[BranchName] = Field([], max_length=MOST_BRANCHES)


class BulkIndexIn(Body):
    repositories: list[RepositoryToIndexIn] = Field(max_length=MOST_AT_ONCE)


class BulkRemoveIn(Body):
    repository_paths: list[RepositoryPath] = Field(max_length=MOST_AT_ONCE)


class IndexJobOut(Out):
    """A job as the contract knows it: one that waits is in progress, too."""

    branch_name: str | None = Field(
        description="null: the job fetches the repository, whose branches are not known yet"
    )
    commit: str = Field(description="empty: the job fetches the repository")
    created_at: int
    job_id: str
    status: Literal["failed", "completed", "in_progress"]


class IndexingStatusOut(Out):
    indexing_enabled: bool
    latest_completed_search_index_job: IndexJobOut | None
    latest_completed_wiki_index_job: IndexJobOut | None = Field(description="always null: there is no wiki")
    latest_indexes: list[IndexJobOut] = Field(description="the newest job of each branch")


class RepositoryIndexingOut(Out):
    branches: list[str]
    indexing_enabled: bool
    repository_path: str
    indexing_status: IndexingStatusOut | None


class RepositoryOut(Out):
    git_connection_host: str
    git_connection_id: str
    indexing_status: IndexingStatusOut | None
    last_updated_at: int | None
    provider_repository_id: str
    repo_description: str | None
    repo_language: str | None
    repo_name: str
    repo_path: str


class IndexJobQuery(PageQuery):
    repository_path: str | None = Field(None, description="only jobs of this repository")


class IndexJobDetailsOut(Out):
    """A job with all that is known of it."""

    job_id: str
    repository_path: str
    branch_name: str | None = Field(
        description="null: the job fetches the repository, whose branches are not known yet"
    )
    commit: str | None
    status: Literal["queued", "running", "done", "failed"]
    attempts: int
    created_at: int
    started_at: int | None
    finished_at: int | None
    files_total: int = Field(description="contents that the index did not have when the job began")
    files_done: int
    files_parsed: int = Field(description="of those done: read and indexed")
    files_skipped: int = Field(description="left out: binary, larger than 1 MiB, vendored or generated")
    error: str | None


class CodeSearchQuery(PageQuery):
    query: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="a name or its part; with kind=text any text of one line with at least 3 letters"
    )
    kind: Literal["symbols", "text"] = Field("symbols", description="definitions by name, or lines that hold the text")
    repo: list[str] | None = Field(None, description="paths of repositories; none: all that are indexed")
    branch: str | None = Field(None, description="none: of each repository the default branch if it is indexed")
    path: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        None, description="only files whose path fits, e.g. `src/*.py`; `*` stands for slashes, too"
    )
    language: str | None = Field(None, description="only files of this language, e.g. `python`")
    symbol_kind: str | None = Field(None, description="only definitions of this kind, e.g. `class`")
    case_sensitive: bool = False


class CodeHitOut(Out):
    """A definition, or a line."""

    repository_path: str
    branch: str
    commit: str = Field(description="what of the branch is indexed")
    path: str
    language: str | None
    line: int = Field(description="counted from 1")
    end_line: int
    name: str | None = Field(description="of a definition; null for a line")
    symbol_kind: str | None
    container: str | None = Field(description="what the definition stands in, from the outside in")
    text: str = Field(description="the line, secrets of the organization replaced; long ones cut")
