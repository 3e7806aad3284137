"""Handlers of repositories, their indexing, and code search. What asks git or an index opens its own transactions."""

from cogmill.access.context import Context
from cogmill.domain.repositories import indexing, searching, service
from cogmill.domain.repositories.schemas import (
    BulkIndexIn,
    BulkRemoveIn,
    CodeHitOut,
    CodeSearchQuery,
    IndexIn,
    IndexingStatusOut,
    IndexJobDetailsOut,
    IndexJobQuery,
    RepositoryIndexingOut,
    RepositoryOut,
    RepositoryQuery,
)
from cogmill.web.call import Call
from cogmill.web.params import Page, PageQuery, page_of


def list_(ctx: Context, query: RepositoryQuery) -> Page[RepositoryOut]:
    """The organization's repositories, by path."""
    return page_of(service.list_page(ctx, query))


def list_indexed(ctx: Context, query: PageQuery) -> Page[RepositoryIndexingOut]:
    """Those with indexing turned on, by path."""
    return page_of(service.list_indexed(ctx, query))


async def bulk_index(call: Call, body: BulkIndexIn) -> list[RepositoryIndexingOut]:
    """All, or none if one cannot be. What is indexed already, or about to be, gets no second job."""
    return await indexing.enable(call, [(one.repository_path, one.branch_names) for one in body.repositories])


def bulk_remove(ctx: Context, body: BulkRemoveIn) -> list[RepositoryIndexingOut]:
    return indexing.disable(ctx, body.repository_paths)


def get_status(ctx: Context, repository_path: str) -> IndexingStatusOut:
    return service.status(ctx, repository_path)


async def index(call: Call, repository_path: str, body: IndexIn) -> RepositoryIndexingOut:
    """Turns indexing on. From then on the index follows its branches by itself."""
    return (await indexing.enable(call, [(repository_path, body.branch_names)]))[0]


def remove(ctx: Context, repository_path: str) -> RepositoryIndexingOut:
    """Turns indexing off and deletes the index."""
    return indexing.disable(ctx, [repository_path])[0]


def remove_branch(ctx: Context, repository_path: str, branch_name: str) -> RepositoryIndexingOut:
    """Removing the last branch turns indexing off."""
    return indexing.disable_branch(ctx, repository_path, branch_name)


def list_jobs(ctx: Context, query: IndexJobQuery) -> Page[IndexJobDetailsOut]:
    """Jobs that index, newest first, with progress and errors."""
    return page_of(service.list_jobs(ctx, query))


async def search(call: Call, query: CodeSearchQuery) -> Page[CodeHitOut]:
    """Definitions by name (the very name first), or lines by text, in the indexed repositories."""
    return page_of(await searching.search(call, query))
