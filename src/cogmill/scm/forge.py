"""The built-in forge: bare repositories below one folder, with one part for upstream and one for sessions.

Branches below `cogmill/` belong to sessions and are written by pushes only; all others belong to upstream and are
written by imports only. Pull requests are records of the database; the forge knows git facts alone.
"""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from cogmill.scm import history
from cogmill.scm.added import added_text
from cogmill.scm.bundles import MAX_BUNDLE, check_header, quarantined
from cogmill.scm.errors import PushRefused, UnknownRepository
from cogmill.scm.git import SAFE_UPLOAD_PACK, Bounds, GitError, run_git
from cogmill.scm.history import MAX_DIFF, Commit, FileChange
from cogmill.scm.locks import clear_stale_locks, file_lock
from cogmill.scm.mirrors import REFSPECS, MirrorRefs, fetched_mark, read_refs
from cogmill.scm.names import SESSION_PREFIX, branch_ref, is_hash, is_segment, repository_name
from cogmill.scm.repositories import RepositoryRef

_IMPORTED = "cogmill-imported"
_SOURCE = "cogmill-source"
_LENT = "cogmill-lent"
_LOCK_SECONDS = 600.0
_COPY = Bounds(timeout=1800.0)
_NO_COMMIT = ("0" * 40, "0" * 64)
# `cogmill` itself, as a branch of upstream, would leave no room for `cogmill/...`.
_NOT_SESSIONS = (f"^refs/heads/{SESSION_PREFIX}*", f"^refs/heads/{SESSION_PREFIX.rstrip('/')}")


