"""Every refusal as a problem document (RFC 9457), rendered in one place."""

import json
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from cogmill.kit.errors import Invalid, Refusal

PROBLEM = "application/problem+json"


def problem(status: int, title: str, detail: Any, request_id: str, **more: Any) -> Response:
    """The problem document. `detail` is a string; for 422 the list of {loc, msg, type} that clients know."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "request_id": request_id}
    return Response(json.dumps(body | more, default=str), status, media_type=PROBLEM)


def plain(status: int, detail: Any) -> Response:
    """The same for the old APIs, whose clients know `detail` alone."""
    return Response(json.dumps({"detail": detail}, default=str), status, media_type="application/json")


def refused(refusal: Refusal, request_id: str, *, legacy: bool = False) -> Response:
    """A refusal of a service or of the guard."""
    detail: Any = refusal.problems if isinstance(refusal, Invalid) else refusal.detail
    if legacy:
        answer = plain(refusal.status, detail)
    else:
        answer = problem(refusal.status, refusal.title, detail, request_id, **refusal.extra)
    answer.headers.update(refusal.headers)
    if refusal.status == 401:
        answer.headers["www-authenticate"] = "Bearer"
    return answer


def invalid(error: ValidationError, where: str) -> Invalid:
    """Pydantic's findings as our refusal; what the caller sent is not repeated."""
    problems = [
        {"loc": [where, *item["loc"]], "msg": item["msg"], "type": item["type"]}
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return Invalid(problems)


def crashed(request_id: str, *, legacy: bool = False) -> Response:
    """A fault of ours: says so, and what to quote; the log has the rest."""
    detail = f"Something failed on the server. Its log has the cause under request id {request_id}."
    return plain(500, detail) if legacy else problem(500, "Internal server error", detail, request_id)
