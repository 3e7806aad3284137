"""Parameters and envelopes that many operations share.

Validators of queries and answers are built when they are first used (`defer_build`): a server that starts does not
wait for those of hundreds of models, nor holds them in memory.
"""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cogmill.kit.paging import Slice

T = TypeVar("T")
Tag = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]


class Query(BaseModel):
    """Query parameters of an operation. Unknown ones are ignored, as existing clients expect."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class Body(BaseModel):
    """A JSON body. Unknown fields are ignored: newer clients send fields that this server does not know yet."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Out(BaseModel):
    """An answer. No defaults: what we always send is required."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class PageQuery(Query):
    """Which page of a list."""

    after: str | None = Field(None, description="`end_cursor` of the page before")
    first: Annotated[int, Field(ge=1, le=200, description="Most items on the page")] = 100


class Page(Out, Generic[T]):
    """One page of a list."""

    items: list[T]
    end_cursor: str | None
    has_next_page: bool
    total: int | None = Field(description="Always null: counting everything would be slow")


def page_of(part: Slice[Any]) -> Page[Any]:
    """The envelope around one slice."""
    return Page.model_construct(
        items=list(part.items), end_cursor=part.end_cursor, has_next_page=part.end_cursor is not None, total=None
    )
