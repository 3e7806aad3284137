"""From what commands give to parameters, and from answers to shapes."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from cogmill.client.errors import ServerFault
from cogmill.client.http import Json
from cogmill.client.models import Wire

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
