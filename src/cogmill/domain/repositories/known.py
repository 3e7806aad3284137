"""Which repositories an organization has, and where each lies on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.git_providers.use import Grant, granted_path, usable
from cogmill.kit.errors import NotFound, Refusal
from cogmill.models.git import git_connection, git_permission
from cogmill.scm.forge import LocalForge

LOCAL = "local"
"""Connection and host of what is at home at the built-in forge."""
_TELL_CHANGES = ("packed-refs", "refs/heads", "refs/heads/cogmill")
"""What changes with the branches of a bare repository."""


@dataclass(frozen=True, slots=True)
class Known:
    """A repository, and the bare copy of it that host git may read; None when it has not been fetched yet."""

    repo_path: str
    git_dir: Path | None
    connection_id: str = LOCAL
    connection_host: str = LOCAL
    provider_path: str | None = None
    """What its connection calls it."""
    grant: Grant | None = None
    """The permission to fetch it; for one that is looked up by itself."""

    @property
    def updated_at(self) -> int | None:
        """When a branch moved last, as far as the files tell."""
        if self.git_dir is None:
            return None
        times = [(self.git_dir / one).stat().st_mtime for one in _TELL_CHANGES if (self.git_dir / one).exists()]
        return int(max(times)) if times else None


def repositories_of(ctx: Context) -> list[Known]:
    """All repositories of the scope's organization, by path.

    Those at home at its built-in forge; copies there of others, unless a connection's permission for them has ended;
    and what permissions name one by one, also before a session has fetched it.
    """
    forge = _forge(ctx)
    copies = [_copy(forge, name, grant) for name, grant in usable(ctx, forge, forge.list_()).items()]
    fetched = {(one.connection_id, one.provider_path) for one in copies}
    named = [one for one in _permitted(ctx) if (one.connection_id, one.provider_path) not in fetched]
    return sorted({one.repo_path: one for one in [*named, *copies]}.values(), key=lambda one: one.repo_path)


def find(ctx: Context, repo_path: str) -> Known | None:
    """One repository by its name here, or by the path that its connection knows it by.

    A path that a permission covers counts although nobody knows before the first fetch whether it is there.
    """
    forge = _forge(ctx)
    try:
        if forge.exists(repo_path):
            here = usable(ctx, forge, [repo_path])
            return _copy(forge, repo_path, here[repo_path]) if repo_path in here else None
    except Refusal:
        pass  # no name that the forge could have, but a connection may
    try:
        grant = granted_path(ctx, repo_path)
    except Refusal:
        return None
    if grant is None:
        return None
    name = forge.copy_of(grant.ref)
    if name is not None:
        return _copy(forge, name, grant)
    return Known(grant.path, None, grant.connection_id, grant.connection.host, grant.path, grant)


def find_all(ctx: Context, repo_paths: list[str]) -> dict[str, Known]:
    """These repositories by the paths that were asked for; NotFound names all that the organization does not have."""
    found = {path: find(ctx, path) for path in repo_paths}
    missing = [path for path, one in found.items() if one is None]
    if missing:
        raise unknown(missing)
    return {path: one for path, one in found.items() if one is not None}


def unknown(paths: list[str]) -> NotFound:
    names = ", ".join(repr(path[:200]) for path in paths[:10])
    return NotFound(f"There is no repository {names} in this organization. The list of repositories has the paths.")


def searchable(ctx: Context, repo_paths: Sequence[str]) -> set[str]:
    """Those of indexed repositories that may be looked into: a git permission may have been taken away since."""
    return set(usable(ctx, _forge(ctx), repo_paths))


def _copy(forge: LocalForge, name: str, grant: Grant | None) -> Known:
    if grant is None:
        return Known(name, forge.path(name))
    return Known(name, forge.path(name), grant.connection_id, grant.connection.host, grant.path, grant)


def _permitted(ctx: Context) -> list[Known]:
    """Repositories that permissions name one by one."""
    columns = git_permission.c
    query = owned(git_permission, ctx.scope, columns.path, columns.git_connection_id)
    query = query.add_columns(git_connection.c.host).join(git_connection).where(columns.kind == "repo_path")
    return [Known(row.path, None, row.git_connection_id, row.host, row.path) for row in ctx.db.execute(query)]


def _forge(ctx: Context) -> LocalForge:
    return LocalForge(ctx.runtime.settings.data / "forge" / ctx.scope.one_org)
