"""Calls to addresses that users name: only to where they may lead, checked on the address that is connected to."""

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from ssl import SSLContext

import httpx

from cogmill.kit.networks import Address, Ranges, address

SECONDS = 20.0
EXCERPT = 2048
_MOST_ADDRESSES = 3
_UNICAST = IPv6Network("2000::/3")
_6TO4 = IPv6Network("2002::/16")


class NotAllowed(Exception):
    """The address may not be called; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call. Without a status there was no answer, and `error` says why."""

    status: int | None
    duration_ms: int
    error: str | None = None
    excerpt: str | None = None
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def is_public(one: Address) -> bool:
    """Whether an address belongs to the open internet, by no detour either (IPv4 inside IPv6)."""
    if isinstance(one, IPv6Address) and (one not in _UNICAST or one in _6TO4):
        return False
    return one.is_global and not one.is_multicast


class Outbound:
    """The way out. `private` are ranges beyond the public internet that may be called nevertheless."""

    def __init__(self, private: list[str], seconds: float = SECONDS) -> None:
        self._allowed = Ranges(private)
        self._plain = bool(private)
        self._seconds = seconds
        self._context: SSLContext | None = None

    def check(self, text: str) -> None:
        """Refuse an address that can never be called. What its name resolves to is checked at every call."""
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise NotAllowed(f"is no address: {error}") from None
        if url.scheme not in {"https", "http"} or not url.host or any(map(str.isspace, text)):
            raise NotAllowed("must begin with https:// and name a host")
        if url.userinfo or url.fragment:
            raise NotAllowed("must have neither user name nor fragment")
        if url.scheme == "http" and not self._plain:
            raise NotAllowed("must begin with https://; http:// is for private addresses that the settings allow")
        literal = address(f"[{url.host}]" if ":" in url.host else url.host)
        if literal is not None:
            self._check_address(literal, url.scheme)

    async def post(self, text: str, headers: dict[str, str], body: bytes) -> Answer:
        """One request, no redirects. Never raises: what went wrong is part of the answer."""
        began = time.monotonic()
        error: str
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(httpx.URL(text), headers, body, began)
        except TimeoutError:
            error = f"no answer within {self._seconds:g} s"
        except NotAllowed as refused:
            error = str(refused)
        except socket.gaierror as unknown:
            error = f"the host's name cannot be resolved: {unknown.strerror}"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as failed:
            error = f"{type(failed).__name__}: {failed}"[:500]
        return Answer(None, _since(began), error)

    async def _post(self, url: httpx.URL, headers: dict[str, str], body: bytes, began: float) -> Answer:
        self.check(str(url))
        targets = await self._resolve(url)
        sent = {"host": url.netloc.decode(), "accept-encoding": "identity", "user-agent": "Cogmill", **headers}
        # A client for each call: no connection made for one host serves another one at the same address.
        async with httpx.AsyncClient(verify=self._tls(), trust_env=False, timeout=self._seconds) as client:
            for place, target in enumerate(targets, start=1):
                request = client.build_request(
                    "POST", url.copy_with(host=str(target)), headers=sent, content=body,
                    extensions={"sni_hostname": url.raw_host.decode()},
                )  # fmt: skip
                try:
                    response = await client.send(request, stream=True)
                except httpx.ConnectError:
                    if place == len(targets):
                        raise
                    continue
                try:
                    return await _read(response, began)
                finally:
                    await response.aclose()
        raise AssertionError

    async def _resolve(self, url: httpx.URL) -> list[Address]:
        """The addresses behind the name that may be called; the connection goes to one of just these."""
        port = url.port or (443 if url.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.raw_host.decode().strip("[]"), port, type=socket.SOCK_STREAM)
        resolved = [one for info in found if (one := _plain(str(info[4][0]))) is not None]
        refused: NotAllowed | None = None
        allowed: list[Address] = []
        for one in dict.fromkeys(resolved):
            try:
                self._check_address(one, url.scheme)
                allowed.append(one)
            except NotAllowed as why:
                refused = why
        if not allowed:
            raise refused or NotAllowed("the host's name resolves to no address")
        return allowed[:_MOST_ADDRESSES]

    def _check_address(self, one: Address, scheme: str) -> None:
        if one in self._allowed:
            return
        if not is_public(one):
            raise NotAllowed(
                f"leads to {one}, which is no public address; the server's administrator can allow it with "
                "COGMILL_WEBHOOK_PRIVATE_ADDRESSES"
            )
        if scheme == "http":
            raise NotAllowed(f"leads to {one}, a public address: only https:// goes there")

    def _tls(self) -> SSLContext:
        if self._context is None:
            self._context = httpx.create_ssl_context()
            self._context.load_default_certs()
        return self._context


def _plain(text: str) -> Address | None:
    return address(f"[{text}]" if ":" in text else text)


async def _read(response: httpx.Response, began: float) -> Answer:
    """Status and the beginning of the body; the rest stays where it is."""
    read = b""
    with contextlib.suppress(httpx.HTTPError):
        async for chunk in response.aiter_raw():
            read += chunk[: EXCERPT - len(read)]
            if len(read) >= EXCERPT:
                break
    status, after = response.status_code, response.headers.get("retry-after", "")
    error = None
    if not 200 <= status < 300:
        error = f"answered {status}" + (", and redirects are not followed" if 300 <= status < 400 else "")
    retry_after = float(after) if after.isascii() and after.isdigit() and len(after) < 7 else None
    text = read.decode("utf-8", "replace").replace("\0", "\ufffd")
    return Answer(status, _since(began), error, text or None, retry_after)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
