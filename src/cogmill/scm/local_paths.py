"""Which folders of the host may be used as repositories: none, unless the operator allowed them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cogmill.scm.errors import RepositoryRefused

_REFUSED = (
    "Local repositories are not allowed here, or not at this place. Allow the folder in the server's settings, "
    "or name a repository by URL or owner/name."
)


@dataclass(frozen=True, slots=True)
class LocalPaths:
    """Folders below which repositories may be read; `never` wins (the server's own data belongs there)."""

    allowed: tuple[Path, ...] = ()
    everything: bool = False
    never: tuple[Path, ...] = ()

    def permits(self, real: Path) -> bool:
        if any(real.is_relative_to(folder.resolve()) for folder in self.never):
            return False
        return self.everything or any(real.is_relative_to(folder.resolve()) for folder in self.allowed)


NOWHERE = LocalPaths()


def local_repository(text: str, local: LocalPaths) -> Path:
    """The real folder behind a path, refused unless it and every folder that git would read through it is allowed."""
    try:
        real = Path(text).resolve()
        if not local.permits(real):
            raise RepositoryRefused(_REFUSED)  # the same words whether it exists or not
        if not real.is_dir():
            raise RepositoryRefused(f"There is no folder {real}.")
        for folder in _read_through(real):
            if not local.permits(folder):
                raise RepositoryRefused(f"{real} borrows from a folder that is not allowed here.")
    except (OSError, RuntimeError, ValueError) as error:  # loops, no permission, NUL bytes
        raise RepositoryRefused(f"The folder cannot be read: {type(error).__name__}.") from None
    return real


def _read_through(repository: Path) -> Iterator[Path]:
    git_dir = repository / ".git"
    if git_dir.is_file():  # a linked worktree or submodule
        target = git_dir.read_text(errors="surrogateescape")[:4096].removeprefix("gitdir:").strip()
        git_dir = repository / target
    elif not git_dir.exists():
        git_dir = repository
    git_dir = git_dir.resolve()
    yield git_dir
    common = git_dir / "commondir"
    if common.is_file():
        git_dir = (git_dir / common.read_text(errors="surrogateescape")[:4096].strip()).resolve()
        yield git_dir
    yield from _object_folders((git_dir / "objects").resolve(), depth=5)  # git itself follows five


def _object_folders(objects: Path, depth: int) -> Iterator[Path]:
    yield objects
    alternates = objects / "info" / "alternates"
    if depth and alternates.is_file():
        for line in alternates.read_text(errors="surrogateescape").splitlines():
            if line and not line.startswith("#"):
                yield from _object_folders((objects / line.strip('"')).resolve(), depth - 1)
