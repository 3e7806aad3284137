"""Health, metrics and the API document."""

import asyncio
import secrets
from typing import Literal

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from cogmill import __version__
from cogmill.api.readiness import looked_at
from cogmill.kit.errors import Forbidden, Unauthenticated, Unavailable
from cogmill.kit.metrics import DATABASE_WAITING
from cogmill.web.call import Call
from cogmill.web.params import Out


class Health(Out):
    status: Literal["ok"]
    version: str


async def healthz(call: Call) -> Health:  # noqa: ARG001 - every handler takes the call
    """The process answers."""
    return Health(status="ok", version=__version__)


async def readyz(call: Call) -> Health:
    """The process can do its work: database, disk and engine are as they should be, and it is not stopping."""
    wrong = await looked_at(call)
    if wrong:
        said = " ".join(f"{name}: {text}." for name, text in wrong.items())
        raise Unavailable(f"The server cannot do its work now. {said}", failed=sorted(wrong))
    return Health(status="ok", version=__version__)


async def metrics(call: Call, request: Request) -> Response:
    """Prometheus metrics. They name organizations, so that beyond loopback a token is asked for."""
    settings = call.runtime.settings
    if settings.metrics_token is not None:
        due = f"Bearer {settings.metrics_token.get_secret_value()}"
        if not secrets.compare_digest(request.headers.get("authorization", "").encode(), due.encode()):
            raise Unauthenticated("Send the token of COGMILL_METRICS_TOKEN as 'Authorization: Bearer …'.")
    elif not settings.on_loopback:
        raise Forbidden("Metrics are shown beyond loopback only with a token: set COGMILL_METRICS_TOKEN.")
    DATABASE_WAITING.set(call.runtime.database.waiting)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def openapi(call: Call) -> Response:  # noqa: ARG001
    """The API document (OpenAPI 3.1)."""
    from cogmill.api.document import rendered  # a tenth of a server's memory, and hardly ever asked for

    return Response(await asyncio.to_thread(rendered), media_type="application/json")
