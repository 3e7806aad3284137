"""Reading what callers send: query strings in all the spellings of existing clients, and JSON bodies."""

import re
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request

from cogmill.kit.errors import Invalid, TooLarge
from cogmill.web.errors import invalid

M = TypeVar("M", bound=BaseModel)
_NESTED = re.compile(r"qs\[([a-z_]+)\](?:\[\d*\])?")
_INDEXED = re.compile(r"([a-z_]+)\[\d*\]")
NUL = "text must not contain the NUL character"


@cache
def list_fields(model: type[BaseModel]) -> frozenset[str]:
    """Names of the fields that take several values."""

    def takes_list(annotation: Any) -> bool:
        return get_origin(annotation) is list or any(takes_list(one) for one in get_args(annotation))

    return frozenset(name for name, info in model.model_fields.items() if takes_list(info.annotation))


def read_query(model: type[M], sent: QueryParams) -> M:
    """Query parameters as a model. Lists: repeated keys, one comma-joined value, `name[]`; all also as `qs[name]`."""
    values: dict[str, Any] = {}
    lists = list_fields(model)
    for key, value in sent.multi_items():
        nested = _NESTED.fullmatch(key) or _INDEXED.fullmatch(key)
        name = nested.group(1) if nested else key
        if "\0" in value or "\0" in key:
            raise Invalid.at("query", name, msg=NUL)
        if value == "":
            continue  # `tags=` is a filter that the caller left empty
        if name in lists:
            values.setdefault(name, []).extend(part for part in value.split(",") if part)
        else:
            values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error, "query") from None


async def read_body(model: type[M], request: Request, limit: int) -> M:
    """A JSON body as a model."""
    raw = await _bounded(request, limit)
    if b"\\u0000" in raw:
        raise Invalid.at("body", msg=NUL)
    try:
        return model.model_validate_json(raw or b"null")
    except ValidationError as error:
        raise invalid(error, "body") from None


async def _bounded(request: Request, limit: int) -> bytes:
    too_large = TooLarge(f"The body may have at most {limit} bytes.")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    return b"".join(parts)
