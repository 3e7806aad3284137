"""The guard before every handler: who calls, how far the operation reaches, whether the caller may."""

from enum import Enum, auto

from starlette.requests import Request

from cogmill.access.browser_sessions import visitor
from cogmill.access.context import Runtime
from cogmill.access.permissions import Permission
from cogmill.access.principals import Principal
from cogmill.access.rate_limits import Said
from cogmill.access.scope import Scope
from cogmill.kit.errors import BadRequest, Forbidden, Unauthenticated
from cogmill.web import cookies
from cogmill.web.addresses import address_of
from cogmill.web.call import Call, foreign_organization
from cogmill.web.legacy import Legacy, legacy_caller

NOBODY = Scope(enterprise_id="", org_id=None)


class Reach(Enum):
    """Where an operation finds the tenant it works on."""

    PUBLIC = auto()
    SELF = auto()
    """The caller, wherever it belongs."""
    IN_ORG = auto()
    """The organization in the path."""
    IN_HOME_ORG = auto()
    """The one organization that the key belongs to."""
    IN_KEY_ORG = auto()
    """The organization of a legacy key."""
    IN_ENTERPRISE = auto()
    """All organizations of the caller's enterprise."""
    ENTERPRISE_ORG = auto()
    """The organization in the path, for callers whose enterprise role holds the permission."""


async def admit(
    runtime: Runtime, request: Request, reach: Reach, permissions: tuple[Permission, ...], legacy: Legacy | None = None
) -> Call:
    """The call, if it may go on; otherwise a refusal that says what is missing."""
    request_id: str = request.scope["request_id"]
    if reach is Reach.PUBLIC:
        return Call(runtime, NOBODY, request_id, None)
    asking = _caller(runtime, request) if legacy is None else legacy_caller(runtime, request, legacy)
    caller = request.scope["caller"] = await asking  # for the record, should it be refused
    await runtime.addresses.require(runtime.database, caller.enterprise_id, address_of(request))
    counted: Said = request.scope["rate_limits"]
    runtime.rate_limits.key.take(caller.api_key_id, counted)
    org_id = _organization(caller, request, reach)
    if org_id is None or reach is Reach.ENTERPRISE_ORG:
        held = caller.at_enterprise
    else:
        held = caller.in_org(org_id)
        if not held:
            raise foreign_organization(org_id)
        if reach is Reach.IN_KEY_ORG:
            held |= caller.at_enterprise  # their addresses name no tier
    if held.isdisjoint(permissions):
        needed = " or ".join(permissions)
        where = f"on {org_id[:64]}" if org_id and reach is not Reach.ENTERPRISE_ORG else "at the enterprise"
        raise Forbidden(f"Missing required permission {needed} {where}. Ask an administrator for a role that has it.")
    if org_id is not None:  # only now: who has no right there must not use up what others have
        runtime.rate_limits.organization.take(f"{caller.enterprise_id} {org_id}", counted)
    return Call(runtime, Scope(caller.enterprise_id, org_id), request_id, caller, held)


async def _caller(runtime: Runtime, request: Request) -> Principal:
    sent = request.headers.get("authorization")
    if sent is None and (cookie := cookies.read(runtime.settings, request)) is not None:
        return await _visitor(runtime, request, cookie)
    kind, _, token = (sent or "").partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token:
        raise Unauthenticated(
            "Send your API key as 'Authorization: Bearer cog_…'. 'cogmill init' prints the first keys."
        )
    request.scope["sent_key"] = token  # for the record, should it not work
    if token.startswith(("apk_user_", "apk_")):
        raise Unauthenticated("Legacy apk_ keys work on /v1 and /v2 only; this API takes cog_ keys.")
    caller = await runtime.authenticator.principal(token, runtime.clock())
    if caller is None:
        raise Unauthenticated("This API key is unknown, expired or revoked.")
    return caller


async def _visitor(runtime: Runtime, request: Request, token: str) -> Principal:
    """A signed-in person. Other sites can make the browser send the cookie, but not the header."""
    caller = await visitor(runtime.database, runtime.keyring, runtime.settings, token, runtime.clock())
    if caller is None:
        raise Unauthenticated("You are signed out. Sign in again at /sign-in.")
    if request.method not in {"GET", "HEAD"}:
        cookies.require_own_page(runtime.settings, request)
        cookies.require_header(request)
    return caller


def _organization(caller: Principal, request: Request, reach: Reach) -> str | None:
    if reach in {Reach.IN_ORG, Reach.ENTERPRISE_ORG}:
        return str(request.path_params["org_id"])
    if reach in {Reach.IN_HOME_ORG, Reach.IN_KEY_ORG}:
        if caller.home_org is None:
            raise BadRequest(
                "Your key reaches several organizations, or none: make one for a single organization."
                if reach is Reach.IN_KEY_ORG
                else "Your key reaches several organizations, or none: name one, as in /v3/organizations/{org_id}/…."
            )
        return caller.home_org
    return None
