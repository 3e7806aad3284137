"""What one row of the table is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cogmill.access.permissions import Permission
from cogmill.web.guard import Reach
from cogmill.web.legacy import Legacy

GET, POST, PUT, PATCH, DELETE = "GET", "POST", "PUT", "PATCH", "DELETE"


@dataclass(frozen=True, slots=True)
class Op:
    """One operation at one address.

    A plain handler takes the context and runs in one transaction. An `async` handler takes the call and opens its own.
    Handler parameters: `ctx` or `call` first, then `query` and `body` (their models) and path parameters by name.
    """

    id: str
    method: str
    path: str
    reach: Reach
    permissions: tuple[Permission, ...]
    handler: Callable[..., Any]
    output: Any
    audit: str | None = None
    """Action name of the audit record; every operation that changes something has one."""
    status: int = 200
    media_type: str | None = None
    """Content type of an answer that is no JSON, or that may be none, for the document."""
    takes_file: bool = False
    """The body is multipart/form-data with a `file`."""
    hidden: bool = False
    """Pages: not part of the API document."""
    extension: bool = False
    """Ours, not the contract's."""
    legacy: Legacy | None = None
    """Set in rows of the old APIs."""
    also_refuses: tuple[int, ...] = ()
    """Codes beyond those that all rows of its kind may refuse with."""

    def __post_init__(self) -> None:
        if not self.permissions:
            raise ValueError(f"{self.id} {self.path}: a row without a permission does not build")
        if (Permission.PUBLIC in self.permissions) != (self.reach is Reach.PUBLIC):
            raise ValueError(f"{self.id} {self.path}: PUBLIC permission and PUBLIC reach go together")
        if self.method != GET and self.audit is None:
            raise ValueError(f"{self.id} {self.path}: a changing operation names its audit action")

    @property
    def tag(self) -> str:
        """Under which documents show it: the room of the resource, or the old version."""
        return self.legacy.version if self.legacy else self.handler.__module__.split(".")[2].replace("_", " ")

    @property
    def address(self) -> str:
        """The path as documents write it, without `:path` behind parameters that may hold slashes."""
        return self.path.replace(":path}", "}")
