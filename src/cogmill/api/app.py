"""The ASGI application: the routes of the table, and what surrounds every request."""

import random
import re
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import date
from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cogmill.access.context import Runtime
from cogmill.access.rate_limits import Said
from cogmill.api import gateway
from cogmill.api.build import routes
from cogmill.api.operations import Op
from cogmill.api.routing import OpRouter
from cogmill.kit import metrics
from cogmill.kit.logs import logger
from cogmill.kit.traces import Traces
from cogmill.web import legacy
from cogmill.web.addresses import Proxies
from cogmill.web.errors import crashed, plain, problem
from cogmill.web.head import HeadAsGet

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
UNTRACED = {"/healthz", "/readyz", "/metrics"}
"""Asked every few seconds by machines that want no trace of it."""
log = logger("http")
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def create_app(runtime: Runtime, table: list[Op], lifespan: Lifespan | None = None) -> Starlette:
    """The application over a runtime; nothing starts before its lifespan does."""
    app = Api()
    app.router = OpRouter(routes(table, runtime), lifespan=lifespan)
    app.router.routes.append(gateway.route(runtime))
    app.trusted_proxies = runtime.settings.trusted_proxies
    app.sunset = runtime.settings.legacy_sunset
    app.traces = runtime.traces
    return app


class Api(Starlette):
    """Routes, and around them only what we need."""

    trusted_proxies: list[str] | None = None
    sunset: date | None = None
    traces: Traces | None = None

    def build_middleware_stack(self) -> ASGIApp:
        inner = HeadAsGet(self.router)
        proxies = Proxies(self.trusted_proxies) if self.trusted_proxies else None
        return Surroundings(inner, proxies, self.sunset, self.traces)


def _answer_of(error: HTTPException, scope: Scope) -> Response:
    """What the router, or Starlette itself, refuses."""
    detail, headers = error.detail, error.headers or {}
    if error.status_code == 404:
        detail = f"There is no operation at {scope['path'][:200]!r}. /docs lists them."
    elif error.status_code == 405:
        detail = f"{scope['method']} is not possible here, only {headers['Allow']}."
    title = HTTPStatus(error.status_code).phrase
    if legacy.is_legacy(scope["path"]):
        answer = plain(error.status_code, detail)
    else:
        answer = problem(error.status_code, title, detail, scope["request_id"])
    answer.headers.update(headers)
    return answer


class Surroundings:
    """Request id, metrics, a span, one log line, and a decent answer when we fail."""

    def __init__(self, app: ASGIApp, proxies: Proxies | None, sunset: date | None, traces: Traces | None) -> None:
        self._app = app
        self._proxies = proxies
        self._sunset = sunset
        self._traces = traces
        self._log = log.bind()  # once: it costs more than a line that nobody asked for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket" and self._proxies is not None:
                self._proxies.resolve(scope)
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id = _request_id(scope)
        counted: Said = []
        scope["rate_limits"] = counted
        if self._proxies is not None:
            self._proxies.resolve(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began, status, is_legacy = time.perf_counter(), 0, legacy.is_legacy(scope["path"])

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = [(b"x-request-id", request_id.encode()), *_rate_limits(counted)]
                more += legacy.headers(scope, self._sunset) if is_legacy else []
                message["headers"] = [*message.get("headers", []), *more]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except HTTPException as error:
            if status != 0:
                raise
            await _answer_of(error, scope)(scope, receive, sending)
        except ClientDisconnect:
            pass  # nobody is there any more to be told
        except Exception:
            log.exception("request_failed", method=scope["method"], route=_route(scope))
            if status == 0:
                await crashed(request_id, legacy=is_legacy)(scope, receive, sending)
        finally:
            self._note(scope, status, time.perf_counter() - began)
            if self._traces is not None:
                _trace(self._traces, scope, status, time.perf_counter() - began)
            structlog.contextvars.clear_contextvars()

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        requests, durations = metrics.http(metrics.method(scope["method"]), route, status)
        requests.inc()
        durations.observe(seconds)
        self._log.debug("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))


def _request_id(scope: Scope) -> str:
    sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
    return sent if REQUEST_ID.fullmatch(sent) else f"req-{random.getrandbits(96):024x}"


def _rate_limits(counted: Said) -> list[tuple[bytes, bytes]]:
    """The headers of draft-ietf-httpapi-ratelimit-headers, when the guard has counted the request."""
    if not counted:
        return []
    policies, states = (", ".join(parts).encode() for parts in zip(*counted, strict=True))
    return [(b"ratelimit-policy", policies), (b"ratelimit", states)]


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "none")


def _trace(traces: Traces, scope: Scope, status: int, seconds: float) -> None:
    route, method, now = _route(scope), metrics.method(scope["method"]), time.time()
    if route in UNTRACED:
        return
    traceparent = next((value for name, value in scope["headers"] if name == b"traceparent"), b"").decode("latin-1")
    attributes = {
        "http.request.method": method if method != "other" else "_OTHER",
        "http.route": route if route != "none" else None,
        "http.response.status_code": status or None,
        "url.path": scope["path"],
        "url.scheme": scope["scheme"],
        "cogmill.request_id": scope["request_id"],
    }
    failure = str(status) if status >= 500 else "disconnected" if status == 0 else None
    name = f"{method} {route}" if route != "none" else method
    traces.record_request(name, now - seconds, now, attributes, traceparent or None, failure)
