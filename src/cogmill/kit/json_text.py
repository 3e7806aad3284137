"""JSON as it is stored: compact, and written by the serialiser that pydantic brings along."""

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json


def compact(value: Any) -> str:
    """The value as JSON without spaces. TypeError: it holds what JSON has no form for.

    The standard library takes over what the faster writer refuses, such as half of a surrogate pair.
    """
    try:
        return to_json(value).decode()
    except PydanticSerializationError:
        return json.dumps(value, separators=(",", ":"))
