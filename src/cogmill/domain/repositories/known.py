"""Which repositories an organization has, and where each lies on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cogmill.access.context import Context
from cogmill.domain.git_providers.use import usable
from cogmill.kit.errors import NotFound, Refusal
from cogmill.scm.forge import LocalForge

LOCAL = "local"
"""Connection and host of what lies at the built-in forge."""
_TELL_CHANGES = ("packed-refs", "refs/heads", "refs/heads/cogmill")
"""What changes with the branches of a bare repository."""


@dataclass(frozen=True, slots=True)
class Known:
    """A repository and the bare copy of it that host git may read."""

    repo_path: str
    git_dir: Path
    connection_id: str = LOCAL
    connection_host: str = LOCAL

    @property
    def updated_at(self) -> int | None:
        """When a branch moved last, as far as the files tell."""
        times = [(self.git_dir / one).stat().st_mtime for one in _TELL_CHANGES if (self.git_dir / one).exists()]
        return int(max(times)) if times else None


def repositories_of(ctx: Context) -> list[Known]:
    """All repositories of the scope's organization, by path: those at its built-in forge, imported ones too."""
    forge = _forge(ctx)
    return [Known(name, forge.path(name)) for name in usable(ctx, forge, forge.list_())]


def find(ctx: Context, repo_path: str) -> Known | None:
    """One of them."""
    try:
        forge = _forge(ctx)
        is_here = forge.exists(repo_path) and bool(usable(ctx, forge, [repo_path]))
        return Known(repo_path, forge.path(repo_path)) if is_here else None
    except Refusal:
        return None  # no name that a repository could have


def find_all(ctx: Context, repo_paths: list[str]) -> list[Known]:
    """Those of these paths; NotFound names all that the organization does not have."""
    found = [find(ctx, path) for path in repo_paths]
    missing = [path for path, one in zip(repo_paths, found, strict=True) if one is None]
    if missing:
        raise unknown(missing)
    return [one for one in found if one is not None]


def unknown(paths: list[str]) -> NotFound:
    names = ", ".join(repr(path[:200]) for path in paths[:10])
    return NotFound(f"There is no repository {names} in this organization. The list of repositories has the paths.")


def searchable(ctx: Context, repo_paths: Sequence[str]) -> set[str]:
    """Those of indexed repositories that may be looked into: a git permission may have been taken away since."""
    return set(usable(ctx, _forge(ctx), repo_paths))


def _forge(ctx: Context) -> LocalForge:
    return LocalForge(ctx.runtime.settings.data / "forge" / ctx.scope.one_org)
