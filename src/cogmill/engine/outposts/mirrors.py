"""Bringing a repository to a worker: what its mirror there lacks, as a bundle. No credential goes along."""

import asyncio
import hashlib
import tempfile
from pathlib import Path

from cogmill.sandbox.remote.line import Line
from cogmill.scm.git import Bounds, GitError, run_git
from cogmill.scm.names import is_hash

PIECE = 4 * 1024**2
"""Bytes that are sent before an answer is waited for."""
MOST_TIPS = 50_000
ADD_SECONDS = 2000.0
"""How long the worker may take to keep what was sent."""
_SECONDS = Bounds(timeout=1800.0)


def mirror_key(mirror: Path) -> str:
    """The mirror's name on workers: the same for the same mirror, and no other organization's."""
    return hashlib.sha256(str(mirror).encode()).hexdigest()[:32]


async def bring(line: Line, mirror: Path, key: str, folder: Path, refs: tuple[str, ...] = ("--all",)) -> int:
    """Bring what is below `refs` of a bare repository to the worker's mirror `key`; answers the bytes sent.

    `folder`: where the bundle may lie meanwhile.
    """
    head, body = await line.ask("mirror_tips", key=key)
    known = await _known(mirror, body.decode("ascii", "replace").split()) if head.get("tips") else []
    with tempfile.TemporaryDirectory(prefix="outpost-", dir=folder) as own:
        bundle = Path(own, "bundle")
        size = await _bundle(mirror, bundle, refs, known)
        if size == 0 and head.get("tips"):
            return 0
        for start in range(0, size, PIECE):
            piece = await asyncio.to_thread(_read, bundle, start)
            await line.ask("mirror_part", piece, key=key, offset=start)
    shallow = mirror / "shallow"
    text = await asyncio.to_thread(shallow.read_bytes) if shallow.exists() else b""
    is_sha256 = any(len(one) == 64 for one in known) or await _is_sha256(mirror)
    kind = "sha256" if is_sha256 else "sha1"
    answer, _ = await line.ask("mirror_add", text, key=key, size=size, object_format=kind, within=ADD_SECONDS)
    if isinstance(error := answer.get("error"), dict):
        raise GitError(f"The worker cannot keep the repository: {str(error.get('text'))[:500]}")
    return size


async def _known(mirror: Path, tips: list[str]) -> list[str]:
    """Those of the worker's commits that are here, too."""
    asked = [one for one in dict.fromkeys(tips) if is_hash(one)][:MOST_TIPS]
    if not asked:
        return []
    said = await run_git(["cat-file", "--batch-check"], git_dir=mirror, input="\n".join(asked).encode() + b"\n")
    lines = said.decode("ascii", "replace").splitlines()
    return [line.split()[0] for line in lines if not line.endswith(("missing", "ambiguous"))]


async def _bundle(mirror: Path, target: Path, refs: tuple[str, ...], known: list[str]) -> int:
    without = "".join(f"^{one}\n" for one in known).encode()
    args = ["bundle", "create", "--quiet", str(target), *refs, *(["--stdin"] if known else [])]
    try:
        await run_git(args, git_dir=mirror, input=without, bounds=_SECONDS)
    except GitError as error:
        if "empty bundle" in str(error):
            return 0
        raise
    return target.stat().st_size


async def _is_sha256(mirror: Path) -> bool:
    said = await run_git(["rev-parse", "--show-object-format"], git_dir=mirror)
    return said.strip() == b"sha256"


def _read(bundle: Path, start: int) -> bytes:
    with bundle.open("rb") as file:
        file.seek(start)
        return file.read(PIECE)


async def name_commit(mirror: Path, commit: str) -> None:
    """Give a commit that no branch leads to, such as a pull request's head, a name, so that it is brought as well."""
    await run_git(["update-ref", f"refs/cogmill/wanted/{commit}", commit], git_dir=mirror)
