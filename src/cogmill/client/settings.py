"""Where the server is and who is calling, from the environment."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from cogmill.client.errors import BadInput, NoKey

DEFAULT_URL = "http://127.0.0.1:8400"


@dataclass(frozen=True, slots=True)
class Target:
    """A server, a key, and the organization if it is named."""

    base_url: str = DEFAULT_URL
    api_key: str | None = field(default=None, repr=False)
    org_id: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Target":
        """COGMILL_* first; for each one that is not set, its DEVIN_* sister."""

        def first(*names: str) -> str | None:
            return next((environ[name].strip() for name in names if environ.get(name, "").strip()), None)

        return cls(
            base_url=_checked_url(first("COGMILL_URL", "DEVIN_BASE_URL") or DEFAULT_URL),
            api_key=_checked_key(first("COGMILL_API_KEY", "DEVIN_API_KEY")),
            org_id=first("COGMILL_ORG_ID", "DEVIN_ORG_ID"),
        )

    @property
    def key(self) -> str:
        if self.api_key is None:
            raise NoKey("No API key is configured.")
        return self.api_key

    @property
    def shown_url(self) -> str:
        """The address without user name and password, fit for messages."""
        parts = urlsplit(self.base_url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))

    @property
    def is_local(self) -> bool:
        """On this machine, so that a configured web proxy must not be asked."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput(
            "The server's address is not an http(s) URL.",
            hint="COGMILL_URL (or DEVIN_BASE_URL) must look like http://127.0.0.1:8400.",
        )
    return url.rstrip("/")


def _checked_key(key: str | None) -> str | None:
    # httpx would repeat a malformed header value in its message: refuse it here, without showing it.
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise BadInput(
            "The API key contains characters that no key has (blank, line break, non-ASCII).",
            hint="Set COGMILL_API_KEY to the key exactly as `cogmill init` printed it.",
        )
    return key
