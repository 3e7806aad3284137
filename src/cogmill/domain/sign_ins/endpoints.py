"""Handlers of signing in and out."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from cogmill.access.context import Context
from cogmill.access.oidc_provider import ProviderFailed
from cogmill.access.rights import change_identities
from cogmill.domain.sign_ins import invitations, oidc, service
from cogmill.domain.sign_ins.schemas import (
    AcceptInvitationIn,
    AccountOut,
    ChangePasswordIn,
    InvitationOut,
    OidcAnswer,
    OidcOption,
    OidcQuery,
    SignedOutOut,
    SignInIn,
    SignInOptionsOut,
)
from cogmill.kit.errors import Forbidden, Refusal
from cogmill.kit.settings import Settings
from cogmill.web import cookies
from cogmill.web.addresses import address_of
from cogmill.web.call import Call


async def sign_in(call: Call, request: Request, body: SignInIn) -> Response:
    """Begins a browser session: the answer sets its cookie."""
    settings = call.runtime.settings
    cookies.require_own_page(settings, request)
    found = await service.sign_in(call, body.email, body.password.get_secret_value(), address_of(request))
    shown = AccountOut(user_id=found.user_id, email=found.email)
    return cookies.give(settings, request, JSONResponse(shown.model_dump()), found.token)


def sign_in_options(ctx: Context) -> SignInOptionsOut:
    """The ways to sign in: password, and the identity provider if there is one."""
    settings = ctx.runtime.settings
    if ctx.runtime.oidc is None:
        return SignInOptionsOut(password=True, oidc=None)
    url = f"{settings.base_url}/cogmill/v1/sign-in/oidc"
    return SignInOptionsOut(password=True, oidc=OidcOption(name=settings.oidc_name, url=url))


async def begin_oidc(call: Call, request: Request, query: OidcQuery) -> Response:
    """Sends the browser to the identity provider."""
    settings = call.runtime.settings
    try:
        url, sealed = await oidc.begin(call, query.next)
    except ProviderFailed as refusal:
        return _back(settings, request, refusal)
    return cookies.give_journey(settings, request, RedirectResponse(url, 303), sealed, int(oidc.LASTS))


async def finish_oidc(call: Call, request: Request, query: OidcAnswer) -> Response:
    """The browser comes back from the identity provider: sets the cookie, and sends it on to the sign-in page."""
    settings = call.runtime.settings
    try:
        found, then = await oidc.finish(call, cookies.read_journey(settings, request), query, address_of(request))
    except oidc.NotConfigured:
        raise
    except Refusal as refusal:
        return _back(settings, request, refusal)
    page = f"{settings.base_url}/sign-in?{urlencode({'next': then})}#signed-in"
    return cookies.give(settings, request, _without_journey(settings, request, page), found.token)


def _back(settings: Settings, request: Request, refusal: Refusal) -> Response:
    """To the sign-in page, which has words for each kind; the audit log and the server's log have the rest."""
    said = urlencode({"refused": type(refusal).__name__, "request": request.scope["request_id"]})
    return _without_journey(settings, request, f"{settings.base_url}/sign-in#{said}")


def _without_journey(settings: Settings, request: Request, url: str) -> Response:
    return cookies.take_journey_back(settings, request, RedirectResponse(url, 303))


def sign_out(ctx: Context, request: Request) -> Response:
    """Ends the browser session whose cookie the request carries."""
    answer = JSONResponse(service.sign_out(ctx).model_dump())
    return cookies.take_back(ctx.runtime.settings, request, answer)


def sign_out_everywhere(ctx: Context) -> SignedOutOut:
    """Ends all your browser sessions. API keys go on working."""
    if ctx.principal.user_id is None:
        raise Forbidden("Only people sign in. A service user has API keys, which can be revoked.")
    return service.sign_out_everywhere(ctx, ctx.principal.user_id)


def sign_user_out_everywhere(ctx: Context, user_id: str) -> SignedOutOut:
    """Ends all browser sessions of a user, and an open invitation."""
    change_identities(ctx)
    return service.sign_out_everywhere(ctx, user_id)


async def change_password(call: Call, request: Request, body: ChangePasswordIn) -> SignedOutOut:
    """Sets another password and signs you out everywhere."""
    current, new = body.current_password.get_secret_value(), body.new_password.get_secret_value()
    return await service.change_password(call, current, new, address_of(request))


def invite(ctx: Context, user_id: str) -> InvitationOut:
    """A link with which the user sets a password; it replaces an earlier one."""
    return invitations.invite(ctx, user_id)


async def accept_invitation(call: Call, request: Request, body: AcceptInvitationIn) -> AccountOut:
    """Sets the password of an invited user."""
    cookies.require_own_page(call.runtime.settings, request)
    return await invitations.accept(call, body.token, body.password.get_secret_value(), address_of(request))
