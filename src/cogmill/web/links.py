"""Links that give one thing to whoever holds them, for a short time."""

from urllib.parse import urlencode

from cogmill.access.context import Context
from cogmill.kit.errors import Forbidden
from cogmill.web.params import Out, Query

SECONDS = 600
TEXT_HEADERS = {
    "x-content-type-options": "nosniff", "content-security-policy": "sandbox", "cache-control": "no-store",
}  # fmt: skip


class PresignedUrlOut(Out):
    """A link that needs no key, and until when it counts."""

    url: str
    expires_at: int


class LinkQuery(Query):
    """What a link carries."""

    expires: str = ""
    signature: str = ""


def sign(ctx: Context, purpose: str, path: str, named: str) -> PresignedUrlOut:
    """A link to `path` that lets its holder have what is `named`."""
    expires = int(ctx.now) + SECONDS
    signature = ctx.runtime.keyring.sign(purpose, f"{named}.{expires}")
    query = urlencode({"expires": expires, "signature": signature})
    return PresignedUrlOut(url=f"{ctx.runtime.settings.base_url}{path}?{query}", expires_at=expires)


def check(ctx: Context, purpose: str, named: str, sent: LinkQuery) -> None:
    """Refuse a link that was changed or is too old."""
    genuine = ctx.runtime.keyring.verify(purpose, f"{named}.{sent.expires}", sent.signature)
    if not genuine or not sent.expires.isdigit() or int(sent.expires) < ctx.now:
        raise Forbidden("This link is not valid any more. Ask for a new one where you got it.")
