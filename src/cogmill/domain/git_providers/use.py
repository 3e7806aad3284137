"""What an organization's sessions may clone, and push to. Asked when a session is made, and by its run every time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, or_

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.git_providers.credentials import provider_of
from cogmill.kit.crypto import Keyring
from cogmill.kit.errors import Forbidden
from cogmill.models.access import organization
from cogmill.models.git import git_connection, git_permission
from cogmill.scm.errors import RepositoryRefused
from cogmill.scm.forge import LocalForge
from cogmill.scm.provider import Provider
from cogmill.scm.repositories import Address, RepositoryRef, address_of, at_connection, parse_repository

_PORTS = {"https": 443, "http": 80, "ssh": 22}


@dataclass(frozen=True, slots=True)
class Grant:
    """A repository at a connection that the organization may use, with its one spelling."""

    ref: RepositoryRef
    path: str
    read_only: bool
    connection: Any

    @property
    def connection_id(self) -> str:
        return str(self.connection.git_connection_id)

    @property
    def called(self) -> str:
        """For messages."""
        return f"{self.path} at {self.connection.host}"

    def provider(self, keyring: Keyring) -> Provider:
        return provider_of(keyring, self.connection)


def granted(ctx: Context, ref: RepositoryRef, forge: LocalForge) -> Grant | None:
    """The connection to use a repository through; None: there is none for it, it is used without credentials.

    Forbidden when its host has connections, and the organization no permission at any of them.
    """
    if ref.kind == "path":
        return None
    connections = _connections(ctx)
    if ref.kind == "name":
        return _by_name(ctx, ref, connections, forge)
    address = address_of(ref)
    governing = [one for one in connections if governs(one, address)]
    if not governing:
        return None
    found = _best(ctx, [(one, path_below(one, address), address.suffix) for one in governing])
    if found is None:
        raise _refused(address.path, governing[0].host)
    return found


def granted_path(ctx: Context, path: str) -> Grant | None:
    """The same by the path that a repository has at its connection, which may be deeper than owner/name.

    RepositoryRefused when it can be no path.
    """
    if not path.isprintable() or any(not one or one != one.strip() for one in path.split("/")):
        raise RepositoryRefused(f"{path[:200]!r} is no path of a repository; write it as its connection does.")
    return _best(ctx, [(one, path, ".git") for one in _connections(ctx)])


def usable(ctx: Context, forge: LocalForge, names: Sequence[str]) -> dict[str, Grant | None]:
    """Of names at the built-in forge those that are at home there (None), or whose permission stands: to look into
    copies needs what cloning needs."""
    connections = _connections(ctx)
    found: dict[str, Grant | None] = {}
    for name in names:
        copy = _copied(name, connections, forge)
        grant = _best(ctx, copy.candidates) if copy is not None else None
        if copy is None or grant is not None:
            found[name] = grant
    return found


def may_write(ctx: Context, connection: Any, path: str) -> bool:
    """Whether the organization may change things in a repository of just this connection."""
    found = _best(ctx, [(connection, path, ".git")])
    return found is not None and not found.read_only


def granted_at(ctx: Context, org_id: str, connection: Any, path: str) -> Grant:
    """What an organization may do with a repository of just this connection. Forbidden: nothing."""
    inside = replace(ctx, scope=Scope(ctx.scope.enterprise_id, org_id))
    found = _best(inside, [(connection, path, ".git")])
    if found is None:
        raise _refused(path, connection.host)
    return found


def _by_name(ctx: Context, ref: RepositoryRef, connections: Sequence[Any], forge: LocalForge) -> Grant | None:
    """owner/name: at the built-in forge if it is at home there, else at the connection that a permission names."""
    named = [(one, ref.name, ".git") for one in connections]
    if not forge.exists(ref.name):
        return _best(ctx, named)
    copy = _copied(ref.name, connections, forge)
    if copy is None:
        # A copy of another host's repository of that name must not stand in for the one that a permission names.
        return _best(ctx, named) if forge.source(ref.name) is not None else None
    found = _best(ctx, copy.candidates) or _best(ctx, named)
    if found is None:
        # A copy that was made while it was allowed is no way around the permission.
        raise _refused(copy.path, copy.host)
    return found


@dataclass(frozen=True, slots=True)
class _Copy:
    """A repository of the built-in forge that came from a host with connections, or through one that is gone."""

    path: str
    host: str
    candidates: list[tuple[Any, str, str]]


def _copied(name: str, connections: Sequence[Any], forge: LocalForge) -> _Copy | None:
    """What is known of a copy; None for what is at home here, or came from a host without connections."""
    source, is_lent = forge.source(name) or "", forge.is_lent(name)
    if source.startswith("/") or (not is_lent and not connections):
        return None
    try:
        address = address_of(parse_repository(source, schemes={"https", "http", "ssh", "git"}))
    except RepositoryRefused:
        return _Copy(name, "the place that it was copied from", []) if is_lent else None
    candidates = [(one, path_below(one, address), address.suffix) for one in connections if governs(one, address)]
    return _Copy(address.path, address.host, candidates) if candidates or is_lent else None


def governs(connection: Any, address: Address) -> bool:
    """Whether a URL leads to this connection's host: by its own scheme, or by ssh, which leads to the same place."""
    own = urlsplit(connection.address)
    if own.hostname != address.host:
        return False
    if own.scheme == "ssh" or address.scheme == "ssh":
        return own.scheme != address.scheme or bool(own.port == address.port)
    if (below := own.path.strip("/")) and not address.path.startswith(f"{below}/"):
        return False
    if own.scheme == "https" and own.port is None and address.scheme == "http" and address.port is None:
        return True  # the same place without encryption
    return bool(own.port == address.port)


