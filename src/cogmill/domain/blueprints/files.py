"""Files of blueprints: small, encrypted like secrets, there for the steps of builds only."""

import base64
import re
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.domain.blueprints import service
from cogmill.domain.blueprints.schemas import BlueprintFileOut
from cogmill.kit.errors import Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.models.environments import blueprint_file

FileRow = Row[Any]
LARGEST = 1024**2
MOST = 50
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]{0,126}[A-Za-z0-9_]|[A-Za-z0-9_]")
_SHOWN = [column for column in blueprint_file.c if column.name != "sealed"]


def _of(ctx: Context, blueprint_id: str) -> Select[Any]:
    """Files of one blueprint of the scope, without their bytes."""
    row = service.find(ctx, blueprint_id)
    return select(*_SHOWN).where(blueprint_file.c.blueprint_id == row.blueprint_id)


def list_all(ctx: Context, blueprint_id: str) -> list[FileRow]:
    return list(ctx.db.execute(_of(ctx, blueprint_id).order_by(blueprint_file.c.name)))


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        msg = "A file's name has letters, digits, space and . _ - and begins and ends with a letter or digit."
        raise Invalid.at("query", "name", msg=msg)
    return name


def keep(ctx: Context, blueprint_id: str, name: str, content: bytes) -> FileRow:
    """A new file, or other bytes for the one of that name."""
    owner = service.find(ctx, blueprint_id, lock=True)
    service.require_right(ctx, owner)
    service.touch(ctx, owner)
    ctx.audited |= {"name": name, "size": len(content)}
    columns, rows = blueprint_file.c, list_all(ctx, blueprint_id)
    same = next((one for one in rows if one.name == name), None)
    if same is not None:
        values: dict[str, Any] = {"size": len(content), "sealed": _seal(ctx, content, same.file_id)}
        query = update(blueprint_file).where(columns.file_id == same.file_id)
        return ctx.db.execute(query.values(**values, updated_at=ctx.now).returning(*_SHOWN)).one()
    if len(rows) >= MOST:
        raise Conflict(f"A blueprint has at most {MOST} files. Delete one first.")
    file_id = ordered_id("file")
    values = {
        "file_id": file_id, "blueprint_id": owner.blueprint_id, "name": name, "size": len(content),
        "env_var_name": variable_name(name, {one.env_var_name for one in rows}),
        "sealed": _seal(ctx, content, file_id), "created_at": ctx.now, "created_by": ctx.principal.principal_id,
        "updated_at": ctx.now,
    }  # fmt: skip
    return ctx.db.execute(insert(blueprint_file).values(values).returning(*_SHOWN)).one()


def remove(ctx: Context, blueprint_id: str, file_id: str) -> None:
    owner = service.find(ctx, blueprint_id, lock=True)
    columns = blueprint_file.c
    mine = (columns.blueprint_id == owner.blueprint_id, columns.file_id == file_id)
    name = ctx.db.execute(select(columns.name).where(*mine)).scalar()
    if name is None:
        raise NotFound(f"There is no file {file_id[:64]!r} at this blueprint.")
    service.require_right(ctx, owner)
    service.touch(ctx, owner)
    ctx.audited["name"] = name
    ctx.db.execute(delete(blueprint_file).where(*mine))


def opened(ctx: Context, blueprint_ids: list[str]) -> list[tuple[FileRow, bytes]]:
    """Files with their bytes, for a build."""
    query = select(blueprint_file).where(blueprint_file.c.blueprint_id.in_(blueprint_ids))
    open_ = ctx.runtime.keyring.decrypt
    rows = ctx.db.execute(query.order_by(blueprint_file.c.name))
    return [(row, base64.b64decode(open_(row.sealed, row.file_id))) for row in rows]


def _seal(ctx: Context, content: bytes, file_id: str) -> str:
    return ctx.runtime.keyring.encrypt(base64.b64encode(content).decode(), file_id)


def variable_name(name: str, taken: set[str]) -> str:
    """FILE_ and the name in capitals; doubles get a number."""
    plain = "FILE_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
    unique, number = plain, 2
    while unique in taken:
        unique, number = f"{plain}_{number}", number + 1
    return unique


def present(row: FileRow) -> BlueprintFileOut:
    return BlueprintFileOut(
        file_id=row.file_id, blueprint_id=row.blueprint_id, name=row.name, env_var_name=row.env_var_name,
        size_bytes=row.size, created_at=int(row.created_at), updated_at=int(row.updated_at),
    )  # fmt: skip
