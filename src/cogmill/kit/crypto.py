"""Keys of this installation and what is done with them: keyed hashes, signatures, encryption of secrets at rest."""

import base64
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol

TOKEN_PREFIX = "cog_"  # noqa: S105 - the public prefix of every token, no secret
LEGACY_USER_PREFIX, LEGACY_ORG_PREFIX = "apk_user_", "apk_"
TOKEN_LENGTH = len(TOKEN_PREFIX) + 52
LEGACY_LENGTHS = {LEGACY_USER_PREFIX: len(LEGACY_USER_PREFIX) + 52, LEGACY_ORG_PREFIX: len(LEGACY_ORG_PREFIX) + 52}


def new_token(prefix: str = TOKEN_PREFIX) -> str:
    """A fresh API token: its prefix, by default `cog_`, and 52 base32 characters (32 random bytes)."""
    return prefix + base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=").lower()


class DataKeys(Protocol):
    """The keys that stored secrets are sealed with, by number (`access/data_keys.py`)."""

    def newest(self) -> tuple[int, bytes]: ...

    def numbered(self, number: int) -> bytes:
        """KeyError when there is none of that number."""


def seal(key: bytes, plain: bytes, bound_to: str) -> str:
    """AES-256-GCM as base64 of nonce and ciphertext."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(12)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())).decode()


def unseal(key: bytes, sealed: str, bound_to: str) -> bytes:
    """What `seal` closed; raises `cryptography.exceptions.InvalidTag` for any other key, owner or text."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    raw = base64.b64decode(sealed)
    return AESGCM(key).decrypt(raw[:12], raw[12:], bound_to.encode())


@lru_cache(32)
def _derived(master: bytes, purpose: str) -> bytes:
    return hmac.digest(master, purpose.encode(), "sha256")


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one data folder. Each purpose has a key of its own, derived from one root key.

    Hashes and signatures stay under the root key for good. Stored secrets have keys of their own, which lie in the
    database wrapped by a master key, so that the master key can be changed (`cogmill secrets rotate-master-key`).
    """

    master: bytes = field(repr=False)
    """The root key."""
    wrapping: tuple[bytes, ...] = field(default=(), repr=False)
    """Master keys of the keys file, newest first; none: one derived from the root key."""
    data_keys: DataKeys | None = field(default=None, repr=False, compare=False)

    @property
    def wrapping_keys(self) -> tuple[bytes, ...]:
        """What wraps the data keys when the master key lies in the keys file; the first wraps, each unwraps."""
        return self.wrapping or (self._key("wrap"),)

    def _key(self, purpose: str) -> bytes:
        return _derived(self.master, purpose)

    def token_hash(self, token: str) -> str:
        """Keyed hash under which a token is stored and looked up; useless without the keys file."""
        return hmac.digest(self._key("token"), token.encode(), "sha256").hex()

    def sign(self, purpose: str, text: str) -> str:
        """Signature of a text for one purpose, url-safe."""
        mac = hmac.digest(self._key("sign:" + purpose), text.encode(), "sha256")
        return base64.urlsafe_b64encode(mac[:24]).decode()

    def verify(self, purpose: str, text: str, signature: str) -> bool:
        """Whether `sign` made this signature; takes the same time for any wrong one."""
        return hmac.compare_digest(self.sign(purpose, text).encode(), signature.encode())

    @property
    def fingerprint(self) -> str:
        """Tells these keys from others and nothing about them."""
        return self.sign("fingerprint", "")

    def encrypt(self, plain: str, bound_to: str) -> str:
        """AES-256-GCM for what is stored; the text opens only together with the same `bound_to` (owner of the value).

        A column that holds such values stands in `models/sealed.py`, so that a new master key reaches it.
        """
        if self.data_keys is None:
            return self.encrypt_briefly(plain, bound_to)
        number, key = self.data_keys.newest()
        return f"v2:{number}:{seal(key, plain.encode(), bound_to)}"

    def encrypt_briefly(self, plain: str, bound_to: str) -> str:
        """The same under the root key, for what is gone after a day."""
        return "v1:" + seal(self._key("secret"), plain.encode(), bound_to)

    def decrypt(self, sealed: str, bound_to: str) -> str:
        """The plain text; raises `cryptography.exceptions.InvalidTag` when it was changed or belongs elsewhere."""
        version, _, rest = sealed.partition(":")
        if version != "v2":
            return unseal(self._key("secret"), rest, bound_to).decode()
        number, _, rest = rest.partition(":")
        assert self.data_keys is not None, "sealed by a server, opened without its data keys"  # noqa: S101
        return unseal(self.data_keys.numbered(int(number)), rest, bound_to).decode()


def create_keys(path: Path) -> Keyring:
    """Write a new keys file (0600, never over an existing one) and give its keys."""
    keyring = Keyring(secrets.token_bytes(32), (secrets.token_bytes(32),))
    _write(keyring, path)
    return keyring


def replace_keys(path: Path, keyring: Keyring) -> None:
    """Put another keys file in place of the existing one: after a crash there is the one or the other."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    _write(keyring, fresh)
    owner = path.stat()
    if os.geteuid() == 0:
        os.chown(fresh, owner.st_uid, owner.st_gid)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(keyring: Keyring, path: Path) -> None:
    kept = {
        "version": 1,
        "master_key": _text(keyring.master),
        "wrapping_keys": [_text(key) for key in keyring.wrapping],
    }
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def load_keys(path: Path) -> Keyring:
    """The keys of an existing file. FileNotFoundError and ValueError are for the caller to explain."""
    kept = json.loads(path.read_text())
    return Keyring(
        base64.b64decode(kept["master_key"]), tuple(base64.b64decode(key) for key in kept.get("wrapping_keys", []))
    )