def path_below(connection: Any, address: Address) -> str:
    """The repository's path, without the path of the connection's own address."""
    below = urlsplit(connection.address).path.strip("/")
    return address.path.removeprefix(f"{below}/") if below and address.scheme != "ssh" else address.path


def _connections(ctx: Context) -> Sequence[Any]:
    """Those of the organization's enterprise, oldest first. The engine's scope knows the organization only."""
    enterprise_id = ctx.scope.enterprise_id
    if not enterprise_id:
        enterprise_id = ctx.db.execute(owned(organization, ctx.scope, organization.c.enterprise_id)).scalar_one()
    query = of_enterprise(git_connection, Scope(enterprise_id, None))
    return ctx.db.execute(query.order_by(git_connection.c.git_connection_id)).all()


def _best(ctx: Context, candidates: Sequence[tuple[Any, str, str]]) -> Grant | None:
    """The first connection through which the organization may push, else the first through which it may clone."""
    if not candidates:
        return None
    permissions = _permissions(ctx, candidates)
    best: Grant | None = None
    for one, path, suffix in candidates:
        fitting = [
            p for p in permissions if p.git_connection_id == one.git_connection_id and covers(p.kind, p.path, one, path)
        ]
        if fitting and (best is None or best.read_only):
            read_only = all(p.read_only for p in fitting)
            if best is None or not read_only:
                suffix = suffix if is_plain(one) else ".git"
                best = Grant(at_connection(one.address, path, suffix), path, read_only, one)
    return best


def is_plain(connection: Any) -> bool:
    """Whether it leads to a git server without an API."""
    return str(connection.kind).startswith("git_")


def _permissions(ctx: Context, candidates: Sequence[tuple[Any, str, str]]) -> Sequence[Any]:
    """Those that may speak of the candidates: an organization may have very many of single repositories."""
    columns, paths = git_permission.c, {path for _, path, _ in candidates}
    named = or_(columns.path.in_(paths), func.lower(columns.path).in_({path.lower() for path in paths}))
    query = owned(git_permission, ctx.scope).where(
        columns.git_connection_id.in_({one.git_connection_id for one, _, _ in candidates}),
        or_(columns.kind != "repo_path", named),
    )
    return ctx.db.execute(query).all()


def covers(kind: str, granted_path: str, connection: Any, path: str) -> bool:
    """Whether a permission speaks of a repository. Providers take paths in any case, plain git servers may not."""
    if not is_plain(connection):
        granted_path, path = granted_path.casefold(), path.casefold()
    if kind == "repo_path":
        return path == granted_path
    if kind == "group_prefix":
        return path.startswith(f"{granted_path}/")
    return granted_path == "/" or path.startswith(granted_path)


def _refused(path: str, host: str) -> Forbidden:
    return Forbidden(
        f"This organization has no git permission for {path[:200]} at {host}. Whoever has ManageGitIntegrations can "
        "give it one, at /v3/enterprise/organizations/{org_id}/git-providers/permissions."
    )
