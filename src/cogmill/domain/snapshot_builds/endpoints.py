"""Handlers of snapshot builds."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from cogmill.access.context import Context
from cogmill.domain.snapshot_builds import service
from cogmill.domain.snapshot_builds.schemas import BuildIn, BuildOut, BuildQuery, EmptyIn, LogQuery
from cogmill.web.addresses import address_of
from cogmill.web.call import Call
from cogmill.web.links import TEXT_HEADERS, PresignedUrlOut
from cogmill.web.params import Page, page_of


def list_(ctx: Context, query: BuildQuery) -> Page[BuildOut]:
    """Newest first."""
    return page_of(service.list_page(ctx, query).map(service.present))


def trigger(ctx: Context, body: BuildIn) -> BuildOut:
    """Runs in the background: one build of an organization after the other."""
    return service.present(service.trigger(ctx, partial=body.partial))


def get(ctx: Context, build_id: str) -> BuildOut:
    return service.present(service.find(ctx, build_id))


def cancel(ctx: Context, build_id: str) -> BuildOut:
    """Whatever runs in the build is killed. A build that has ended stays as it is."""
    return service.present(service.cancel(ctx, build_id))


def pin(ctx: Context, build_id: str, body: EmptyIn) -> BuildOut:  # noqa: ARG001 - the contract has an empty body
    """New sessions start from it until it is unpinned. Only a build that succeeded, within 7 days."""
    return service.present(service.pin(ctx, build_id))


def unpin(ctx: Context, build_id: str) -> BuildOut:
    return service.present(service.unpin(ctx, build_id))


def logs(ctx: Context, build_id: str) -> PresignedUrlOut:
    """A link to the log as far as it has come; `&offset=` and `&limit=` give a part of it, in bytes."""
    return service.log_link(ctx, build_id)


async def log(call: Call, request: Request, build_id: str, query: LogQuery) -> Response:
    """What a signed link leads to."""
    row = await call.read(lambda ctx: service.linked(ctx, build_id, query))
    await call.runtime.addresses.require(call.runtime.database, row.enterprise_id, address_of(request))
    path = service.log_file(call.runtime.settings.data, row.build_id)
    text = await asyncio.to_thread(service.read_log, path, query.offset, query.limit)
    return Response(text, media_type="text/plain; charset=utf-8", headers=TEXT_HEADERS)
