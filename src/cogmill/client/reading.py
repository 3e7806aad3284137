"""From what commands give to parameters, and from answers to shapes."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from cogmill.client.errors import BadInput, ServerFault
from cogmill.client.http import Http, Json
from cogmill.client.models import Page, Wire

W = TypeVar("W", bound=Wire)


def given(query: Mapping[str, Any] | None) -> Json:
    """The parameters that are not left out."""
    return {name: value for name, value in (query or {}).items() if value not in (None, [])}


def read(shape: type[W], answer: Any) -> W:
    """An answer as its shape; one that does not fit is the server's fault."""
    try:
        return shape.model_validate(answer)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, problem["loc"])) for problem in error.errors()})[:5])
        raise ServerFault(
            f"The server's {shape.__name__} answer has an unexpected shape ({places}).", status=200
        ) from None


def every(http: Http, path: str, shape: type[W], query: Mapping[str, Any] | None = None) -> list[W]:
    """All items of a list, page by page."""
    found: list[W] = []
    after = None
    while True:
        asked = given({**(query or {}), "after": after})
        page: Page[W] = read(Page[shape], http.json("GET", path, params=asked))  # type: ignore[valid-type]
        found += page.items
        after = page.end_cursor
        if not page.has_next_page or after is None:
            return found


def the_one(items: list[W], fields: tuple[str, ...], named: str, what: str, hint: str) -> W:
    """The item that one of these fields names, the first of them that does. BadInput when none or several do."""
    for field in fields:
        found = [one for one in items if getattr(one, field) == named]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(f"Several {what}s have the {field} {named!r}.", hint="Name it by its id.")
    raise BadInput(f"There is no {what} {named!r}.", hint=hint)
