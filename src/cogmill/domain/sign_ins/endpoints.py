"""Handlers of signing in and out."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cogmill.access.context import Context
from cogmill.access.rights import change_identities
from cogmill.domain.sign_ins import invitations, service
from cogmill.domain.sign_ins.schemas import (
    AcceptInvitationIn,
    AccountOut,
    ChangePasswordIn,
    InvitationOut,
    SignedOutOut,
    SignInIn,
)
from cogmill.kit.errors import Forbidden
from cogmill.web import cookies
from cogmill.web.call import Call


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def sign_in(call: Call, request: Request, body: SignInIn) -> Response:
    """Begins a browser session: the answer sets its cookie."""
    settings = call.runtime.settings
    cookies.require_own_page(settings, request)
    found = await service.sign_in(call, body.email, body.password.get_secret_value(), _address(request))
    shown = AccountOut(user_id=found.user_id, email=found.email)
    return cookies.give(settings, request, JSONResponse(shown.model_dump()), found.token)


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
    return await service.change_password(call, current, new, _address(request))


def invite(ctx: Context, user_id: str) -> InvitationOut:
    """A link with which the user sets a password; it replaces an earlier one."""
    return invitations.invite(ctx, user_id)


async def accept_invitation(call: Call, request: Request, body: AcceptInvitationIn) -> AccountOut:
    """Sets the password of an invited user."""
    cookies.require_own_page(call.runtime.settings, request)
    return await invitations.accept(call, body.token, body.password.get_secret_value(), _address(request))
