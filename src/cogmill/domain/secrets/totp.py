"""One-time codes (RFC 6238) from a stored secret: the secret stays here, sessions get codes."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512
from cryptography.hazmat.primitives.twofactor.totp import TOTP

HASHES: dict[str, SHA1 | SHA256 | SHA512] = {"SHA1": SHA1(), "SHA256": SHA256(), "SHA512": SHA512()}  # noqa: S303 - what the standard and most sites use


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a code is made of."""

    key: bytes
    digits: int = 6
    period: int = 30
    algorithm: str = "SHA1"


def read(text: str) -> Parameters:
    """A base32 secret or an `otpauth://totp/` address. ValueError says what is wrong, without showing the secret."""
    if not text.startswith("otpauth:"):
        return Parameters(_key(text))
    url = urlsplit(text)
    given = {name.lower(): values[0] for name, values in parse_qs(url.query).items()}
    if url.netloc.lower() != "totp":
        raise ValueError("only otpauth://totp/ addresses are known, no counters")
    algorithm = given.get("algorithm", "SHA1").upper()
    digits, period = given.get("digits", "6"), given.get("period", "30")
    if algorithm not in HASHES:
        raise ValueError(f"algorithm must be one of {', '.join(HASHES)}")
    if digits not in {"6", "7", "8"} or not (period.isascii() and period.isdigit() and 1 <= int(period[:5]) <= 3600):
        raise ValueError("digits must be 6 to 8 and period 1 to 3600 seconds")
    return Parameters(_key(given.get("secret", "")), int(digits), int(period), algorithm)


def _key(text: str) -> bytes:
    plain = text.replace(" ", "").replace("-", "").rstrip("=").upper()
    try:
        key = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except (binascii.Error, ValueError):
        raise ValueError("the secret is not base32") from None
    if not 8 <= len(key) <= 128:
        raise ValueError("the secret must have 8 to 128 bytes")
    return key


def code(text: str, now: float) -> str:
    """The code that counts at this moment, Unix seconds."""
    known = read(text)
    made = TOTP(known.key, known.digits, HASHES[known.algorithm], known.period, enforce_key_length=False)
    return made.generate(int(now)).decode()
