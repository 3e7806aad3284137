"""Bare mirrors of the repositories that sessions use: one per address, fetched once for all who ask at once."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cogmill.scm.errors import EmptyRepository, NoDefaultBranch, RepositoryRefused, UnknownBranch
from cogmill.scm.git import SAFE_UPLOAD_PACK, Bounds, GitError, run_git
from cogmill.scm.locks import clear_stale_locks, file_lock
from cogmill.scm.names import is_branch, is_hash
from cogmill.scm.repositories import RepositoryRef
from cogmill.scm.sign_in import SignIn, signed_in, told, without_keys

REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_STAMP = "cogmill-fetched"
_KEYLESS = "\nWithout a git connection ssh has no key to show; an administrator makes one of type git_ssh."
_CUSTOMARY = ("main", "master", "trunk", "develop")


@dataclass(frozen=True, slots=True)
class MirrorRefs:
    """What a bare repository offers to a session: branches and tags with their hashes."""

    repository: Path
    default_branch: str | None
    branches: dict[str, str]
    tags: dict[str, str]

    @property
    def digest(self) -> str:
        """Says whether anything moved."""
        everything = repr((self.default_branch, sorted(self.branches.items()), sorted(self.tags.items())))
        return hashlib.sha256(everything.encode("utf-8", "surrogateescape")).hexdigest()

    def base(self, branch: str | None = None) -> tuple[str, str]:
        """The branch to start from, and its commit."""
        if not self.branches:
            raise EmptyRepository
        name = branch or self.default_branch
        if name is None:
            some = ", ".join(sorted(self.branches)[:10])
            raise NoDefaultBranch(f"The repository has no default branch; name one of its branches: {some}.")
        if name not in self.branches:
            raise UnknownBranch(f"The repository has no branch {name[:200]!r}.")
        return name, self.branches[name]


class MirrorCache:
    """Mirrors below one folder. Nothing in them is ever removed but refs: sandboxes borrow the objects."""

    def __init__(
        self, folder: Path, *, clone_seconds: float = 1800.0, fetch_seconds: float = 600.0, lends_keys: bool = False
    ) -> None:
        """`lends_keys`: ssh to hosts without a connection uses the keys and the agent of the server's own user."""
        self._folder, self._lends_keys = folder, lends_keys
        self._clone_seconds = clone_seconds
        self._fetch_seconds = fetch_seconds
        self._running: dict[str, tuple[float, asyncio.Task[Path]]] = {}

    def place(self, ref: RepositoryRef, scope: str = "") -> Path:
        """Where the mirror lies.

        `scope` keeps apart what different tenants fetched with their own credentials; each has a folder of its own,
        which can be removed with the tenant.
        """
        if ref.clone_url is None:
            raise RepositoryRefused(f"{ref.name} has no address yet; its provider must resolve it first.")
        key = hashlib.sha256(f"{scope}\n{ref.clone_url}".encode()).hexdigest()[:16]
        return self._folder / scope / f"{ref.slug}-{key}.git"

    async def mirror(
        self,
        ref: RepositoryRef,
        *,
        max_age: float = 0.0,
        since: float = 0.0,
        scope: str = "",
        credential: SignIn | None = None,
    ) -> Path:
        """The mirror of `ref`, cloned or fetched unless a fetch began less than `max_age` seconds ago.

        Callers that come while a fetch is under way share it, also its failure. One caller's cancellation does not
        stop it for the others. A fetch that began before `since` counts for nothing: it may have missed a push.
        """
        place = self.place(ref, scope)
        self._make_room(place)
        while (running := self._running.get(place.name)) is not None and running[0] < since:
            await asyncio.wait([running[1]])
        if running is None:
            fetched = _fetched_at(place)
            if fetched >= since and 0 <= time.time() - fetched < max_age:
                return place
            task = asyncio.create_task(self._refresh(ref, place, credential))
            running = self._running[place.name] = (time.time(), task)
            task.add_done_callback(lambda done: self._forget(place.name, done))
        return await asyncio.shield(running[1])

    async def fetch_ref(self, ref: RepositoryRef, place: Path, name: str, credential: SignIn | None) -> None:
        """Bring the commits of one more ref of the repository into its mirror, such as a pull request's head.

        No branch of the mirror moves, so that what uses it sees nothing of it.
        """
        async with file_lock(place.parent / f"{place.name}.lock", self._fetch_seconds) as lock:
            await _Fetch(ref, credential, lock, lends_keys=self._lends_keys).one(place, name, self._fetch_seconds)

    def _make_room(self, place: Path) -> None:
        """The tenant's folder, which sandboxes of other users pass through; takes in what an older version left."""
        if not place.parent.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.parent.chmod(0o711)
        if place.parent != self._folder and not place.exists():
            with contextlib.suppress(OSError):
                (self._folder / place.name).rename(place)

    def _forget(self, key: str, task: asyncio.Task[Path]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, even if every caller has gone

    async def _refresh(self, ref: RepositoryRef, place: Path, credential: SignIn | None) -> Path:
        asked = time.time()
        async with file_lock(place.parent / f"{place.name}.lock", self._clone_seconds) as lock:
            if _fetched_at(place) >= asked:  # another process did it while we waited
                return place
            fetch = _Fetch(ref, credential, lock, lends_keys=self._lends_keys)
            if _fetched_at(place):
                clear_stale_locks(place)
                await fetch.update(place, self._fetch_seconds)
            else:
                await self._clone(fetch, place)
        return place

    async def _clone(self, fetch: "_Fetch", place: Path) -> None:
        # Whatever lies here without a stamp is what a killed process left; we hold the lock, so nobody writes it.
        prefix = f".{place.name}~"
        for left in [place, *place.parent.glob(f"{prefix}*")]:
            await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=place.parent))
        try:
            temporary.chmod(0o755)
            await fetch.clone(temporary, self._clone_seconds)
            temporary.rename(place)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


