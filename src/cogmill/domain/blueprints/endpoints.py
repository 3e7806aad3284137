"""Handlers of blueprints and their files, for organizations and for the enterprise: the scope tells them apart."""

from starlette.requests import Request
from starlette.responses import Response

from cogmill.access.context import Context
from cogmill.domain.blueprints import files, service
from cogmill.domain.blueprints.schemas import (
    BlueprintFileListOut,
    BlueprintFileOut,
    BlueprintIn,
    BlueprintListOut,
    BlueprintOut,
    BlueprintPatch,
    BlueprintQuery,
    EnterpriseBlueprintIn,
    EnterpriseBlueprintPut,
    FileQuery,
)
from cogmill.kit.errors import Invalid, TooLarge
from cogmill.web.addresses import address_of
from cogmill.web.call import Call
from cogmill.web.inputs import bounded
from cogmill.web.links import TEXT_HEADERS, LinkQuery, PresignedUrlOut

FORM_OVERHEAD = 65536
"""What a form may add to its file."""


def list_(ctx: Context, query: BlueprintQuery) -> BlueprintListOut:
    """In the order in which builds run them."""
    return BlueprintListOut(data=[service.present(row) for row in service.list_all(ctx, query.repo_name)])


def list_shared(ctx: Context) -> BlueprintListOut:
    return BlueprintListOut(data=[service.present(row) for row in service.list_all(ctx)])


def create(ctx: Context, body: BlueprintIn) -> BlueprintOut:
    """Without `repo_name` the organization's own, which also needs ManageOrgSnapshots. The request starts no build."""
    return service.present(service.create(ctx, body))


def create_shared(ctx: Context, body: EnterpriseBlueprintIn) -> BlueprintOut:
    """The enterprise has one blueprint, which builds of every organization run first. The request starts no build."""
    return service.present(service.create_shared(ctx, body.contents))


def get(ctx: Context, blueprint_id: str) -> BlueprintOut:
    return service.present(service.find(ctx, blueprint_id))


def update(ctx: Context, blueprint_id: str, body: BlueprintPatch) -> BlueprintOut:
    """The request starts no build."""
    return service.present(service.change(ctx, blueprint_id, body))


def replace_shared(ctx: Context, blueprint_id: str, body: EnterpriseBlueprintPut) -> BlueprintOut:
    """The request starts no build."""
    return service.present(service.replace(ctx, blueprint_id, body.contents))


def delete(ctx: Context, blueprint_id: str) -> Response:
    service.remove(ctx, blueprint_id)
    return Response(status_code=204)


def contents(ctx: Context, blueprint_id: str) -> PresignedUrlOut:
    """A link to the YAML."""
    return service.link(ctx, blueprint_id)


def list_files(ctx: Context, blueprint_id: str) -> BlueprintFileListOut:
    return BlueprintFileListOut(data=[files.present(row) for row in files.list_all(ctx, blueprint_id)])


async def upload_file(call: Call, request: Request, blueprint_id: str, query: FileQuery) -> BlueprintFileOut:
    """For the steps of builds, which find its path in the variable `env_var_name`; the same name replaces."""
    name = files.check_name(query.name)
    await call.read(lambda ctx: service.find(ctx, blueprint_id))
    content = await _sent_file(request)
    done: BlueprintFileOut = await call.write(lambda ctx: files.present(files.keep(ctx, blueprint_id, name, content)))
    return done


async def _sent_file(request: Request) -> bytes:
    too_large = TooLarge(f"A blueprint's file may have at most {files.LARGEST} bytes.")
    async with bounded(request, files.LARGEST + FORM_OVERHEAD, too_large).form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if file is None or isinstance(file, str):
            raise Invalid.at("body", "file", msg="Send the file as multipart/form-data field 'file'.", kind="missing")
        if (file.size or 0) > files.LARGEST:
            raise too_large
        return await file.read()


def delete_file(ctx: Context, blueprint_id: str, file_id: str) -> Response:
    files.remove(ctx, blueprint_id, file_id)
    return Response(status_code=204)


async def text(call: Call, request: Request, blueprint_id: str, query: LinkQuery) -> Response:
    """What a signed link leads to."""
    row = await call.read(lambda ctx: service.linked(ctx, blueprint_id, query))
    await call.runtime.addresses.require(call.runtime.database, row.enterprise_id, address_of(request))
    return Response(row.contents, media_type="text/yaml; charset=utf-8", headers=TEXT_HEADERS)
