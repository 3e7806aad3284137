"""Facts of bare repositories: differences, commits, merge bases. Branches and hashes only, never free revisions."""

from dataclasses import dataclass
from pathlib import Path

from cogmill.scm.errors import UnknownBranch
from cogmill.scm.git import Bounds, GitError, OutputTooLarge, run_git
from cogmill.scm.names import branch_ref, revision

MAX_DIFF = 2 * 1024**2
_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "-l1000")
_UNKNOWN = ("unknown revision", "bad revision", "bad object", "Invalid ", "Not a valid")


@dataclass(frozen=True, slots=True)
class Commit:
    hash: str
    author_name: str
    author_email: str
    authored_at: int
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a difference; None for the lines of a binary file."""

    path: str
    added: int | None
    removed: int | None


def cut_text(data: bytes, limit: int) -> str:
    """At most `limit` bytes as text, cut at a line and saying so."""
    if len(data) <= limit:
        return data.decode("utf-8", "replace")
    kept = data[:limit]
    whole = kept[: kept.rfind(b"\n") + 1] or kept
    return whole.decode("utf-8", "replace") + f"[cut after {len(whole)} bytes]\n"


async def diff(repository: Path, base: str, head: str, *, max_bytes: int = MAX_DIFF) -> str:
    """What `head` changed since it left `base`."""
    return await _diff(repository, [], base, head, max_bytes)


async def diff_stat(repository: Path, base: str, head: str, *, max_bytes: int = 64 * 1024) -> str:
    return await _diff(repository, ["--stat=120"], base, head, max_bytes)


async def changed_files(repository: Path, base: str, head: str, *, max_files: int = 3000) -> list[FileChange]:
    args = ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--numstat", "-z", _range(base, head), "--"]
    out = await _ask(repository, args)
    changes = []
    for entry in out.decode("utf-8", "replace").split("\0")[:max_files]:
        added, _, rest = entry.partition("\t")
        removed, tab, path = rest.partition("\t")
        if tab:
            changes.append(FileChange(path, _lines(added), _lines(removed)))
    return changes


async def commits(repository: Path, base: str, head: str, *, limit: int = 250) -> list[Commit]:
    """Commits of `head` that `base` does not have, newest first."""
    fields = ("%H", "%an", "%ae", "%at", "%s", "%b")
    args = [
        "log",
        "-z",
        f"--max-count={limit}",
        f"--format={'%x00'.join(fields)}",
        f"{revision(base)}..{revision(head)}",
    ]
    out = await _ask(repository, [*args, "--"])
    parts = out.decode("utf-8", "replace").split("\0")
    rows = zip(*[iter(parts)] * len(fields), strict=False)  # a last empty part is left over
    return [Commit(hash, name, email, int(at or 0), subject, body) for hash, name, email, at, subject, body in rows]


async def merge_base(repository: Path, one: str, other: str) -> str | None:
    """The best common ancestor; None when the histories are apart."""
    try:
        out = await _ask(repository, ["merge-base", revision(one), revision(other)])
    except GitError as error:
        if error.exit_code == 1:
            return None
        raise
    return out.decode().split("\n", 1)[0]


async def branch_head(repository: Path, branch: str) -> str | None:
    """The branch's commit; None when there is no such branch."""
    ref = branch_ref(branch)
    # for-each-ref never guesses, as rev-parse would; but it lists what lies below a name as well.
    out = await run_git(["for-each-ref", "--format=%(refname) %(objectname)", ref], git_dir=repository)
    return next((line.rpartition(" ")[2] for line in out.decode().splitlines() if line.startswith(f"{ref} ")), None)


async def has_commit(repository: Path, commit: str) -> bool:
    """Whether the commit is there, with or without a branch that has it."""
    try:
        await run_git(["cat-file", "-e", f"{revision(commit)}^{{commit}}"], git_dir=repository)
    except GitError:
        return False
    return True


async def file_at(repository: Path, commit: str, path: str, *, max_bytes: int = 256 * 1024) -> str | None:
    """A file's text in a commit, cut where it is longer; None when there is no such file."""
    args = ["cat-file", "blob", f"{revision(commit)}:{path}"]
    try:
        return (await run_git(args, git_dir=repository, bounds=Bounds(timeout=30.0, output=max_bytes))).decode(
            "utf-8", "replace"
        )
    except OutputTooLarge as error:
        return cut_text(error.kept + b"\n", max_bytes)
    except GitError:
        return None


async def is_ancestor(repository: Path, old: str, new: str, env: dict[str, str] | None = None) -> bool:
    try:
        await run_git(["merge-base", "--is-ancestor", old, new], git_dir=repository, env=env)
    except GitError as error:
        if error.exit_code == 1:
            return False
        raise
    return True


def _range(base: str, head: str) -> str:
    return f"{revision(base)}...{revision(head)}"


async def _diff(repository: Path, options: list[str], base: str, head: str, max_bytes: int) -> str:
    args = ["diff", *_DIFF, *options, _range(base, head), "--"]
    try:
        out = await _ask(repository, args, max_bytes)
    except OutputTooLarge as error:
        return cut_text(error.kept + b"\n", max_bytes)
    return out.decode("utf-8", "replace")


async def _ask(repository: Path, args: list[str], max_bytes: int = Bounds().output) -> bytes:
    try:
        return await run_git(args, git_dir=repository, bounds=Bounds(timeout=30.0, output=max_bytes))
    except GitError as error:
        if any(words in str(error) for words in _UNKNOWN):
            raise UnknownBranch("The repository has no such branch or commit.") from None
        raise


def _lines(number: str) -> int | None:
    return int(number) if number.isdigit() else None
