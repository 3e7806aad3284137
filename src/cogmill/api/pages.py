"""The pages: files of the console, the same for every caller; what they show they fetch over the public API."""

import mimetypes
from importlib.resources import files

from starlette.responses import Response

from cogmill.kit.errors import NotFound
from cogmill.web.call import Call

HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


async def index(call: Call) -> Response:  # noqa: ARG001 - every handler takes the call
    return _file("index.html")


async def docs(call: Call) -> Response:  # noqa: ARG001
    return _file("docs.html")


async def session(call: Call, org_id: str, devin_id: str) -> Response:  # noqa: ARG001 - the page reads its own address
    return _file("session.html")


async def pull_request(call: Call, org_id: str, pull_request_id: str) -> Response:  # noqa: ARG001
    return _file("pull_request.html")


async def static(call: Call, name: str) -> Response:  # noqa: ARG001
    return _file(name)


def _file(name: str) -> Response:
    folder = files("cogmill.console") / "static"
    found = folder.joinpath(name) if ".." not in name.split("/") and not name.startswith("/") else folder
    if not found.is_file():
        raise NotFound("There is no such page.")
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(found.read_bytes(), media_type=media_type, headers=HEADERS)
