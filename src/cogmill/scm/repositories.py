"""What users write for a repository, made into one plain reference."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from cogmill.scm.errors import RepositoryRefused
from cogmill.scm.local_paths import NOWHERE, LocalPaths, local_repository
from cogmill.scm.names import as_segment, repository_name

SCHEMES = frozenset({"https", "http", "ssh"})
"""Schemes a server allows by default; `git` (no encryption, no sign-in) is known but must be asked for."""
_KNOWN = SCHEMES | {"git"}
_SCP = re.compile(r"(?P<user>[A-Za-z0-9_][\w.-]*@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^-:/\s][^:\s]*)", re.A)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|[0-9a-f:]+:[0-9a-f:.]*", re.A)
_USER = re.compile(r"[A-Za-z0-9_][\w.-]*", re.A)


@dataclass(frozen=True, slots=True)
class RepositoryRef:
    """A repository as the user named it. `clone_url` is None for owner/name: the provider knows where that lies."""

    kind: Literal["name", "path", "url"]
    name: str
    clone_url: str | None

    @property
    def scheme(self) -> str:
        """What GIT_ALLOW_PROTOCOL must say to reach it."""
        if self.kind != "url" or self.clone_url is None:
            return "file"
        return self.clone_url.partition("://")[0] if "://" in self.clone_url else "ssh"

    @property
    def slug(self) -> str:
        """One path segment for mounts and files."""
        return self.name.replace("/", "__")

    @property
    def origin(self) -> str:
        """What the session's clone calls its origin; never a folder of the host."""
        return self.clone_url if self.kind == "url" and self.clone_url else self.name


def parse_repository(text: str, local: LocalPaths = NOWHERE, schemes: Collection[str] = SCHEMES) -> RepositoryRef:
    """Read `owner/name`, a URL, the scp form or an absolute path. RepositoryRefused says what is wrong with it."""
    text = text.strip()
    if not text or len(text) > 2000 or any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise RepositoryRefused("A repository is named by owner/name, a URL or an absolute path.")
    if text.startswith("-"):
        raise RepositoryRefused("A repository may not begin with a dash.")
    if "://" in text:
        return _from_url(text, local, schemes)
    if text.startswith("/"):
        return _from_path(text, local)
    if "::" in text:
        raise RepositoryRefused("Transport helpers (name::address) are not allowed.")
    if ":" in text:
        return _from_scp(text, schemes)
    if text.startswith((".", "~")):
        raise RepositoryRefused("A local repository is named by its absolute path.")
    return RepositoryRef("name", "/".join(repository_name(text.removesuffix(".git"))), None)


def named(name: str, location: Path) -> RepositoryRef:
    """A repository of our own forge under its own name; `location` needs no permission."""
    return RepositoryRef("path", "/".join(repository_name(name)), str(location))


def _from_path(text: str, local: LocalPaths) -> RepositoryRef:
    real = local_repository(text, local)
    folder = real.parent if real.name == ".git" else real
    return RepositoryRef("path", f"local/{as_segment(folder.name)}", str(real))


def _from_url(text: str, local: LocalPaths, schemes: Collection[str]) -> RepositoryRef:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise RepositoryRefused("The repository's URL is malformed.") from None
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment:
            raise RepositoryRefused("A file URL has the form file:///absolute/path.")
        return _from_path(unquote(parts.path), local)
    _check_scheme(parts.scheme, schemes)
    user = _checked_user(parts)
    host = parts.hostname or ""
    if _HOST.fullmatch(host) is None or parts.query or parts.fragment or re.search(r"[\s\\]", parts.path):
        raise RepositoryRefused("The repository's URL is malformed.")
    path = parts.path.rstrip("/")
    where = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    return RepositoryRef("url", _name_of(host, path), f"{parts.scheme}://{user}{where}{path}")


def _from_scp(text: str, schemes: Collection[str]) -> RepositoryRef:
    match = _SCP.fullmatch(text)
    if match is None:
        raise RepositoryRefused("A repository over ssh is named by user@host:owner/name.")
    _check_scheme("ssh", schemes)
    return RepositoryRef("url", _name_of(match["host"], match["path"]), text.rstrip("/"))


def _check_scheme(scheme: str, schemes: Collection[str]) -> None:
    if scheme not in _KNOWN or scheme not in schemes:
        allowed = ", ".join(sorted(_KNOWN & set(schemes)))
        raise RepositoryRefused(f"URLs of the scheme {scheme[:20]!r} are not allowed; use one of: {allowed}.")


def _checked_user(parts: SplitResult) -> str:
    if parts.username is None and parts.password is None:
        return ""
    if parts.scheme != "ssh" or parts.password is not None:
        # Often a token stands in the user part; in the URL it would reach the log, the database and the sandbox.
        raise RepositoryRefused("Leave credentials out of the URL; store them in the server's git settings.")
    if _USER.fullmatch(parts.username or "") is None:
        raise RepositoryRefused("The user in the repository's URL is malformed.")
    return f"{parts.username}@"


def _name_of(host: str, path: str) -> str:
    segments = [segment for segment in unquote(path).split("/") if segment]
    if not segments or any(segment in {".", ".."} for segment in segments):
        raise RepositoryRefused("The URL names no repository.")
    last = segments[-1].removesuffix(".git")
    owner = segments[-2] if len(segments) > 1 else host
    return f"{as_segment(owner)}/{as_segment(last)}"


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a repository's URL, decoded and in one spelling."""

    scheme: str
    host: str
    port: int | None
    """None: the scheme's usual one."""
    path: str
    """Without slashes around it and without `.git`."""
    suffix: str = ""
    """`.git`, if it had that."""


_USUAL_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}


def address_of(ref: RepositoryRef) -> Address:
    """Where a repository that was named by URL lies."""
    url = ref.clone_url or ""
    if "://" not in url:  # the scp form
        where, _, path = url.partition(":")
        return Address("ssh", _plain_host(where.rpartition("@")[2]), None, *_plain_path(path))
    parts = urlsplit(url)
    port = None if parts.port == _USUAL_PORTS.get(parts.scheme) else parts.port
    return Address(parts.scheme, _plain_host(parts.hostname or ""), port, *_plain_path(unquote(parts.path)))


def _plain_host(host: str) -> str:
    return host.lower().rstrip(".")


def _plain_path(path: str) -> tuple[str, str]:
    plain = "/".join(segment for segment in path.split("/") if segment)
    return plain.removesuffix(".git"), ".git" if plain.endswith(".git") else ""


def at_connection(address: str, path: str, suffix: str) -> RepositoryRef:
    """The repository at a connection's address: always one spelling, whatever the user wrote."""
    host = urlsplit(address).hostname or ""
    return RepositoryRef("url", _name_of(host, path), f"{address}/{quote(path)}{suffix}")
