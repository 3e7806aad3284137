"""Taking commits out of a bundle that a sandbox made: everything in it is a stranger's word until checked."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cogmill.scm.errors import BundleTooLarge, PushRefused
from cogmill.scm.git import Bounds, GitError, run_git
from cogmill.scm.names import is_hash

MAX_BUNDLE = 64 * 1024**2
_MAX_HEADER = 256 * 1024
_CHECK = Bounds(timeout=120.0, memory=1024**3)
_CAPABILITIES = {"@object-format=sha1", "@object-format=sha256"}


@dataclass(frozen=True, slots=True)
class BundleHeader:
    refs: dict[str, str]
    prerequisites: tuple[str, ...]
    pack_offset: int


def read_header(bundle: Path) -> BundleHeader:
    """Read what the bundle says it carries, without git."""
    with bundle.open("rb") as file:
        start = file.read(_MAX_HEADER)
    text, end, _ = start.partition(b"\n\n")
    lines = text.decode("utf-8", "replace").split("\n")
    if not end or lines[0] not in {"# v2 git bundle", "# v3 git bundle"}:
        raise PushRefused("The sandbox gave something that is no git bundle.")
    refs: dict[str, str] = {}
    prerequisites: list[str] = []
    for line in lines[1:]:
        commit, _, rest = line.lstrip("-").partition(" ")
        if line in _CAPABILITIES and lines[0].startswith("# v3"):
            continue
        if not is_hash(commit):
            raise PushRefused("The bundle's header is malformed.")
        if line.startswith("-"):
            prerequisites.append(commit)
        else:
            refs[rest] = commit
    return BundleHeader(refs, tuple(prerequisites), len(text) + 2)


def check_header(bundle: Path, ref: str, head: str, max_bytes: int = MAX_BUNDLE) -> BundleHeader:
    """Refuse a bundle that is too large or carries anything but `ref` at `head`."""
    size = bundle.stat().st_size
    if size > max_bytes:
        raise BundleTooLarge(f"The commits take {size} bytes; one push may have {max_bytes}.")
    header = read_header(bundle)
    if header.refs != {ref: head}:
        raise PushRefused(f"The bundle must carry exactly {ref} at {head[:12]}.")
    return header


class Quarantine:
    """Objects of a bundle beside the repository's own, not yet part of it."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self._repository, self._folder = repository, folder
        self.environment = {
            "GIT_OBJECT_DIRECTORY": str(folder),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{repository / "objects"}"',
        }

    def release(self) -> None:
        """Make the objects part of the repository; the index comes last, for it makes a pack visible."""
        target = self._repository / "objects" / "pack"
        target.mkdir(exist_ok=True)
        for suffix in (".pack", ".rev", ".idx"):
            for file in (self._folder / "pack").glob(f"pack-*{suffix}"):
                file.rename(target / file.name)
        _to_disk(target)


@asynccontextmanager
async def quarantined(repository: Path, bundle: Path, header: BundleHeader, head: str) -> AsyncIterator[Quarantine]:
    """Unpack and check the bundle: well-formed objects, no evil tree entries, nothing missing; forgets it after."""
    folder = Path(tempfile.mkdtemp(prefix="tmp_objdir-incoming-", dir=repository / "objects"))
    try:
        quarantine = Quarantine(repository, folder)
        await _unpack(repository, bundle, header, quarantine)
        await _check_complete(repository, head, quarantine)
        yield quarantine
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _unpack(repository: Path, bundle: Path, header: BundleHeader, quarantine: Quarantine) -> None:
    # Not `git fetch BUNDLE`: before 2.46 it does not look at the objects, whatever fsckObjects says.
    args = ["index-pack", "--stdin", "--fix-thin", "--strict", f"--max-input-size={bundle.stat().st_size}"]
    descriptor = os.open(bundle, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.lseek(descriptor, header.pack_offset, os.SEEK_SET)
        await run_git(args, git_dir=repository, input=descriptor, env=quarantine.environment, bounds=_CHECK)
    except GitError as error:
        raise PushRefused(f"The commits do not pass git's checks: {error}") from None
    finally:
        os.close(descriptor)


async def _check_complete(repository: Path, head: str, quarantine: Quarantine) -> None:
    args = ["rev-list", "--objects", "--quiet", head, "--not", "--all"]
    try:
        await run_git(args, git_dir=repository, env=quarantine.environment, bounds=_CHECK)
    except GitError as error:
        raise PushRefused(f"The bundle does not carry all of its commits: {error}") from None


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
