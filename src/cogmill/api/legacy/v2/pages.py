"""Pages of v2 by number, over lists that know cursors."""

from collections.abc import Callable
from typing import TypeVar

from cogmill.api.legacy.reading import Pages, counted
from cogmill.api.legacy.v2.schemas import PageV2Out, SkipQuery, SuccessOut

T = TypeVar("T")
U = TypeVar("U")
DONE = SuccessOut(status="success")


def page_of(
    pages: Pages[T], query: SkipQuery, show: Callable[[list[T]], list[U]], *, name: str = "skip"
) -> PageV2Out[U]:
    """The page from `skip` on, each item as `show` makes it."""
    found, total = counted(pages, query.skip, query.limit, name=name)
    after = query.skip + len(found)
    has_more = bool(found) and after < total
    return PageV2Out(
        items=show(found), total=total, skip=query.skip, limit=query.limit, has_more=has_more,
        next_cursor=after if has_more else None,
    )  # fmt: skip
