"""The cookie of a signed-in browser, and the checks that keep other sites from using it."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from cogmill.kit.errors import Forbidden
from cogmill.kit.settings import Settings

HEADER = "x-cogmill-page"
"""Every changing request with a cookie carries it. A page of another site cannot set it without being asked first."""

JOURNEY = "-oidc"
"""Behind the name of the cookie: the one of a sign-in that is under way."""


def is_secure(settings: Settings, request: Request) -> bool:
    """Whether browsers reach this server by https."""
    return settings.behind_proxy or request.url.scheme == "https" or settings.base_url.startswith("https://")


def _name(settings: Settings, request: Request) -> str:
    # Browsers take a __Host- cookie only over https, and from no other host of the same domain.
    return "__Host-cogmill" if is_secure(settings, request) else "cogmill"


def read(settings: Settings, request: Request) -> str | None:
    return request.cookies.get(_name(settings, request))


def give(settings: Settings, request: Request, response: Response, token: str) -> Response:
    response.set_cookie(
        _name(settings, request), token, max_age=int(settings.browser_session_hours * 3600), path="/",
        secure=is_secure(settings, request), httponly=True, samesite="lax",
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return response


def take_back(settings: Settings, request: Request, response: Response) -> Response:
    name, secure = _name(settings, request), is_secure(settings, request)
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
    return response


def read_journey(settings: Settings, request: Request) -> str | None:
    return request.cookies.get(_name(settings, request) + JOURNEY)


def give_journey(settings: Settings, request: Request, response: Response, sealed: str, seconds: int) -> Response:
    """What a browser keeps while it is at the identity provider. Lax: it comes back by a link of another site."""
    response.set_cookie(
        _name(settings, request) + JOURNEY, sealed, max_age=seconds, path="/", secure=is_secure(settings, request),
        httponly=True, samesite="lax",
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return response


def take_journey_back(settings: Settings, request: Request, response: Response) -> Response:
    name, secure = _name(settings, request) + JOURNEY, is_secure(settings, request)
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
    response.headers["cache-control"] = "no-store"
    return response


def require_own_page(settings: Settings, request: Request) -> None:
    """Refuse what a browser sends for a page of another site; programs send neither header."""
    fetched_from = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if fetched_from != "same-origin" or (origin is not None and not _is_own(settings, request, origin)):
        raise Forbidden("This request comes from a page of another site. Use the pages of this server.")


def _is_own(settings: Settings, request: Request, origin: str) -> bool:
    public = urlsplit(settings.base_url)
    if origin == f"{public.scheme}://{public.netloc}":
        return True
    scheme = "https" if is_secure(settings, request) else "http"
    return origin == f"{scheme}://{request.headers.get('host', '')}"


def require_header(request: Request) -> None:
    if request.headers.get(HEADER) is None:
        raise Forbidden(f"With a cookie, requests that change something carry the header {HEADER}: 1.")
