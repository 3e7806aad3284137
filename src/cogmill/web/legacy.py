"""What sets the old APIs apart from the rest: their keys, their switches, and the headers that tell of their end."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import Scope

from cogmill.access.context import Runtime
from cogmill.access.permissions import ENTERPRISE_PERMISSIONS
from cogmill.access.principals import Principal
from cogmill.kit.crypto import LEGACY_ORG_PREFIX, LEGACY_USER_PREFIX, TOKEN_PREFIX
from cogmill.kit.errors import Forbidden, Gone, Unauthenticated

Version = Literal["v1", "v2"]
PREFIXES = ("/v1/", "/v2/", "/beta/v2/")
DEPRECATED_SINCE = datetime(2026, 2, 1, tzinfo=UTC)
"""When v3 left its beta and the old APIs were deprecated."""
RENAMED = {
    "devin_id": "session_id", "idp_group_name": "group_name", "git_permission_id": "permission_id",
    "build_id": "snapshot_id",
}  # fmt: skip
"""Path parts of v3 that the old APIs call otherwise."""
_PART = re.compile(r"{(\w+)(?::path)?}")


@dataclass(frozen=True, slots=True)
class Legacy:
    """What a row of the old APIs says besides what every row says."""

    version: Version
    operation: str
    successors: tuple[str, ...]
    """The calls of v3 that replace it: method and path."""

    @property
    def way_forward(self) -> str:
        """For people."""
        if not self.successors:
            return "Nothing in v3 takes its place."
        return f"Use {' and '.join(self.successors)} with a cog_ key."


def is_legacy(path: str) -> bool:
    """Whether an address belongs to the old APIs, known there or not."""
    return path.startswith(PREFIXES)


async def legacy_caller(runtime: Runtime, request: Request, legacy: Legacy) -> Principal:
    """Who calls an old API. Every call of a key that works is counted, so that its owner can be told to move."""
    is_served: bool = getattr(runtime.settings, f"legacy_{legacy.version}")
    switched_off = Gone(f"The {legacy.version} API is switched off on this server. {legacy.way_forward}")
    try:
        caller, is_personal = await _holder(runtime, request, legacy)
    except Unauthenticated:
        if is_served:
            raise
        raise switched_off from None
    runtime.legacy_calls.note(caller.api_key_id, legacy.operation, runtime.clock())
    if not is_served:
        raise switched_off
    return caller if legacy.version == "v1" else _of_enterprise(caller, is_personal=is_personal)


async def _holder(runtime: Runtime, request: Request, legacy: Legacy) -> tuple[Principal, bool]:
    """The key's principal, and whether the key is a person's."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token:
        raise Unauthenticated("Send a legacy API key as 'Authorization: Bearer apk_…'.")
    request.scope["sent_key"] = token  # for the record, should it not work
    if token.startswith(TOKEN_PREFIX):
        raise Unauthenticated(f"cog_ keys do not work on {legacy.version}, they work on /v3. {legacy.way_forward}")
    caller = await runtime.authenticator.legacy_principal(token, runtime.clock())
    if caller is None:
        kinds = f"{LEGACY_USER_PREFIX}… or {LEGACY_ORG_PREFIX}…" if legacy.version == "v1" else f"{LEGACY_USER_PREFIX}…"
        raise Unauthenticated(f"This API key is unknown, expired or revoked. {legacy.version} takes keys {kinds}")
    return caller, token.startswith(LEGACY_USER_PREFIX)


def _of_enterprise(caller: Principal, *, is_personal: bool) -> Principal:
    """v2 is for all of the enterprise or for nobody, whichever organization the key is for."""
    if not is_personal:
        raise Forbidden("Keys of organizations (apk_…) work on /v1 only; v2 takes personal keys of Enterprise Admins.")
    if not caller.at_enterprise >= ENTERPRISE_PERMISSIONS:
        raise Forbidden(
            "v2 takes personal keys of Enterprise Admins only. Ask one, or use /v3, which knows more roles."
        )
    return replace(caller, org_id=None)


def headers(scope: Scope, sunset: date | None) -> list[tuple[bytes, bytes]]:
    """Deprecation (RFC 9745), Sunset (RFC 8594) and Link, on every answer of the old APIs."""
    found = [(b"deprecation", b"@%d" % DEPRECATED_SINCE.timestamp())]
    if sunset is not None:
        end = datetime.combine(sunset, time(), UTC)
        found.append((b"sunset", format_datetime(end, usegmt=True).encode()))
    legacy: Legacy | None = getattr(scope.get("route"), "legacy", None)
    links = [f'<{_address(one, scope)}>; rel="successor-version"' for one in legacy.successors] if legacy else []
    links.append('</docs>; rel="deprecation"; type="text/html"')
    return [*found, (b"link", ", ".join(links).encode())]


def _address(successor: str, scope: Scope) -> str:
    """The address of a call of v3, with what is known of this one put in."""
    known = {name: str(value) for name, value in scope.get("path_params", {}).items()}
    caller: Principal | None = scope.get("caller")
    if caller is not None and caller.home_org is not None:
        known.setdefault("org_id", caller.home_org)

    def put_in(found: re.Match[str]) -> str:
        name = found.group(1)
        return known.get(name) or known.get(RENAMED.get(name, "")) or found.group(0)

    return quote(_PART.sub(put_in, successor.partition(" ")[2]), safe="/", errors="replace")
