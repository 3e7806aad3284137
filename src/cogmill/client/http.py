"""Requests and answers: one place that adds the key, retries what may be retried and turns failures into errors."""

import json
import random
import re
import time
from collections.abc import Mapping
from typing import Any

import httpx

from cogmill import __version__
from cogmill.client.errors import (
    AnswerError,
    BadInput,
    FieldProblem,
    NetworkError,
    NotAuthenticated,
    Refused,
    ServerFault,
)
from cogmill.client.settings import Target

Json = dict[str, Any]
RETRIES = 2
RETRY_STATUS = frozenset({429, 502, 503, 504})
_PERMISSION = re.compile(r"\b(?:Use|View|Manage|Read|Impersonate)[A-Z][A-Za-z]+\b")
_KEY = re.compile(r"\bcog_[A-Za-z0-9]{8,}")


class Http:
    """An httpx client bound to a target. Give `transport` to test without sockets."""

    def __init__(self, target: Target, *, timeout: float = 30.0, transport: httpx.BaseTransport | None = None) -> None:
        self.target = target
        self._client = httpx.Client(
            base_url=target.base_url,
            headers={"User-Agent": f"cogmill/{__version__}", "Accept": "application/json"},
            timeout=httpx.Timeout(timeout, connect=10.0),
            transport=transport,
            trust_env=not target.is_local,
        )

    def close(self) -> None:
        self._client.close()

    def json(self, method: str, path: str, **request: Any) -> Any:
        """Send, retry if that is safe, and give back the decoded answer."""
        response = self._send(method, path, **request)
        try:
            return response.json()
        except ValueError:
            raise ServerFault(
                "The server's answer is not JSON.",
                status=response.status_code,
                hint=f"Is {self.target.shown_url} really a Cogmill server, or a proxy before it?",
            ) from None

    def send(self, method: str, path: str, **request: Any) -> None:
        """The same for what is answered without content."""
        self._send(method, path, **request)

    def download(self, url: str) -> bytes:
        """A file, over the redirect to its signed address. Only the target's own host ever sees the key."""
        address, base = httpx.URL(url), httpx.URL(self.target.base_url)
        origins = {(part.scheme, part.host, part.port) for part in (address, base)}
        if address.is_absolute_url and len(origins) > 1:
            raise BadInput(f"{redact(url)} is not a file of {self.target.shown_url}.")
        return self._send("GET", url, follow_redirects=True).content

    def json_or_nothing(self, method: str, path: str) -> Any:
        """As `json`, where an answer may be empty: then None."""
        response = self._send(method, path)
        return response.json() if response.content else None

    def stream(self, path: str, headers: Mapping[str, str], idle_timeout: float) -> "httpx.Response":
        """Open a long answer; the caller closes it. Failures come as errors, as with `json`."""
        request = self._client.build_request(
            "GET", path, headers={**self._authorization(), **headers}, timeout=httpx.Timeout(10.0, read=idle_timeout)
        )
        try:
            response = self._client.send(request, stream=True)
            if response.status_code >= 300:
                response.read()
        except httpx.HTTPError as error:
            raise self._network(error) from None
        if response.status_code >= 300:
            response.close()
            raise self.failure(response)
        return response

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.target.key}"}

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        request["headers"] = {**self._authorization(), **request.get("headers", {})}
        for attempt in range(RETRIES + 1):
            is_last = attempt == RETRIES
            try:
                response = self._client.request(method, path, **request)
            except httpx.ConnectError as error:  # nothing was sent: safe for every method
                if is_last:
                    raise self._network(error) from None
            except httpx.HTTPError as error:
                if is_last or method != "GET":
                    raise self._network(error) from None
            else:
                may_repeat = method == "GET" or response.status_code == 429
                if is_last or response.status_code not in RETRY_STATUS or not may_repeat:
                    if response.status_code >= 300:
                        raise self.failure(response)
                    return response
                time.sleep(_retry_after(response, attempt))
                continue
            time.sleep(pause(attempt))
        raise AssertionError("unreachable")

    def _network(self, error: httpx.HTTPError) -> NetworkError:
        where = self.target.shown_url
        if isinstance(error, httpx.ConnectError):
            return NetworkError(
                f"No server answers at {where}.",
                hint="Start one with `cogmill serve`, or set COGMILL_URL to where it runs.",
            )
        if isinstance(error, httpx.TimeoutException):
            return NetworkError(
                f"{where} did not answer in time.", hint="Try again; `cogmill doctor` checks the server."
            )
        return NetworkError(f"The connection to {where} broke ({type(error).__name__}).", hint="Try again.")

    def failure(self, response: httpx.Response) -> AnswerError:
        """The error that a non-success answer stands for."""
        body = _body(response)
        message, fields = _detail(body, response)
        request_id = body.get("request_id") or response.headers.get("x-request-id")
        permission = body.get("permission") or next(iter(_PERMISSION.findall(message)), None)
        kind: type[AnswerError] = Refused
        hint = None
        if response.status_code == 401:
            kind = NotAuthenticated
        elif response.status_code >= 500:
            kind, hint = ServerFault, "The fault is on the server's side: its log has this request id."
        elif response.status_code < 400:
            kind, hint = ServerFault, f"{self.target.shown_url} redirects; set COGMILL_URL to the final address."
        return kind(
            message,
            status=response.status_code,
            request_id=str(request_id) if request_id else None,
            fields=fields,
            permission=str(permission) if permission else None,
            hint=hint,
        )


def pause(attempt: int, ceiling: float = 10.0) -> float:
    """Seconds to wait before the next try: doubling, with jitter."""
    return float(min(ceiling, 0.2 * 2**attempt) * random.uniform(0.7, 1.3))


def redact(text: str) -> str:
    """The text with anything that looks like a key cut off."""
    return _KEY.sub("cog_…", text)


def _retry_after(response: httpx.Response, attempt: int) -> float:
    value = response.headers.get("retry-after", "")
    return min(float(value), 30.0) if value.isascii() and value.isdigit() else pause(attempt)


def _body(response: httpx.Response) -> Json:
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return body if isinstance(body, dict) else {}


def _detail(body: Json, response: httpx.Response) -> tuple[str, tuple[FieldProblem, ...]]:
    detail = body.get("detail") or body.get("title")
    if isinstance(detail, list):
        entries = [entry for entry in detail if isinstance(entry, dict)]
        fields = tuple(
            FieldProblem(".".join(str(part) for part in entry.get("loc", [])), redact(str(entry.get("msg", ""))))
            for entry in entries
        )
        return "The request is not valid.", fields
    if isinstance(detail, str) and detail:
        return redact(detail), ()
    return f"The server answered {response.status_code} {response.reason_phrase}".rstrip() + ".", ()