class _Fetch:
    """Reaching out to one address, with its one scheme allowed."""

    def __init__(self, ref: RepositoryRef, credential: SignIn | None, lock: int, *, lends_keys: bool) -> None:
        assert ref.clone_url is not None  # noqa: S101 - `place` refused it
        self._name, self._url, self._held = ref.name, ref.clone_url, (lock,)
        self._scheme, self._sign_in = ref.scheme, credential
        self._alone = without_keys() if ref.scheme == "ssh" and credential is None and not lends_keys else {}
        # No hard links, no borrowed objects: a local source may change or vanish under us.
        self._how = [f"--upload-pack={SAFE_UPLOAD_PACK}"] if ref.scheme == "file" else []

    async def clone(self, target: Path, seconds: float) -> None:
        began = time.time()
        options = ["--bare", "--quiet", "--no-local", "--template=", *self._how]
        await self._git(["clone", *options, "--", self._url, str(target)], None, seconds)
        _stamp(target, began)

    async def update(self, target: Path, seconds: float) -> None:
        began = time.time()
        options = ["--quiet", "--prune", "--no-tags", "--no-write-fetch-head", *self._how]
        head = asyncio.create_task(self._remote_head(target, seconds))
        try:
            await self._git(["fetch", *options, "--", self._url, *REFSPECS], target, seconds)
            branch = await head
        finally:
            head.cancel()
            await asyncio.gather(head, return_exceptions=True)
        if branch is not None:
            await run_git(["symbolic-ref", "HEAD", f"refs/heads/{branch}"], git_dir=target, held=self._held)
        _stamp(target, began)

    async def one(self, target: Path, name: str, seconds: float) -> None:
        """The commits of one ref, kept by a ref of ours."""
        spec = f"+{name}:refs/cogmill/{name.removeprefix('refs/')}"
        options = ["--quiet", "--no-tags", "--no-write-fetch-head", *self._how]
        await self._git(["fetch", *options, "--", self._url, spec], target, seconds)

    async def _remote_head(self, target: Path, seconds: float) -> str | None:
        out = await self._git(["ls-remote", "--symref", *self._how, "--", self._url, "HEAD"], target, seconds)
        first = out.decode("utf-8", "replace").partition("\n")[0]
        name = first.removeprefix("ref: refs/heads/").removesuffix("\tHEAD")
        return name if first.startswith("ref: refs/heads/") and is_branch(name) else None

    async def _git(self, args: list[str], git_dir: Path | None, seconds: float) -> bytes:
        try:
            with signed_in(self._url, self._sign_in) as environment:
                env = {**environment, **self._alone, "GIT_ALLOW_PROTOCOL": self._scheme}
                return await run_git(args, git_dir=git_dir, env=env, bounds=Bounds(timeout=seconds), held=self._held)
        except GitError as error:
            said = told(error, self._sign_in) + (_KEYLESS if self._alone else "")
            raise GitError(f"Repository {self._name} cannot be fetched: {said}", exit_code=error.exit_code) from None


async def read_refs(repository: Path) -> MirrorRefs:
    """Branches, tags and default branch of a bare repository of ours (mirror or forge)."""
    out = await run_git(
        ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"], git_dir=repository
    )
    branches: dict[str, str] = {}
    tags: dict[str, str] = {}
    for line in out.decode("utf-8", "surrogateescape").splitlines():
        commit, _, ref = line.partition(" ")
        kind, _, name = ref.removeprefix("refs/").partition("/")
        if is_hash(commit) and is_branch(name):  # others could not be named through our API anyway
            (branches if kind == "heads" else tags)[name] = commit
    return MirrorRefs(repository, _default_branch(repository, branches), branches, tags)


def _default_branch(repository: Path, branches: dict[str, str]) -> str | None:
    head = (repository / "HEAD").read_text(errors="replace").strip()
    named = head.removeprefix("ref: refs/heads/")
    if named in branches:
        return named
    # HEAD is detached or names a branch that is not there.
    usual = [name for name in _CUSTOMARY if name in branches]
    return usual[0] if usual else next(iter(branches)) if len(branches) == 1 else None


def _stamp(repository: Path, began: float) -> None:
    stamp = repository / _STAMP
    stamp.touch()
    stamp.chmod(0o644)
    os.utime(stamp, (began, began))


def _fetched_at(repository: Path) -> float:
    """When the last complete fetch began; 0 if there was none."""
    try:
        return (repository / _STAMP).stat().st_mtime
    except OSError:
        return 0.0


def fetched_mark(repository: Path) -> str:
    """Changes with every fetch; lets others see that nothing is new without asking git."""
    try:
        return str((repository / _STAMP).stat().st_mtime_ns)
    except OSError:
        return f"never {time.time_ns()}"
