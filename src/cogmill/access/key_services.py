"""Where the master key lies: in the keys file, in the environment, or in a key service that never shows it."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag

from cogmill.kit.crypto import Keyring, seal, unseal
from cogmill.kit.settings import Settings, SettingsError

KEY_BYTES, PATIENCE = 32, 10


class KeyServiceFailed(Exception):
    """The key service refused or did not answer; the text says what to do."""


class KeyService(Protocol):
    """Wraps data keys (32 bytes) into texts that only it can unwrap. Both raise KeyServiceFailed."""

    def wrap(self, key: bytes) -> str: ...

    def unwrap(self, wrapped: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class LocalKeys:
    """Master keys that this process knows: the first wraps, each unwraps what it wrapped."""

    keys: tuple[bytes, ...]
    source: str
    """Where they come from, for messages."""

    def wrap(self, key: bytes) -> str:
        return f"local:{_mark(self.keys[0])}:{seal(self.keys[0], key, 'data key')}"

    def unwrap(self, wrapped: str) -> bytes:
        _, _, rest = wrapped.partition(":")
        mark, _, sealed = rest.partition(":")
        for key in self.keys:
            if _mark(key) == mark:
                try:
                    return unseal(key, sealed, "data key")
                except InvalidTag:
                    break
        raise KeyServiceFailed(
            f"The stored secrets were sealed under another master key than that of {self.source}. Put the right one "
            "back; a new one takes its place with 'cogmill secrets rotate-master-key' only."
        )


def _mark(key: bytes) -> str:
    """Tells master keys apart and nothing about them."""
    return hashlib.sha256(b"master key" + key).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Transit:
    """A key of a service that speaks the API of Vault's transit engine; the master key never leaves it."""

    url: str
    """Of the key: …/v1/transit/keys/NAME."""
    token: str

    def wrap(self, key: bytes) -> str:
        return str(self._ask("encrypt", {"plaintext": base64.b64encode(key).decode()})["ciphertext"])

    def unwrap(self, wrapped: str) -> bytes:
        return base64.b64decode(self._ask("decrypt", {"ciphertext": wrapped})["plaintext"])

    def _ask(self, verb: str, body: dict[str, str]) -> dict[str, Any]:
        import httpx

        engine, _, name = self.url.rpartition("/keys/")
        try:
            answer = httpx.post(
                f"{engine}/{verb}/{name}", json=body, headers={"X-Vault-Token": self.token}, timeout=PATIENCE
            )
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()["data"]
            return found
        except httpx.HTTPStatusError as error:
            why = f"HTTP {error.response.status_code}"
        except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
            why = type(error).__name__
        raise KeyServiceFailed(
            f"The key service at {self.url} did not {verb} the key of the stored secrets ({why}). Is it unsealed, and "
            f"may COGMILL_KEY_SERVICE_TOKEN {verb}?"
        )


@dataclass(frozen=True, slots=True)
class KeyServices:
    """The configured service wraps; the others still unwrap what they wrapped, until the next rotation."""

    local: LocalKeys
    transit: Transit | None

    def wrap(self, key: bytes) -> str:
        return (self.transit or self.local).wrap(key)

    def unwrap(self, wrapped: str) -> bytes:
        if wrapped.startswith("local:"):
            return self.local.unwrap(wrapped)
        if self.transit is None:
            raise KeyServiceFailed(
                "The stored secrets were sealed under a key service: set COGMILL_KEY_SERVICE_URL and "
                "COGMILL_KEY_SERVICE_TOKEN."
            )
        return self.transit.unwrap(wrapped)


def key_services(settings: Settings, keyring: Keyring) -> KeyServices:
    """As the settings say. SettingsError for what cannot be used."""
    given = [key for key in (settings.master_key, settings.master_key_old) if key is not None]
    of_environment = tuple(_decoded(key.get_secret_value()) for key in given)
    source = "COGMILL_MASTER_KEY" if settings.master_key else "keys.json"
    local = LocalKeys(of_environment + keyring.wrapping_keys, source)
    url, token = settings.key_service_url, settings.key_service_token
    if url is None:
        return KeyServices(local, None)
    if token is None or not url.startswith(("https://", "http://127.", "http://localhost")) or "/keys/" not in url:
        raise SettingsError(
            "COGMILL_KEY_SERVICE_URL must be an https address like https://vault.example/v1/transit/keys/cogmill (http "
            "only on this machine), and COGMILL_KEY_SERVICE_TOKEN must be set."
        )
    return KeyServices(local, Transit(url.rstrip("/"), token.get_secret_value()))


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(
            "COGMILL_MASTER_KEY must be base64 of 32 random bytes; 'openssl rand -base64 32' makes one."
        )
    return key
