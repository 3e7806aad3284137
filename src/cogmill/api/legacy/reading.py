"""What both old APIs take and v3 does not: places in lists by number, and times as texts."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema

from cogmill.kit.errors import BadRequest, Invalid
from cogmill.kit.paging import Slice
from cogmill.web.errors import invalid

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
DEEPEST = 10_000
"""Items of a list that can be passed over; v3's cursors reach further at no cost."""
PAGE = 200
_MILLISECONDS = 100_000_000_000
"""Numbers of this size are no seconds any more."""
_LATEST = 253_402_300_799
Offset = Annotated[int, Field(ge=0, le=2**53, description=f"items to pass over; at most {DEEPEST}")]
Pages = Callable[[str | None, int], Slice[T]]
"""The page behind a cursor, of at most so many items."""


def at_offset(pages: Pages[T], offset: int, limit: int, *, name: str = "offset") -> tuple[list[T], bool]:
    """Items from `offset` on, and whether more follow: page after page, as cursors are all that lists know."""
    if offset > DEEPEST:
        raise BadRequest(f"{name}: at most {DEEPEST} items can be passed over. Narrow the list, or use v3's cursors.")
    found: list[T] = []
    passed, after, more = 0, None, True
    while more and len(found) < limit:
        wanted = min(offset - passed or limit - len(found), PAGE)
        part = pages(after, wanted)
        if passed < offset:
            passed += len(part.items)
        else:
            found += part.items
        after, more = part.end_cursor, part.end_cursor is not None
    return found, more


def counted(pages: Pages[T], offset: int, limit: int, *, name: str) -> tuple[list[T], int]:
    """Items from `offset` on, and how many there are in all; beyond DEEPEST at least so many."""
    if offset > DEEPEST:
        raise BadRequest(f"{name}: at most {DEEPEST} items can be passed over. Narrow the list, or use v3's cursors.")
    found: list[T] = []
    total, after = 0, None
    while True:
        part = pages(after, PAGE)
        found += part.items[max(offset - total, 0) : max(offset + limit - total, 0)]
        total, after = total + len(part.items), part.end_cursor
        if after is None or total >= max(DEEPEST, offset + limit + 1):
            return found, total


def everything(pages: Pages[T], most: int = DEEPEST) -> list[T]:
    """All items of a list that the old API did not divide into pages."""
    found, more = at_offset(pages, 0, most)
    if more:
        raise BadRequest(f"There are more than {most}: too many for one answer. Use v3, which has pages.")
    return found


def as_input(model: type[M], values: dict[str, Any], names: dict[str, str] | None = None) -> M:
    """Input of v3 made of an old body. What is wrong with it is told under the old names."""
    with told_as(names or {}):
        try:
            return model.model_validate(values)
        except ValidationError as error:
            raise invalid(error, "body") from None


@contextmanager
def told_as(names: dict[str, str]) -> Iterator[None]:
    """What v3 finds wrong with input is told under the old names of its fields."""
    try:
        yield
    except Invalid as refusal:
        for problem in refusal.problems:
            problem["loc"] = [names.get(part, part) for part in problem["loc"]]
            for new in [one for one in names if "_" in one]:  # the others are common words
                problem["msg"] = problem["msg"].replace(new, names[new])
        raise Invalid(refusal.problems) from None


def read_time(given: Any) -> int | None:
    """Unix seconds of an ISO date (its midnight, UTC) or time, or of a number of seconds or milliseconds."""
    if given is None or isinstance(given, int):
        return given
    text = str(given).strip()
    try:
        if re.fullmatch(r"\d{1,15}", text):
            number = int(text)
            seconds = number // 1000 if number >= _MILLISECONDS else number
        else:
            at = datetime.fromisoformat(text)
            seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise ValueError("must be a date or time such as 2026-01-31 or 2026-01-31T08:00:00Z") from None
    if not 0 <= seconds <= _LATEST:
        raise ValueError("must lie between 1970 and 9999")
    return seconds


When = Annotated[int | None, BeforeValidator(read_time), WithJsonSchema({"type": ["string", "null"]})]
"""A time of a query."""


def iso(seconds: float) -> datetime:
    """A time as answers of the old APIs show it."""
    return datetime.fromtimestamp(int(seconds), UTC)
