"""The session's clone, made and read by git inside the sandbox; what that git says is a stranger's word."""

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cogmill.sandbox.protocol import ExecResult, Sandbox
from cogmill.scm.bundles import MAX_BUNDLE, read_header
from cogmill.scm.errors import BundleTooLarge, NoNewCommits, PushRefused, WorkspaceGitError
from cogmill.scm.git import last_words
from cogmill.scm.history import MAX_DIFF, cut_text
from cogmill.scm.mirrors import MirrorRefs
from cogmill.scm.names import branch_ref, is_hash

_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C.UTF-8",
    # The workspace may be owned by another uid than ours; and the clone's own programs have no part in our questions.
    "GIT_CONFIG_COUNT": "4",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "GIT_CONFIG_KEY_1": "core.hooksPath",
    "GIT_CONFIG_VALUE_1": "/dev/null",
    "GIT_CONFIG_KEY_2": "core.fsmonitor",
    "GIT_CONFIG_VALUE_2": "false",
    "GIT_CONFIG_KEY_3": "core.quotePath",
    "GIT_CONFIG_VALUE_3": "false",
}
_BASE_REF = "refs/cogmill/base"
_IN_THE_WAY = 3

_CLONE = """set -eu
path=$1 staging=$2 mirror=$3 work=$4 base=$5 format=$6 config=$7 default=$8
if [ -f "$path/.git/cogmill-snapshot" ]; then
  cd "$path"
  rm -rf .git/refs/heads .git/refs/remotes .git/refs/tags
  mkdir -p .git/refs/heads .git/refs/remotes/origin .git/objects/info
  printf '%s\\n' "$mirror/objects" > .git/objects/info/alternates
  if [ -f "$mirror/shallow" ]; then cp -- "$mirror/shallow" .git/shallow; fi
  cat > .git/packed-refs
  printf 'ref: refs/heads/%s\\n' "$work" > .git/HEAD
  printf 'ref: refs/remotes/origin/%s\\n' "$default" > .git/refs/remotes/origin/HEAD
  git reset --quiet --hard
  rm -f .git/cogmill-snapshot
  printf '%s\\n' "$base"
  exit 0
fi
if [ -e "$path/.git" ]; then
  git -C "$path" rev-parse --verify --quiet refs/cogmill/base || printf '%s\\n' "$base"
  exit 0
fi
rm -rf -- "$staging"
if [ -e "$path" ]; then rmdir -- "$path" || exit 3; fi
mkdir -p -- "${path%/*}"
git init --quiet --template= --object-format="$format" "$staging"
cd "$staging"
mkdir -p .git/objects/info .git/refs/remotes/origin
printf '%s\\n' "$mirror/objects" > .git/objects/info/alternates
if [ -f "$mirror/shallow" ]; then cp -- "$mirror/shallow" .git/shallow; fi
cat > .git/packed-refs
printf '%s' "$config" >> .git/config
printf 'ref: refs/heads/%s\\n' "$work" > .git/HEAD
printf 'ref: refs/remotes/origin/%s\\n' "$default" > .git/refs/remotes/origin/HEAD
git reset --quiet --hard
mv -T -- "$staging" "$path"
printf '%s\\n' "$base"
"""

# A copy of the index, so that the agent's own stays as it is; -N makes untracked files visible without storing them
# (but for the empty blob, which goes to a folder of its own).
_DIFF = """set -eu
cd "$1"
objects=$(git rev-parse --path-format=absolute --git-path objects)
index=$(git rev-parse --path-format=absolute --git-path index)
own=$(mktemp -d)
trap 'rm -rf -- "$own"' EXIT
cp -- "$index" "$own/index" 2>/dev/null || true
export GIT_INDEX_FILE="$own/index" GIT_OBJECT_DIRECTORY="$own" GIT_ALTERNATE_OBJECT_DIRECTORIES="$objects"
git add --intent-to-add -- . 2>/dev/null || true
git diff --no-ext-diff --no-textconv --no-color --find-renames "$2" --
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the session's commits are by."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Clone:
    """A session's clone. Keep it with the session; it says where the work began."""

    name: str
    """owner/name at its forge."""
    path: str
    """Folder inside the sandbox, e.g. /workspace/calc."""
    base_branch: str
    base_commit: str
    work_branch: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """Commits brought out of the sandbox, not yet checked."""

    path: Path
    head: str
    size: int


