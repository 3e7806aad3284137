"""Rows as lines of JSON and back: the same text whichever database they come from."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import LargeBinary, Table


def encoded(rows: Iterable[Mapping[str, Any]], table: Table) -> Iterator[bytes]:
    """One line for each row, its columns by name in the order of the alphabet."""
    binary = [column.name for column in table.c if isinstance(column.type, LargeBinary)]
    dumps = json.JSONEncoder(separators=(",", ":"), sort_keys=True, allow_nan=False).encode
    names = sorted(column.name for column in table.c)
    heads = [f"{json.dumps(name)}:" for name in names]
    for row in rows:
        packed = {name: base64.b64encode(row[name]).decode() for name in binary if row[name] is not None}
        values = {**row, **packed} if packed else row
        # Documents keep the order of their own keys; a sorted one would be another document.
        parts = (head + _document(values[name], dumps) for head, name in zip(heads, names, strict=True))
        yield ("{" + ",".join(parts) + "}\n").encode()


def _document(value: Any, dumps: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return str(dumps(value))


def decoded(content: bytes, table: Table) -> list[dict[str, Any]]:
    """ValueError for what is no row of the table."""
    binary = [column.name for column in table.c if isinstance(column.type, LargeBinary)]
    known = {column.name for column in table.c}
    rows = []
    for line in content.splitlines():
        row = json.loads(line)
        if not isinstance(row, dict) or not row.keys() <= known:
            raise ValueError(f"a row of {table.name} has columns that this table does not have")
        for name in binary:
            if row.get(name) is not None:
                row[name] = base64.b64decode(row[name], validate=True)
        rows.append(row)
    return rows