class LocalForge:
    """Repositories `folder/<owner>/<name>.git`. One folder per tenant: the forge itself asks nobody for permission."""

    def __init__(self, folder: Path, *, max_bundle: int = MAX_BUNDLE) -> None:
        self._folder = folder
        self._max_bundle = max_bundle

    def path(self, name: str) -> Path:
        """The bare repository; also good as a mirror to bind into a sandbox."""
        place = self._place(name)
        if not place.is_dir():
            raise UnknownRepository(f"The forge has no repository {name}.")
        return place

    def exists(self, name: str) -> bool:
        return self._place(name).is_dir()

    def source(self, name: str) -> str | None:
        """The address that a repository was imported from; None when it is at home here."""
        return _read(self._place(name) / _SOURCE) or None

    def list_(self) -> list[str]:
        """All names, sorted."""
        found = [(place.parent.name, place.name.removesuffix(".git")) for place in self._folder.glob("*/*.git")]
        return sorted(f"{owner}/{name}" for owner, name in found if is_segment(owner) and is_segment(name))

    async def create(self, name: str, *, default_branch: str = "main") -> Path:
        """An empty repository; the one that is there already, if any."""
        ref = branch_ref(default_branch)
        async with self._lock(name):
            if not self.exists(name):
                temporary = self._temporary(name)
                await run_git(["init", "--bare", "--quiet", "--template=", str(temporary)])
                await run_git(["symbolic-ref", "HEAD", ref], git_dir=temporary)
                temporary.rename(self._place(name))
        return self._place(name)

    def is_lent(self, name: str) -> bool:
        """Whether a copy was fetched with a connection's credentials: then it may be used by permission only."""
        return (self._place(name) / _LENT).exists()

    def copy_of(self, ref: RepositoryRef) -> str | None:
        """The name of the copy that was imported from this very address, if there is one."""
        name = self._name_for(ref)
        return name if self.exists(name) else None

    async def import_from(self, ref: RepositoryRef, mirror: Path, *, lent: bool = False) -> str:
        """Bring upstream's branches in from its mirror, at first or again; answers the name it has here.

        That is the reference's own name unless another source took it before. `lent`: see `is_lent`.
        """
        name = self._name_for(ref)
        mark = fetched_mark(mirror)
        if _read(self._place(name) / _IMPORTED).startswith(f"{mark}\n") and (self.is_lent(name) or not lent):
            return name
        async with self._lock(name):
            if self._name_for(ref) != name:  # another source was quicker
                return await self.import_from(ref, mirror, lent=lent)
            refs = await read_refs(mirror)
            if not self.exists(name):
                temporary = self._temporary(name)
                await self._copy(refs, temporary)
                (temporary / _SOURCE).write_text(ref.clone_url or ref.name)
                if lent:
                    (temporary / _LENT).touch()
                temporary.rename(self._place(name))
            elif not _read(self._place(name) / _IMPORTED).endswith(f"\n{refs.digest}"):
                await self._update(refs, self._place(name))
            if lent:
                (self._place(name) / _LENT).touch()
            (self._place(name) / _IMPORTED).write_text(f"{mark}\n{refs.digest}")
        return name

    async def push_branch(
        self, name: str, branch: str, bundle: Path, expected_head: str, *, replaces: str | None = None,
        check: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        """Move a session's branch to `expected_head`, whose commits the bundle brings.

        Forward only, unless `replaces` names the commit the branch has now. The same head once more is a success.
        `check` gets what the commits add, on another thread, and refuses it by raising.
        """
        repository = self.path(name)
        self._check_writable(repository, branch, expected_head)
        now = await history.branch_head(repository, branch)
        if now == expected_head:
            return
        header = check_header(bundle, branch_ref(branch), expected_head, self._max_bundle)
        async with quarantined(repository, bundle, header, expected_head) as quarantine:
            forward = now is None or await history.is_ancestor(repository, now, expected_head, quarantine.environment)
            if not forward and replaces != now:
                raise PushRefused(f"{branch} is at {(now or '')[:12]}, which {expected_head[:12]} does not continue.")
            if check is not None:
                await asyncio.to_thread(check, await added_text(repository, expected_head, quarantine))
            await asyncio.to_thread(quarantine.release)
        async with self._lock(name):
            await self._move(repository, branch, expected_head, now)

    async def refs(self, name: str) -> MirrorRefs:
        return await read_refs(self.path(name))

    async def branch_head(self, name: str, branch: str) -> str | None:
        return await history.branch_head(self.path(name), branch)

    async def merge_base(self, name: str, one: str, other: str) -> str | None:
        return await history.merge_base(self.path(name), one, other)

    async def diff(self, name: str, base: str, head: str, *, max_bytes: int = MAX_DIFF) -> str:
        return await history.diff(self.path(name), base, head, max_bytes=max_bytes)

    async def diff_stat(self, name: str, base: str, head: str) -> str:
        return await history.diff_stat(self.path(name), base, head)

    async def changed_files(self, name: str, base: str, head: str) -> list[FileChange]:
        return await history.changed_files(self.path(name), base, head)

    async def commits(self, name: str, base: str, head: str, *, limit: int = 250) -> list[Commit]:
        return await history.commits(self.path(name), base, head, limit=limit)

    def _place(self, name: str) -> Path:
        owner, last = repository_name(name)
        return self._folder / owner / f"{last}.git"

    def _temporary(self, name: str) -> Path:
        """A fresh folder beside the place; what a killed process left there goes. Under the lock only."""
        place = self._place(name)
        for left in place.parent.glob(f".{place.name}~*"):
            shutil.rmtree(left, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}~", dir=place.parent))
        temporary.chmod(0o755)
        return temporary

    def _lock(self, name: str) -> AbstractAsyncContextManager[int]:
        place = self._place(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        return file_lock(place.parent / f".{place.name}.lock", _LOCK_SECONDS)

    def _name_for(self, ref: RepositoryRef) -> str:
        source = ref.clone_url or ref.name
        place = self._place(ref.name)
        if not place.is_dir() or _read(place / _SOURCE) == source:
            return ref.name
        # Two folders called `app`, or a/b of two hosts.
        owner, last = repository_name(ref.name)
        return f"{owner}/{last[:60]}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"

    def _check_writable(self, repository: Path, branch: str, head: str) -> None:
        if not is_hash(head) or head in _NO_COMMIT:
            raise PushRefused("The head to push is no commit hash.")
        ref = branch_ref(branch)
        if _read(repository / "HEAD").strip() == f"ref: {ref}":
            raise PushRefused(f"{branch} is the default branch; sessions push to their own.")
        if not branch.startswith(SESSION_PREFIX):
            raise PushRefused(f"Sessions push to branches below {SESSION_PREFIX}, not to {branch}.")

    async def _move(self, repository: Path, branch: str, head: str, now: str | None) -> None:
        clear_stale_locks(repository, older_than=60.0)
        old = now or "0" * len(head)
        try:
            await run_git(
                ["-c", "core.fsync=reference", "update-ref", branch_ref(branch), head, old], git_dir=repository
            )
        except GitError as error:
            if await history.branch_head(repository, branch) == head:
                return  # somebody pushed the very same at the same time
            raise PushRefused(f"{branch} moved while it was pushed: {error}") from None

    async def _copy(self, refs: MirrorRefs, target: Path) -> None:
        # Hard links: a mirror's packs are never changed, only added to; another file system gets copies.
        options = ["--bare", "--quiet", "--template=", f"--upload-pack={SAFE_UPLOAD_PACK}"]
        await run_git(["clone", *options, "--", str(refs.repository), str(target)], bounds=_COPY)
        copied = await read_refs(target)  # the mirror may have moved since `refs`
        theirs = [b for b in copied.branches if f"{b}/".startswith(SESSION_PREFIX)]
        if theirs:
            doomed = "".join(f"delete {branch_ref(b)}\n" for b in theirs)
            await run_git(["update-ref", "--stdin"], git_dir=target, input=doomed.encode())
        await self._set_default(refs, target)

    async def _update(self, refs: MirrorRefs, repository: Path) -> None:
        clear_stale_locks(repository, older_than=60.0)
        options = ["--quiet", "--prune", "--no-tags", "--no-write-fetch-head", f"--upload-pack={SAFE_UPLOAD_PACK}"]
        args = ["fetch", *options, "--", str(refs.repository), *REFSPECS, *_NOT_SESSIONS]
        await run_git(args, git_dir=repository, bounds=_COPY)
        await self._set_default(refs, repository)

    async def _set_default(self, refs: MirrorRefs, repository: Path) -> None:
        default = refs.default_branch
        if default is not None and not f"{default}/".startswith(SESSION_PREFIX):
            await run_git(["symbolic-ref", "HEAD", branch_ref(default)], git_dir=repository)


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
