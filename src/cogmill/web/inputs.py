"""Reading what callers send: query strings in all the spellings of existing clients, and JSON bodies."""

import re
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.types import Message

from cogmill.kit.errors import Invalid, Refusal, TooLarge
from cogmill.web.errors import invalid

M = TypeVar("M", bound=BaseModel)
MOST_VALUES = 1000
"""Values of one list parameter; databases take a bounded number in one statement."""
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
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
            several = values.setdefault(name, [])
            several += [part for part in value.split(",") if part]
            if len(several) > MOST_VALUES:
                raise Invalid.at("query", name, msg=f"at most {MOST_VALUES} values", kind="too_long")
        else:
            values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error, "query") from None


@cache
def no_query(model: type[M]) -> M:
    """The same of an address without a query string. Queries are frozen, so that all such calls share one."""
    return read_query(model, QueryParams())


async def read_body(model: type[M], request: Request, limit: int) -> M:
    """A JSON body as a model."""
    raw = await bounded(request, limit, TooLarge(f"The body may have at most {limit} bytes.")).body()
    if rb"\u0000" in raw and _ESCAPED_NUL.search(raw):
        raise Invalid.at("body", msg=NUL)
    try:
        return model.model_validate_json(raw or b"null")
    except ValidationError as error:
        raise invalid(error, "body") from None


def bounded(request: Request, limit: int, refusal: Refusal) -> Request:
    """The same request, refused as soon as its body turns out to be longer than `limit`."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise refusal
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise refusal
        return message

    return Request(request.scope, receive)