@dataclass(frozen=True, slots=True)
class WorkspaceStatus:
    """The clone as its own git tells it: branch (None when detached), head (None before a commit), changed paths."""

    branch: str | None
    head: str | None
    changes: tuple[tuple[str, str], ...]
    """(two letters as in `git status --short`, path)."""


async def prepare_clone(
    sandbox: Sandbox, clone: Clone, refs: MirrorRefs, *, mirror: str, origin: str, identity: Identity
) -> Clone:
    """Make the clone from the mirror bound at `mirror`, or find it made before.

    One that came with a snapshot is brought to the work branch; what is not under version control stays in it.
    Answers the clone with the commit it really began at: on a retry the mirror may have moved on.
    """
    path = PurePosixPath(clone.path)
    staging = path.with_name(f".{path.name}.cloning")
    object_format = "sha256" if len(clone.base_commit) == 64 else "sha1"
    values = [clone.path, str(staging), mirror, clone.work_branch, clone.base_commit, object_format]
    argv = ["sh", "-c", _CLONE, "sh", *values, _config(origin, identity), refs.default_branch or clone.base_branch]
    stdin = _packed_refs(clone, refs).encode("utf-8", "surrogateescape")
    result = await sandbox.exec(argv, stdin=stdin, environment=_environment(clone), timeout=600.0, max_output=4096)
    if result.exit_code == _IN_THE_WAY:
        raise WorkspaceGitError(f"{clone.path} is in the way: a folder that is no clone.")
    base = _checked(result, "clone").decode("ascii", "replace").strip()
    return replace(clone, base_commit=base if is_hash(base) else clone.base_commit)


async def mark_as_snapshot(sandbox: Sandbox, clone: Clone) -> None:
    """Note that the clone is a build's, for sessions that find it in their snapshot."""
    argv = ["touch", f"{clone.path}/.git/cogmill-snapshot"]
    _checked(await sandbox.exec(argv, timeout=60.0, max_output=4096), "mark")


async def work_head(sandbox: Sandbox, clone: Clone) -> str:
    """The commit of the work branch."""
    ref = f"{branch_ref(clone.work_branch)}^{{commit}}"
    result = await _git(sandbox, clone, ["rev-parse", "--verify", "--quiet", "--end-of-options", ref], max_output=4096)
    head = result.stdout.decode("ascii", "replace").strip()
    if result.exit_code != 0 or not is_hash(head):
        raise WorkspaceGitError(f"The clone {clone.path} has no branch {clone.work_branch} any more.")
    return head


async def reset_to(sandbox: Sandbox, clone: Clone, head: str) -> None:
    """Bring the work branch, which is checked out, to a commit that the mirror has."""
    argv = ["reset", "--quiet", "--hard", head]
    _checked(await _git(sandbox, clone, argv, timeout=600.0, max_output=4096), "reset")


async def make_bundle(
    sandbox: Sandbox, clone: Clone, target: Path, *, base_commit: str | None = None, max_bytes: int = MAX_BUNDLE
) -> Bundle:
    """Write the work branch's new commits to `target` on the host. NoNewCommits when there are none."""
    ref = branch_ref(clone.work_branch)
    base = base_commit or clone.base_commit
    argv = ["bundle", "create", "--quiet", "--version=2", "-", ref, f"^{base}"]
    if len(base) == 64:
        argv.remove("--version=2")  # hashes of that kind need the later form
    result = await _git(sandbox, clone, argv, timeout=300.0, max_output=max_bytes + 1)
    if len(result.stdout) > max_bytes:
        raise BundleTooLarge(f"The session's commits are larger than {max_bytes} bytes.")
    if result.exit_code != 0 and b"empty bundle" in result.stderr:
        raise NoNewCommits(f"{clone.work_branch} has no commit that {clone.base_branch} does not have.")
    target.write_bytes(_checked(result, "bundle"))
    refs = read_header(target).refs
    if set(refs) != {ref}:
        raise PushRefused(f"The bundle must carry exactly {ref}.")
    return Bundle(target, refs[ref], len(result.stdout))


