"""The pages: files of the console, the same for every caller; what they show they fetch over the public API."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from cogmill.console import files
from cogmill.kit.errors import NotFound
from cogmill.web.call import Call

HEADERS = {
    "content-security-policy": files.CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
# Swagger UI writes style attributes and shows pictures that are part of its style sheet.
DOCS_POLICY = f"{files.CONTENT_SECURITY_POLICY}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
SWAGGER = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}


async def index(call: Call) -> Response:  # noqa: ARG001 - every handler takes the call
    return _page("index")


async def sign_in(call: Call) -> Response:  # noqa: ARG001
    return _page("sign_in")


async def invitation(call: Call) -> Response:  # noqa: ARG001
    return _page("invitation")


async def statistics(call: Call) -> Response:  # noqa: ARG001
    return _page("statistics")


async def docs(call: Call) -> Response:  # noqa: ARG001
    answer = _page("docs")
    answer.headers["content-security-policy"] = DOCS_POLICY
    return answer


async def session(call: Call, org_id: str, devin_id: str) -> Response:  # noqa: ARG001 - the page reads its own address
    return _page("session")


async def pull_request(call: Call, org_id: str, pull_request_id: str) -> Response:  # noqa: ARG001
    return _page("pull_request")


async def asset(call: Call, request: Request, name: str) -> Response:  # noqa: ARG001
    """A script, style sheet or picture of the pages."""
    try:
        found = files.asset(name)
    except KeyError:
        raise NotFound("There is no such file.") from None
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=HEADERS | {"etag": found.etag})
    return Response(found.content, media_type=found.media_type, headers=HEADERS | {"etag": found.etag})


async def swagger(call: Call, name: str) -> Response:  # noqa: ARG001
    """Swagger UI itself, from the installed package: nothing is fetched from elsewhere."""
    if name not in SWAGGER:
        raise NotFound("There is no such file.")
    return Response(_swagger(name), media_type=SWAGGER[name], headers=HEADERS | {"cache-control": "max-age=86400"})


@cache
def _swagger(name: str) -> bytes:
    found = find_spec("fastapi_offline")
    assert found is not None  # noqa: S101 - a dependency
    assert found.origin is not None  # noqa: S101
    return (Path(found.origin).parent / "static" / name).read_bytes()


def _page(name: str) -> Response:
    return Response(files.page(name), media_type="text/html", headers=HEADERS)
