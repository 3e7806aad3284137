"""Keyset pages: a cursor is the key of the last row shown, never an offset."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, String, literal
from sqlalchemy.engine import Row

from cogmill.kit.errors import Invalid

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One page of anything. `end_cursor` is None on the last page."""

    items: Sequence[T]
    end_cursor: str | None

    def map(self, convert: Callable[[T], U]) -> "Slice[U]":
        return Slice([convert(item) for item in self.items], self.end_cursor)


def encode_cursor(key: int | str) -> str:
    kind = "k" if isinstance(key, int) else "t"
    return base64.urlsafe_b64encode(f"{kind}{key}".encode()).decode().rstrip("=")


def decode_text_cursor(cursor: str) -> str:
    """The same for lists that are ordered by a text."""
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
        if text.startswith("t") and "\0" not in text:
            return text[1:]
    except (ValueError, binascii.Error):
        pass
    raise no_cursor()


def decode_cursor(cursor: str) -> int:
    """The key inside a cursor; a made-up cursor is malformed input, not an empty page."""
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
        if text.startswith("k") and len(text) < 20:
            return int(text[1:])
    except (ValueError, binascii.Error):
        pass
    raise no_cursor()


def no_cursor() -> Invalid:
    """What a cursor that was made up is answered with."""
    return Invalid.at("query", "after", msg="This is no cursor of this list; pass end_cursor of the page before.")


def fetch_page(
    db: Connection,
    query: Select[Any],
    key: ColumnElement[Any],
    first: int,
    after: str | None,
    *,
    descending: bool = False,
) -> Slice[Row[Any]]:
    """The page of `query` behind the cursor `after`, ordered by `key`, a column of unique integers or texts."""
    return fetch_merged_page(db, [query], key, first, after, descending=descending)


def fetch_merged_page(
    db: Connection,
    queries: Sequence[Select[Any]],
    key: ColumnElement[Any],
    first: int,
    after: str | None,
    *,
    descending: bool = False,
) -> Slice[Row[Any]]:
    """The same of several queries without rows in common, each of which has its own index: an OR would have none."""
    rows: list[Row[Any]] = []
    for query in queries:
        if after is not None:
            # As a large number, whatever the key: PostgreSQL takes no cursor for a small one that does not fit it.
            is_text = isinstance(key.type, String)
            position = decode_text_cursor(after) if is_text else literal(decode_cursor(after), BigInteger)
            query = query.where(key < position if descending else key > position)
        rows += db.execute(query.order_by(key.desc() if descending else key.asc()).limit(first + 1)).all()
    if len(queries) > 1:
        rows.sort(key=lambda row: row._mapping[key], reverse=descending)
    more, shown = len(rows) > first, rows[:first]
    return Slice(shown, encode_cursor(shown[-1]._mapping[key]) if more else None)
