"""Where a request comes from: the peer, or what proxies that the operator trusts say of it."""

from collections.abc import Iterable

from starlette.requests import HTTPConnection
from starlette.types import Scope

from cogmill.kit.networks import Ranges, address


def address_of(request: HTTPConnection) -> str:
    """The caller's address as a text; empty when it cannot be told."""
    return request.client.host if request.client else ""


class Proxies:
    """Puts the caller's own address and scheme in the place of a trusted proxy's. Nobody else's headers count."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = Ranges(trusted)

    def resolve(self, scope: Scope) -> None:
        """The nearest address that no trusted proxy has: what stands further left could be made up by the caller."""
        if address((scope.get("client") or ("", 0))[0]) not in self._trusted:
            return
        for hop in reversed(_values(scope, b"x-forwarded-for")):
            scope["client"] = (str(address(hop) or "unknown"), 0)
            if address(hop) not in self._trusted:
                break
        for scheme in _values(scope, b"x-forwarded-proto")[-1:]:
            scope["scheme"] = "https" if scheme.lower() == "https" else "http"


def _values(scope: Scope, name: bytes) -> list[str]:
    """A list header, whether it was sent as one line or as several."""
    lines = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return [part.strip() for line in lines for part in line.split(",") if part.strip()]
