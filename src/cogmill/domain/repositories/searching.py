"""Searching the code of an organization: which indexes, what is hidden in results, and the record of it."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import insert

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.code_index import searching
from cogmill.code_index.running import index_folder
from cogmill.code_index.searching import Place, Wanted
from cogmill.domain.metrics.marks import mark
from cogmill.domain.repositories import indexing
from cogmill.domain.repositories.known import searchable
from cogmill.domain.repositories.schemas import CodeHitOut, CodeSearchQuery
from cogmill.domain.secrets.use import values_to_hide
from cogmill.kit.errors import Invalid
from cogmill.kit.paging import Slice
from cogmill.models.repositories import code_search, indexed_branch, indexed_repository
from cogmill.web.call import Call


async def search(call: Call, query: CodeSearchQuery) -> Slice[CodeHitOut]:
    """A page of hits; the first page of a search is counted as one."""
    wanted = _wanted(query)

    def look(ctx: Context) -> tuple[list[Place], dict[str, str]]:
        return places(ctx, query.repo, query.branch), values_to_hide(ctx)

    where, hidden = await call.read(look)
    try:
        found, cursor = await asyncio.to_thread(searching.find, where, wanted, query.after)
    except searching.BadCursor:
        text = "This is no cursor of this list; pass end_cursor of the page before."
        raise Invalid.at("query", "after", msg=text) from None
    if query.after is None:
        await call.write(lambda ctx: _record(ctx, query))
    redact = call.runtime.redactor(hidden)
    return Slice([one for hit in found if (one := _present(hit, redact, wanted)) is not None], cursor)


def places(ctx: Context, repos: Sequence[str] | None, branch: str | None) -> list[Place]:
    """The indexes to search: of every repository one branch, the default one before others."""
    columns = indexed_branch.c
    query = owned(indexed_branch, ctx.scope, columns.repository_path, columns.branch_name)
    query = query.add_columns(indexed_repository.c.default_branch).join(
        indexed_repository,
        (indexed_repository.c.org_id == columns.org_id)
        & (indexed_repository.c.repository_path == columns.repository_path),
    )
    if repos is not None:
        query = query.where(columns.repository_path.in_([indexing.known_as(ctx, one) or one for one in repos]))
    if branch is not None:
        query = query.where(columns.branch_name == branch)
    chosen: dict[str, str] = {}
    for row in ctx.db.execute(query.order_by(columns.repository_path, columns.branch_name)):
        if row.repository_path not in chosen or row.branch_name == row.default_branch:
            chosen[row.repository_path] = row.branch_name
    data, org_id, allowed = ctx.runtime.settings.data, ctx.scope.one_org, searchable(ctx, list(chosen))
    return [Place(path, name, index_folder(data, org_id, path)) for path, name in chosen.items() if path in allowed]


def _wanted(query: CodeSearchQuery) -> Wanted:
    if query.kind == "text" and len(query.query) < searching.SHORTEST_TEXT:
        text = f"a text has at least {searching.SHORTEST_TEXT} letters; for short names use kind=symbols"
        raise Invalid.at("query", "query", msg=text)
    if "\n" in query.query or "\r" in query.query:
        raise Invalid.at("query", "query", msg="a text stands in one line; search for the most telling of its lines")
    return Wanted(
        query.query, query.kind, query.first, query.path, query.language, query.symbol_kind, query.case_sensitive
    )


def _record(ctx: Context, query: CodeSearchQuery) -> None:
    caller = ctx.principal
    values = {"org_id": ctx.scope.one_org, "user_id": caller.user_id, "service_user_id": caller.service_user_id}
    ctx.db.execute(insert(code_search).values(values | {"kind": query.kind, "created_at": ctx.now}))
    mark(ctx, ctx.scope.one_org, ctx.now)


def _present(hit: searching.Hit, redact: searching.Redact, wanted: Wanted) -> CodeHitOut | None:
    """The hit without secrets; None when it was found by a secret only, so that nobody finds one out by guessing."""
    text = redact(hit.text)
    if wanted.kind == "text" and text != hit.text and wanted.query.lower() not in text.lower():
        return None
    return CodeHitOut(
        repository_path=hit.place.repository_path, branch=hit.place.branch, commit=hit.commit, path=redact(hit.path),
        language=hit.language or None, line=hit.line, end_line=hit.end_line, name=hit.name and redact(hit.name),
        symbol_kind=hit.symbol_kind, container=hit.container and redact(hit.container), text=text,
    )  # fmt: skip
