"""Handlers of the attachment operations; they stream files, so they open their transactions themselves."""

import asyncio
import os
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from cogmill.access.context import Context
from cogmill.domain.attachments import service
from cogmill.domain.attachments.schemas import AttachmentOut
from cogmill.kit.errors import Invalid, TooLarge
from cogmill.web.addresses import address_of
from cogmill.web.call import Call
from cogmill.web.inputs import bounded

T = TypeVar("T")
FORM_OVERHEAD = 65536
"""What a form may add to its file."""
FILE_HEADERS = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}


async def upload(call: Call, request: Request) -> AttachmentOut:
    return await keep(call, request, lambda made: made)


async def keep(call: Call, request: Request, show: Callable[[AttachmentOut], T]) -> T:
    """Store the file of a form; `show` makes the answer of it."""
    settings, attachment_id = call.runtime.settings, str(uuid4())
    name, content_type, content = await _sent_file(request, settings.max_attachment)
    await asyncio.to_thread(_store, service.stored_file(settings.data, attachment_id), content)

    def unit(ctx: Context) -> T:
        row = service.record(ctx, attachment_id, name, content_type, len(content))
        url = service.attachment_url(settings.base_url, row)
        return show(AttachmentOut(attachment_id=attachment_id, name=name, url=url))

    return await call.write(unit)


async def _sent_file(request: Request, limit: int) -> tuple[str, str, bytes]:
    """Name, content type and bytes of the one file in a form."""
    too_large = TooLarge(f"An attachment may have at most {limit} bytes (max_attachment).")
    async with bounded(request, limit + FORM_OVERHEAD, too_large).form(max_files=1, max_fields=10) as form:
        file: Any = form.get("file")
        if file is None or isinstance(file, str):
            raise Invalid.at("body", "file", msg="Send the file as multipart/form-data field 'file'.", kind="missing")
        if (file.size or 0) > limit:
            raise too_large
        content = await file.read()
        return service.clean_name(file.filename), service.clean_type(file.content_type, content), content


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
    query = request.query_params
    expires, signature = query.get("expires", ""), query.get("signature", "")
    row = await call.read(lambda ctx: service.linked(ctx, attachment_id, expires, signature))
    await call.runtime.addresses.require(call.runtime.database, row.enterprise_id, address_of(request))
    path = service.stored_file(call.runtime.settings.data, attachment_id)
    return FileResponse(path, media_type=row.content_type, filename=row.name, headers=FILE_HEADERS)
