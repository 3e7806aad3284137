"""Code search of a session: the indexes of its own repositories."""

import asyncio
from collections.abc import Sequence

from cogmill.code_index.searching import Place, Wanted, branches, find
from cogmill.domain.repositories.searching import places
from cogmill.engine.agents.seam import CodeHit
from cogmill.engine.store import Store


async def search_code(store: Store, names: Sequence[str], wanted: Wanted) -> tuple[list[str], list[CodeHit]]:
    """Which of the repositories have an index that can be searched, and what it knows."""
    where = await store.read(lambda ctx: places(ctx, names, None)) if names else []
    return await asyncio.to_thread(_search, where, wanted)


def _search(where: list[Place], wanted: Wanted) -> tuple[list[str], list[CodeHit]]:
    ready = [one for one in where if one.branch in branches(one.folder)]
    hits, _ = find(ready, wanted)
    shown = [
        CodeHit(
            one.place.repository_path, one.place.branch, one.commit, one.path, one.line, one.text, one.name,
            one.symbol_kind, one.container,
        )
        for one in hits
    ]  # fmt: skip
    return [one.repository_path for one in ready], shown
