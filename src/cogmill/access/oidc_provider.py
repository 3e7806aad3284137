"""The OpenID Connect provider of this installation: where people are sent, and what it says of who comes back."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

from cogmill.kit.errors import Forbidden, Unavailable
from cogmill.kit.logs import logger
from cogmill.kit.settings import Settings

CALLBACK = "/cogmill/v1/sign-in/oidc/callback"
SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures that only the provider can make; those with a shared secret count for nothing."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""
KEPT = 3600.0
"""Seconds for which the provider's description and keys are kept."""
SOONEST = 30.0
"""Seconds between two looks for a key that is unknown."""
PATIENCE = 10.0
PAUSE = 2.0
"""Seconds after a failure in which nobody is made to wait for the next one."""
log = logger("oidc")


class ProviderFailed(Unavailable):
    """The provider cannot be reached or does not speak as it should; the log has the reason."""

    detail = "The identity provider does not answer as it should. Try again; the server's log tells more."


class ProviderRefused(Forbidden):
    """The provider does not vouch for this sign-in."""

    detail = "The identity provider did not confirm this sign-in. Begin again."


@dataclass(frozen=True, slots=True)
class Journey:
    """A sign-in that is under way; it travels sealed in the browser's cookie."""

    state: str
    nonce: str
    verifier: str
    expires_at: float
    next: str

    @classmethod
    def begin(cls, expires_at: float, then: str) -> Self:
        state, nonce, verifier = (secrets.token_urlsafe(40) for _ in range(3))
        return cls(state, nonce, verifier, expires_at, then)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for. `subject` never changes, everything else may."""

    issuer: str
    subject: str
    email: str | None
    is_email_verified: bool
    name: str | None
    groups: frozenset[str]


class OidcProvider:
    """Speaks with the provider of the settings; keeps its description and keys for a while."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.issuer = str(settings.oidc_issuer)
        self._described: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, Any] | None = None
        self._failed_at = -PAUSE
        self._turn = asyncio.Lock()

    @classmethod
    def of(cls, settings: Settings) -> "OidcProvider | None":
        return None if settings.oidc_issuer is None else cls(settings)

    async def address(self, journey: Journey) -> str:
        """Where to send the browser."""
        described = await self.description()
        async with self._client(described) as client:
            url, _ = client.create_authorization_url(
                described["authorization_endpoint"], state=journey.state, nonce=journey.nonce,
                code_verifier=journey.verifier,
            )  # fmt: skip
        return str(url)

    async def identify(self, code: str, journey: Journey, now: float) -> Person:
        """Who came back with this code."""
        described = await self.description()
        tokens = await self._exchange(described, code, journey)
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise _failed("no ID token came with the code")
        claims = await self._read(token, described, journey, now)
        if {"email", self._settings.oidc_groups_claim} - set(claims) and "userinfo_endpoint" in described:
            claims = await self._userinfo(described["userinfo_endpoint"], tokens, claims) | claims
        return self._person(claims)

    async def description(self) -> dict[str, Any]:
        """What the provider says of itself."""
        async with self._turn:
            now = time.monotonic()
            if self._described is None or now - self._described[0] > KEPT:
                if now - self._failed_at < PAUSE:
                    raise _failed("it has just failed to describe itself")
                self._failed_at = now
                self._described = (now, await self._fetch_description())
            return self._described[1]

    async def _fetch_description(self) -> dict[str, Any]:
        found = await _fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise _failed(f"it calls itself {str(found.get('issuer'))[:200]!r}, not {self.issuer!r}")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(found.get(name), str):
                raise _failed(f"its description has no {name}")
        return found

    async def _exchange(self, described: Mapping[str, Any], code: str, journey: Journey) -> Mapping[str, Any]:
        from authlib.common.errors import AuthlibBaseError

        try:
            async with self._client(described) as client:
                found: Any = await client.fetch_token(
                    described["token_endpoint"], code=code, code_verifier=journey.verifier,
                    grant_type="authorization_code",
                )  # fmt: skip
        except AuthlibBaseError as error:
            log.warning("oidc_code_refused", reason=str(error)[:300])
            raise ProviderRefused from None
        except Exception as error:  # authlib takes httpx or its successor, whose errors share no base
            raise _failed(f"its token endpoint: {type(error).__name__}") from None
        if not isinstance(found, Mapping):
            raise _failed("its token endpoint answers no object")
        return found

    def _client(self, described: Mapping[str, Any]) -> Any:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        secret = self._settings.oidc_client_secret
        methods = described.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        return AsyncOAuth2Client(
            self._settings.oidc_client_id, secret.get_secret_value() if secret else None,
            scope=self._settings.oidc_scope, redirect_uri=self._settings.base_url + CALLBACK,
            code_challenge_method="S256", token_endpoint_auth_method=method if secret else "none", timeout=PATIENCE,
        )  # fmt: skip

    async def _read(self, token: str, described: Mapping[str, Any], journey: Journey, now: float) -> dict[str, Any]:
        """The claims of an ID token. A signature by a key that we do not know may be by one that is new."""
        expected = {"issuer": self.issuer, "client_id": str(self._settings.oidc_client_id), "nonce": journey.nonce}
        for is_last in (False, True):
            keys = await self._key_set(described["jwks_uri"], is_renewed=is_last)
            try:
                return read_id_token(token, keys, now=now, **expected)
            except UnknownKey as error:
                if is_last:
                    log.warning("oidc_token_refused", reason=str(error)[:300])
        raise ProviderRefused

    async def _key_set(self, url: str, *, is_renewed: bool) -> Any:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        async with self._turn:
            age = KEPT + 1 if self._keys is None else time.monotonic() - self._keys[0]
            if self._keys is None or age > (SOONEST if is_renewed else KEPT):
                found = await _fetch(url)
                try:
                    self._keys = (time.monotonic(), KeySet.import_key_set(found))  # type: ignore[arg-type]
                except (JoseError, ValueError, KeyError, TypeError) as error:
                    raise _failed(f"its keys: {type(error).__name__}") from None
            return self._keys[1]

    async def _userinfo(self, url: str, tokens: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
        found = await _fetch(url, authorization=f"Bearer {tokens.get('access_token')}")
        if found.get("sub") != claims["sub"]:
            log.warning("oidc_token_refused", reason="the userinfo endpoint speaks of somebody else")
            raise ProviderRefused
        return found

    def _person(self, claims: Mapping[str, Any]) -> Person:
        groups = claims.get(self._settings.oidc_groups_claim) or []
        named = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        email, name = claims.get("email"), claims.get("name")
        return Person(
            self.issuer,
            str(claims["sub"]),
            email.strip().lower() if isinstance(email, str) and 0 < len(email) <= 320 else None,
            claims.get("email_verified") in {True, "true"} or self._settings.oidc_trust_email,
            name[:256] if isinstance(name, str) else None,
            frozenset(one for one in named if isinstance(one, str)),
        )


class UnknownKey(Exception):
    """No key that we have made this signature."""


def read_id_token(token: str, keys: Any, *, issuer: str, client_id: str, nonce: str, now: float) -> dict[str, Any]:
    """The claims of an ID token that was made for us, for this sign-in, by the owner of the keys.

    UnknownKey when its signature is not by one of the keys, ProviderRefused for everything else that is wrong with it.
    """
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

    options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    try:
        decoded = jwt.decode(token, keys, algorithms=SIGNED_BY)
        claims = CodeIDToken(decoded.claims, decoded.header, options, {"nonce": nonce, "client_id": client_id})
        claims.validate(now=int(now), leeway=LEEWAY)
        if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255:
            raise ValueError("its subject is no text of up to 255 characters")
    except (BadSignatureError, InvalidKeyIdError) as error:
        raise UnknownKey(str(error)) from None
    except (JoseError, ValueError, KeyError, TypeError) as error:
        log.warning("oidc_token_refused", reason=f"{type(error).__name__}: {error}"[:300])
        raise ProviderRefused from None
    return dict(claims)


async def _fetch(url: str, **headers: str) -> dict[str, Any]:
    try:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.get(url, headers={"accept": "application/json", **headers})
            answer.raise_for_status()
            found = json.loads(answer.content)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _failed(f"{url}: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise _failed(f"{url}: no JSON object")
    return found


def _failed(reason: str) -> ProviderFailed:
    log.warning("oidc_provider_failed", reason=reason)
    return ProviderFailed(None, reason=reason)
