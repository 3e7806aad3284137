"""Health, metrics and the API document."""

import asyncio
from typing import Literal

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from starlette.responses import Response

from cogmill import __version__
from cogmill.kit.errors import Unavailable
from cogmill.web.call import Call
from cogmill.web.params import Out


class Health(Out):
    status: Literal["ok"]
    version: str


async def healthz(call: Call) -> Health:  # noqa: ARG001 - every handler takes the call
    """The process answers."""
    return Health(status="ok", version=__version__)


async def readyz(call: Call) -> Health:
    """The process can do its work: the database answers and the engine is not stopping."""
    if call.runtime.hub.closing:
        raise Unavailable("The server is shutting down.")
    try:
        await call.read(lambda ctx: ctx.db.execute(text("SELECT 1")))
    except Exception as error:
        raise Unavailable(f"The database does not answer: {type(error).__name__}.") from None
    return Health(status="ok", version=__version__)


async def metrics(call: Call) -> Response:  # noqa: ARG001
    """Prometheus metrics."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def openapi(call: Call) -> Response:  # noqa: ARG001
    """The API document (OpenAPI 3.1)."""
    from cogmill.api.document import rendered  # a tenth of a server's memory, and hardly ever asked for

    return Response(await asyncio.to_thread(rendered), media_type="application/json")
