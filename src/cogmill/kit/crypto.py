"""Keys of this installation and what is done with them: keyed hashes, signatures, encryption of secrets at rest."""

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

TOKEN_PREFIX = "cog_"  # noqa: S105 - the public prefix of every token, no secret
LEGACY_USER_PREFIX, LEGACY_ORG_PREFIX = "apk_user_", "apk_"
TOKEN_LENGTH = len(TOKEN_PREFIX) + 52


def new_token(prefix: str = TOKEN_PREFIX) -> str:
    """A fresh API token: its prefix, by default `cog_`, and 52 base32 characters (32 random bytes)."""
    return prefix + base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=").lower()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one data folder. Each purpose has a key of its own, derived from one master key."""

    master: bytes = field(repr=False)

    def _key(self, purpose: str) -> bytes:
        return hmac.new(self.master, purpose.encode(), hashlib.sha256).digest()

    def token_hash(self, token: str) -> str:
        """Keyed hash under which a token is stored and looked up; useless without the keys file."""
        return hmac.new(self._key("token"), token.encode(), hashlib.sha256).hexdigest()

    def sign(self, purpose: str, text: str) -> str:
        """Signature of a text for one purpose, url-safe."""
        mac = hmac.new(self._key("sign:" + purpose), text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac[:24]).decode()

    def verify(self, purpose: str, text: str, signature: str) -> bool:
        """Whether `sign` made this signature; takes the same time for any wrong one."""
        return hmac.compare_digest(self.sign(purpose, text).encode(), signature.encode())

    @property
    def fingerprint(self) -> str:
        """Tells these keys from others and nothing about them."""
        return self.sign("fingerprint", "")

    def encrypt(self, plain: str, bound_to: str) -> str:
        """AES-256-GCM; the text opens only together with the same `bound_to` (owner of the value)."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(12)
        sealed = AESGCM(self._key("secret")).encrypt(nonce, plain.encode(), bound_to.encode())
        return "v1:" + base64.b64encode(nonce + sealed).decode()

    def decrypt(self, sealed: str, bound_to: str) -> str:
        """The plain text; raises `cryptography.exceptions.InvalidTag` when it was changed or belongs elsewhere."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        raw = base64.b64decode(sealed.removeprefix("v1:"))
        return AESGCM(self._key("secret")).decrypt(raw[:12], raw[12:], bound_to.encode()).decode()


def create_keys(path: Path) -> Keyring:
    """Write a new keys file (0600, never over an existing one) and give its keys."""
    master = secrets.token_bytes(32)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"version": 1, "master_key": base64.b64encode(master).decode()}, file)
        file.flush()
        os.fsync(file.fileno())
    return Keyring(master)


def load_keys(path: Path) -> Keyring:
    """The keys of an existing file. FileNotFoundError and ValueError are for the caller to explain."""
    return Keyring(base64.b64decode(json.loads(path.read_text())["master_key"]))
