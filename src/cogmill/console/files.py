"""The console's files, read once and kept in memory.

Pages link to their assets relatively: `session` and `pull_request` are made for `/organizations/{org_id}/{kind}/{id}`,
the others for `/` and `/{name}`; assets are expected at `/assets/{name}`. That also works below a path prefix.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
PAGES = frozenset({"docs", "index", "invitation", "pull_request", "session", "sign_in", "statistics"})
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file with what its answer needs."""

    content: bytes
    media_type: str
    etag: str


@cache
def page(name: str) -> bytes:
    """The HTML of a page; KeyError when there is none of that name."""
    if name not in PAGES:
        raise KeyError(name)
    return (HERE / "pages" / f"{name}.html").read_bytes()


@cache
def _assets() -> dict[str, Path]:
    return {path.name: path for path in ASSETS.iterdir() if path.suffix in _MEDIA_TYPES}


@cache
def _read(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:32]
    return Asset(content, _MEDIA_TYPES[path.suffix], f'"{digest}"')


def asset(name: str) -> Asset:
    """A script, style sheet or picture; KeyError when there is none, whatever the name tries."""
    return _read(_assets()[name])
