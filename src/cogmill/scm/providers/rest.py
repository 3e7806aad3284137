"""Calling a provider's HTTP API: one host, no redirects, short errors without secrets."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import httpx

from cogmill.scm.git import clean
from cogmill.scm.provider import ProviderError

_PATIENCE = httpx.Timeout(30.0, connect=10.0)
_MOST_PAGES = 20
_MOST = 8 * 1024**2


def quoted(text: str, *, safe: str = "") -> str:
    """A text as one part of an address; `safe="/"` for a path."""
    return quote(text, safe=safe)


class Rest:
    """The API at one address, called with one secret."""

    def __init__(self, name: str, address: str, headers: dict[str, str], secret: str) -> None:
        self._name, self._address, self._secret = name, address.rstrip("/"), secret
        self._headers = {"accept": "application/json", "user-agent": "cogmill", **headers}

    async def call(self, method: str, path: str, *, params: dict[str, Any] | None = None, body: Any = None) -> Any:
        """The JSON answer. ProviderError for everything but success; a redirect is none, for it leads elsewhere."""
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE, follow_redirects=False) as client:
                request = client.build_request(
                    method, self._address + path, params=params, json=body, headers=self._headers
                )
                answer = await client.send(request, stream=True)
                try:
                    content = await self._content(answer)
                finally:
                    await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderError(f"{self._name} cannot be reached: {type(error).__name__}.") from None
        if answer.is_redirect:
            raise ProviderError(
                f"{self._name} redirects {method} {path}: the repository may have a new name, or the API address of "
                "the connection is wrong.",
                status=answer.status_code,
            )
        found = self._parsed(answer, content)
        if not answer.is_success:
            raise ProviderError(self._said(answer.status_code, found), status=answer.status_code)
        return found

    async def _content(self, answer: httpx.Response) -> bytes:
        kept = bytearray()
        async for chunk in answer.aiter_bytes():
            kept += chunk
            if len(kept) > _MOST:
                raise ProviderError(f"{self._name} answered with more than {_MOST} bytes.")
        return bytes(kept)

    def _parsed(self, answer: httpx.Response, content: bytes) -> Any:
        try:
            return json.loads(content) if content else None
        except ValueError:
            if answer.is_success:
                raise ProviderError(f"{self._name} answered with something that is no JSON.") from None
            return None

    def _said(self, status: int, found: Any) -> str:
        said = found.get("message") or found.get("error") if isinstance(found, dict) else None
        if isinstance(found, dict) and isinstance(found.get("errors"), list):
            said = f"{said} {found['errors']}"
        text = clean(str(said or "")).replace(self._secret, "***")[:300]
        advice = {
            401: " The connection's credentials are refused there; an administrator updates them.",
            403: " The connection's credentials may not do this there.",
            404: " It is not there, or the connection's credentials do not reach it.",
        }.get(status, "")
        return f"{self._name} answered {status}{': ' + text if text else ''}.{advice}"


async def is_there(mark: str, page: Callable[[int], Awaitable[Any]]) -> bool:
    """Whether one of the texts at a pull request, asked for page by page, has this mark."""
    for number in range(1, _MOST_PAGES + 1):
        found = objects(await page(number))
        if any(mark in (one.get("body") or "") for one in found):
            return True
        if not found:
            break
    return False


def number(found: Any, key: str) -> int:
    """A number of an answer."""
    value = found.get(key) if isinstance(found, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProviderError(f"The provider's answer has no {key!r}.")
    return value


def text(found: Any, key: str) -> str:
    """A text of an answer."""
    value = found.get(key) if isinstance(found, dict) else None
    if not isinstance(value, str):
        raise ProviderError(f"The provider's answer has no {key!r}.")
    return value


def objects(found: Any) -> list[dict[str, Any]]:
    """A list of objects."""
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ProviderError("The provider's answer is no list.")
    return found