async def workspace_diff(sandbox: Sandbox, clone: Clone, *, max_bytes: int = MAX_DIFF) -> str:
    """Everything that differs from the base: committed, uncommitted and untracked; the agent's index is not touched."""
    argv = ["sh", "-c", _DIFF, "sh", clone.path, clone.base_commit]
    result = await sandbox.exec(argv, environment=_environment(clone), timeout=60.0, max_output=max_bytes + 1)
    if len(result.stdout) > max_bytes:
        return cut_text(result.stdout, max_bytes)
    return _checked(result, "diff").decode("utf-8", "replace")


async def status(sandbox: Sandbox, clone: Clone, *, max_changes: int = 1000) -> WorkspaceStatus:
    argv = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal"]
    result = await _git(sandbox, clone, argv, max_output=4 * 1024**2)
    parts = iter(_checked(result, "status").decode("utf-8", "replace").split("\0"))
    branch = head = None
    changes: list[tuple[str, str]] = []
    for part in parts:
        kind, _, rest = part.partition(" ")
        if kind == "#" and rest.startswith("branch.head "):
            branch = rest.removeprefix("branch.head ")[:200]
        elif kind == "#" and rest.startswith("branch.oid "):
            head = rest.removeprefix("branch.oid ")
        elif kind in {"1", "2", "u"}:
            changes.append((rest[:2].replace(".", " "), rest.split(" ", {"1": 7, "2": 8, "u": 9}[kind])[-1]))
            if kind == "2":
                next(parts, None)  # where it was renamed from
        elif kind == "?":
            changes.append(("??", rest))
    named = None if branch == "(detached)" else branch
    return WorkspaceStatus(named, head if head and is_hash(head) else None, tuple(changes[:max_changes]))


async def _git(
    sandbox: Sandbox, clone: Clone, args: list[str], *, timeout: float = 60.0, max_output: int
) -> ExecResult:
    argv = ["git", "-C", clone.path, *args]
    return await sandbox.exec(argv, environment=_environment(clone), timeout=timeout, max_output=max_output)


def _environment(clone: Clone) -> dict[str, str]:
    # Without its .git the clone must not turn into part of a repository further up.
    return {**_ENVIRONMENT, "GIT_CEILING_DIRECTORIES": str(PurePosixPath(clone.path).parent)}


def _checked(result: ExecResult, what: str) -> bytes:
    if result.stopped is not None:
        raise WorkspaceGitError(f"git {what} in the workspace was stopped: {result.stopped}")
    if result.exit_code != 0:
        raise WorkspaceGitError(f"git {what} in the workspace failed: {last_words(result.stderr)}")
    return result.stdout


def _packed_refs(clone: Clone, refs: MirrorRefs) -> str:
    """All refs in one file: thousands of branches cost no process and no time."""
    lines = {f"refs/remotes/origin/{name}": commit for name, commit in refs.branches.items()}
    lines |= {f"refs/tags/{name}": commit for name, commit in refs.tags.items()}
    if not clone.work_branch.startswith(f"{clone.base_branch}/"):  # else there is no room for both
        lines[branch_ref(clone.base_branch)] = clone.base_commit
    lines[branch_ref(clone.work_branch)] = clone.base_commit
    lines[_BASE_REF] = clone.base_commit
    return "".join(f"{commit} {ref}\n" for ref, commit in lines.items())


def _config(origin: str, identity: Identity) -> str:
    sections = {
        "user": {"name": identity.name, "email": identity.email},
        'remote "origin"': {"url": origin, "fetch": "+refs/heads/*:refs/remotes/origin/*"},
        "gc": {"auto": "0"},
    }
    return "".join(
        f"[{section}]\n" + "".join(f"\t{key} = {_quoted(value)}\n" for key, value in values.items())
        for section, values in sections.items()
    )


def _quoted(value: str) -> str:
    safe = "".join(char for char in value if char.isprintable()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{safe}"'
