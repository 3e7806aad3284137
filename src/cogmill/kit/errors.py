"""The few kinds of refusal; slices add subclasses of one line. `web` renders them, services only raise them."""

from collections.abc import Callable, Mapping
from typing import Any


class Refusal(Exception):
    """A request that cannot be done; `detail` tells the caller what was wrong and what to do."""

    status = 400
    title = "Bad request"
    detail = "The request cannot be done."
    afterwards: Callable[[Any], None] | None = None
    """Work (on a Context) that is to be done although the transaction of the refused call was undone."""

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        self.detail = detail or self.detail
        self.headers = dict(headers or {})
        self.extra = extra
        super().__init__(self.detail)


class BadRequest(Refusal):
    """400: well-formed, but says something that cannot be."""


class Unauthenticated(Refusal):
    status, title = 401, "Not authenticated"


class Forbidden(Refusal):
    status, title = 403, "Forbidden"


class NotFound(Refusal):
    status, title = 404, "Not found"


class Conflict(Refusal):
    status, title = 409, "Conflict"


class Gone(Refusal):
    status, title = 410, "Gone"


class TooLarge(Refusal):
    status, title = 413, "Too large"


class LimitReached(Refusal):
    status, title = 429, "Too many requests"


class Unavailable(Refusal):
    status, title = 503, "Unavailable"


class Invalid(Refusal):
    """422: malformed input; `problems` is the list form that existing clients know: {loc, msg, type}."""

    status, title = 422, "Invalid input"

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems))

    @classmethod
    def at(cls, *loc: str | int, msg: str, kind: str = "value_error") -> "Invalid":
        """One problem at one place, e.g. `Invalid.at("body", "tags", msg="…")`."""
        return cls([{"loc": list(loc), "msg": msg, "type": kind}])
