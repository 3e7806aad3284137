"""Credentials of connections: what each kind needs, sealed in the database, opened only to reach the provider."""

import json
import re
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from cogmill.domain.git_providers.schemas import Credentials, GitConnectionIn
from cogmill.kit.crypto import Keyring
from cogmill.kit.errors import BadRequest, Invalid
from cogmill.scm.git import Credential
from cogmill.scm.provider import Provider
from cogmill.scm.providers.gitea import Gitea
from cogmill.scm.providers.github import GitHub, GitHubApp, api_address, rsa_key
from cogmill.scm.providers.gitlab import GitLab
from cogmill.scm.providers.plain import PlainGit
from cogmill.scm.sign_in import SshKey

NEEDED = {
    "github_token": ("token",), "github_individual_token": ("token",), "gitlab_token": ("token",),
    "gitea_token": ("token",), "github_app": ("app", "installation", "private_key"),
    "git_https": ("username", "password"), "git_ssh": ("private_key", "known_hosts"),
}  # fmt: skip
USUAL = {
    "github_token": "https://github.com", "github_individual_token": "https://github.com",
    "github_app": "https://github.com", "gitlab_token": "https://gitlab.com",
}  # fmt: skip
_PORTS = {"https": 443, "http": 80, "ssh": 22}
_CLEAN_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")


def given(kind: str, data: Credentials) -> dict[str, str]:
    """The credentials in the body, refused unless they are just those that this kind needs."""
    found: dict[str, str] = {}
    for name in Credentials.model_fields:
        value = getattr(data, name)
        if name in NEEDED[kind]:
            if value is None:
                raise BadRequest(f"{name}: a connection of type {kind} needs {', '.join(NEEDED[kind])}.")
            found[name] = value if isinstance(value, str) else value.get_secret_value()
        elif value is not None:
            raise BadRequest(f"{name}: a connection of type {kind} takes {', '.join(NEEDED[kind])} only.")
    for name, value in found.items():
        if name not in {"private_key", "known_hosts"} and re.search(r"[\x00-\x1f\x7f]", value):
            raise Invalid.at("body", name, msg="It holds control characters, perhaps the end of a line.")
        if name == "token" and not (value.isascii() and " " not in value):
            raise Invalid.at("body", name, msg="A token has ASCII characters only, and no blank.")
    _check_key(kind, found.get("private_key", ""))
    return found


def _check_key(kind: str, private_key: str) -> None:
    if kind == "github_app":
        try:
            rsa_key(private_key)
        except ValueError as error:
            raise Invalid.at("body", "private_key", msg=f"Not usable: {error}.") from None
    if kind == "git_ssh":
        from cryptography.hazmat.primitives.serialization import load_ssh_private_key

        try:
            load_ssh_private_key(private_key.encode(), None)
        except Exception:  # the library's errors share no base
            said = "This is no private key in OpenSSH form without a passphrase."
            raise Invalid.at("body", "private_key", msg=said) from None


def checked_address(data: GitConnectionIn) -> tuple[str, str]:
    """What addresses of the repositories begin with, and the host by which the connection is known."""
    kind = data.git_provider_type
    written = data.address or USUAL.get(kind)
    if written is None:
        raise BadRequest(f"address: a connection of type {kind} needs one.")
    schemes = ("ssh",) if kind == "git_ssh" else ("https", "http")
    return _checked(written, schemes, "address")


def checked_api(data: GitConnectionIn) -> str | None:
    """Where the API is, if somebody says so."""
    if data.api_address is None:
        return None
    if data.git_provider_type.startswith("git_"):
        raise Invalid.at("body", "api_address", msg="Plain git has no API.")
    return _checked(data.api_address, ("https", "http"), "api_address")[0]


def _checked(written: str, schemes: tuple[str, ...], field: str) -> tuple[str, str]:
    try:
        parts = urlsplit(written.rstrip("/"))
        port = parts.port
    except ValueError:
        raise Invalid.at("body", field, msg="The address is malformed.") from None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in schemes or parts.query or parts.fragment or _CLEAN_HOST.fullmatch(host) is None:
        raise Invalid.at("body", field, msg=f"Write it as {schemes[0]}://host, with a port or a path if need be.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise Invalid.at("body", field, msg="Plain http would show the credentials on the way; use https.")
    user = parts.username or ""
    if parts.password is not None or (user and (parts.scheme != "ssh" or not re.fullmatch(r"\w[\w.-]*", user))):
        raise Invalid.at("body", field, msg="Leave credentials out of the address.")
    if not re.fullmatch(r"(/[\w.~-]+)*", parts.path, re.ASCII):
        raise Invalid.at("body", field, msg="The address's path is malformed.")
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[parts.scheme]:
        shown += f":{port}"
    login = f"{user or 'git'}@" if parts.scheme == "ssh" else ""
    return f"{parts.scheme}://{login}{shown}{parts.path}", shown


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def seal(keyring: Keyring, connection_id: str, found: dict[str, str]) -> str:
    return keyring.encrypt(json.dumps(found), f"git {connection_id}")


def provider_of(keyring: Keyring, row: Any) -> Provider:
    """The provider behind a connection's row, ready to be asked."""
    found: dict[str, str] = json.loads(keyring.decrypt(row.sealed, f"git {row.git_connection_id}"))
    address, kind = row.address, row.kind
    if kind == "git_https":
        return PlainGit(Credential(found["username"], found["password"]))
    if kind == "git_ssh":
        return PlainGit(SshKey(found["private_key"], found["known_hosts"]))
    if kind == "gitlab_token":
        return GitLab(f"GitLab at {row.host}", row.api_address or f"{address}/api/v4", found["token"])
    if kind == "gitea_token":
        return Gitea(f"Gitea at {row.host}", row.api_address or f"{address}/api/v1", found["token"])
    name, api = f"GitHub at {row.host}", row.api_address or api_address(address)
    if kind == "github_app":
        return GitHubApp(name, api, found["app"], found["installation"], found["private_key"])
    return GitHub(name, api, found["token"])
