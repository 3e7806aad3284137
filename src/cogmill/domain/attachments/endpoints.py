"""Handlers of the attachment operations; they stream files, so they open their transactions themselves."""

import asyncio
import os
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from cogmill.access.context import Context
from cogmill.domain.attachments import service
from cogmill.domain.attachments.schemas import AttachmentOut
from cogmill.kit.errors import Invalid, TooLarge
from cogmill.models.content import attachment
from cogmill.web.call import Call


async def upload(call: Call, request: Request) -> AttachmentOut:
    settings = call.runtime.settings
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > settings.max_attachment + 65536:
        raise TooLarge(f"An attachment may have at most {settings.max_attachment} bytes (max_attachment).")
    async with request.form(max_files=1, max_fields=10) as form:
        file: Any = form.get("file")
        if file is None or isinstance(file, str):
            raise Invalid.at("body", "file", msg="Send the file as multipart/form-data field 'file'.", kind="missing")
        if (file.size or 0) > settings.max_attachment:
            raise TooLarge(f"An attachment may have at most {settings.max_attachment} bytes (max_attachment).")
        attachment_id, name = str(uuid4()), service.clean_name(file.filename)
        content = await file.read()
        content_type = (file.content_type or "application/octet-stream")[:200]
    path = service.stored_file(settings.data, attachment_id)
    await asyncio.to_thread(_store, path, content)

    def unit(ctx: Context) -> AttachmentOut:
        row = service.record(ctx, attachment_id, name, content_type, len(content))
        url = service.attachment_url(settings.base_url, row)
        return AttachmentOut(attachment_id=attachment_id, name=name, url=url)

    return await call.write(unit)


def _store(path: Any, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


async def download(call: Call, uuid: str, name: str) -> Response:
    link = await call.read(lambda ctx: service.signed_link(ctx, service.find(ctx, uuid, name)))
    return RedirectResponse(link, status_code=307)


async def file(call: Call, request: Request, attachment_id: str, name: str) -> Response:  # noqa: ARG001 - part of the address
    """What a signed link leads to."""

    def unit(ctx: Context) -> Any:
        query = request.query_params
        service.check_link(ctx, attachment_id, query.get("expires", ""), query.get("signature", ""))
        found = select(attachment).where(attachment.c.attachment_id == attachment_id)
        row = ctx.db.execute(found).one_or_none()
        if row is None:
            raise service.AttachmentNotFound("This attachment does not exist any more.")
        return row

    row = await call.read(unit)
    return FileResponse(
        service.stored_file(call.runtime.settings.data, attachment_id),
        media_type=row.content_type,
        filename=row.name,
        content_disposition_type="attachment",
        headers={"x-content-type-options": "nosniff", "content-security-policy": "sandbox"},
    )
