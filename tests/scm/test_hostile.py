"""An agent that owns its clone's .git tries to get at the host through it."""

import hashlib
import shutil
import subprocess
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cogmill.sandbox.protocol import ExecResult
from cogmill.scm import bundles
from cogmill.scm.checkout import Clone, make_bundle, status, work_head, workspace_diff
from cogmill.scm.errors import BundleTooLarge, NoNewCommits, PushRefused, WorkspaceGitError
from cogmill.scm.git import run_git

from .conftest import Lab, commit, git


def _packs(lab: Lab, clone: Clone) -> list[str]:
    return sorted(str(p) for p in (lab.forge.path(clone.name) / "objects").rglob("*"))


async def _refused(lab: Lab, clone: Clone, bundle: Path, head: str, match: str) -> None:
    before = _packs(lab, clone)
    with pytest.raises(PushRefused, match=match):
        await lab.forge.push_branch(clone.name, clone.work_branch, bundle, head)
    assert await lab.forge.branch_head(clone.name, clone.work_branch) is None
    assert _packs(lab, clone) == before, "nothing stays behind"


def _bundle(clone: Clone, lab: Lab, *what: str) -> Path:
    path = lab.folder / "evil.bundle"
    git(Path(clone.path), "bundle", "create", "-q", str(path), *what)
    return path


def _object(work: Path, kind: str, body: bytes) -> str:
    """Write an object that git itself would refuse to make."""
    raw = f"{kind} {len(body)}".encode() + b"\0" + body
    name = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
    place = work / ".git" / "objects" / name[:2] / name[2:]
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(zlib.compress(raw))
    return name


def _commit_tree(work: Path, clone: Clone, tree: str) -> str:
    head = git(work, "commit-tree", tree, "-p", clone.base_commit, "-m", "evil")
    git(work, "update-ref", f"refs/heads/{clone.work_branch}", head)
    return head


async def test_programs_in_the_clone_do_not_run_when_we_look(lab: Lab) -> None:
    clone = await lab.session()
    work, owned = Path(clone.path), lab.folder / "owned"
    commit(work, "a.txt", "a")
    (work / ".git" / "hooks").mkdir()
    for hook in ("pre-push", "post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"):
        (work / ".git" / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {owned}\n")
        (work / ".git" / "hooks" / hook).chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.pager", "core.sshCommand", "uploadpack.packObjectsHook"):
        git(work, "config", key, f"touch {owned}")
    head = await work_head(lab.sandbox, clone)
    assert "+a" in await workspace_diff(lab.sandbox, clone)
    await status(lab.sandbox, clone)
    bundle = await make_bundle(lab.sandbox, clone, lab.folder / "b")
    await lab.forge.push_branch(clone.name, clone.work_branch, bundle.path, head)
    assert not owned.exists()


async def test_filters_run_inside_only(lab: Lab) -> None:
    """Git inside may run the clone's filters: that is the agent's own place. The host's git never sees them."""
    clone = await lab.session()
    work, log = Path(clone.path), lab.folder / "log"
    git(work, "config", "filter.evil.clean", f"echo $COGMILL_HOST >> {log}; cat")
    (work / ".gitattributes").write_text("* filter=evil diff=evil\n")
    head = commit(work, "a.txt", "a")
    ran = log.read_text()
    bundle = await make_bundle(lab.sandbox, clone, lab.folder / "b")
    await lab.forge.push_branch(clone.name, clone.work_branch, bundle.path, head)
    assert "+a" in await lab.forge.diff(clone.name, "main", clone.work_branch)
    assert log.read_text() == ran


async def test_git_folder_replaced(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    shutil.rmtree(work / ".git")
    with pytest.raises(WorkspaceGitError):
        await work_head(lab.sandbox, clone)
    with pytest.raises(WorkspaceGitError):
        await workspace_diff(lab.sandbox, clone)
    with pytest.raises(WorkspaceGitError):
        await make_bundle(lab.sandbox, clone, lab.folder / "b")
    (work / ".git").symlink_to(lab.upstream / ".git")
    with pytest.raises((WorkspaceGitError, NoNewCommits)):
        await make_bundle(lab.sandbox, clone, lab.folder / "b")
    await lab.session()  # found again, nothing overwritten
    assert (work / ".git").is_symlink()
    with pytest.raises(ValueError, match="working clone"):
        await run_git(["status"], git_dir=work)


@pytest.mark.parametrize("answer", ["main", "--output=/x", "0" * 39, "g" * 40, ("a" * 40) + "\n" + ("b" * 40), ""])
async def test_lying_git(lab: Lab, answer: str) -> None:
    clone = await lab.session()
    lab.sandbox.exec = _answering(answer.encode())  # type: ignore[method-assign]
    with pytest.raises(WorkspaceGitError):
        await work_head(lab.sandbox, clone)
    with pytest.raises(PushRefused):
        await make_bundle(lab.sandbox, clone, lab.folder / "b")
    assert (await status(lab.sandbox, clone)).head is None
    assert (await lab.session()).base_commit == clone.base_commit


def _answering(stdout: bytes) -> Callable[..., Awaitable[ExecResult]]:
    async def answer(argv: list[str], **more: object) -> ExecResult:
        return ExecResult(0, stdout, b"")

    return answer


async def test_extra_refs(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    head = commit(work, "a", "a")
    git(work, "branch", "-f", "main", head)
    match = "exactly refs/heads/cogmill"
    await _refused(lab, clone, _bundle(clone, lab, clone.work_branch, "main"), head, match)
    await _refused(lab, clone, _bundle(clone, lab, "main"), head, match)
    await _refused(lab, clone, _bundle(clone, lab, clone.work_branch), clone.base_commit, match)
    assert await lab.forge.branch_head(clone.name, "main") == clone.base_commit


async def test_evil_trees(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    blob = git(work, "hash-object", "-w", "--stdin", input=b"[core]\n\tfsmonitor = touch /tmp/owned\n")
    inner = _object(work, "tree", b"100644 config\0" + bytes.fromhex(blob))
    for entry in (b"40000 .git", b"40000 .GIT", b"40000 ..", b"40000 git~1", b"40000 .g\xe2\x80\x8cit", b"40000 a/b"):
        tree = _object(work, "tree", entry + b"\0" + bytes.fromhex(inner))
        head = _commit_tree(work, clone, tree)
        await _refused(
            lab, clone, _bundle(clone, lab, clone.work_branch, f"^{clone.base_commit}"), head, "git's checks"
        )
    modules = git(work, "hash-object", "-w", "--stdin", input=b'[submodule "../../x"]\n\tpath = p\n\turl = -u\n')
    tree = _object(work, "tree", b"100644 .gitmodules\0" + bytes.fromhex(modules))
    head = _commit_tree(work, clone, tree)
    await _refused(lab, clone, _bundle(clone, lab, clone.work_branch), head, "git's checks")


async def test_missing_objects(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    middle = commit(work, "a", "a")
    head = commit(work, "b", "b")
    bundle = _bundle(clone, lab, clone.work_branch, f"^{middle}")
    await _refused(lab, clone, bundle, head, "does not carry all|git's checks")
    text = bundle.read_bytes()
    bundle.write_bytes(text.replace(b"-" + middle.encode(), b"-" + clone.base_commit.encode()))
    await _refused(lab, clone, bundle, head, "does not carry all|git's checks")


async def test_head_that_is_no_commit(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    commit(work, "a", "a")
    tree = git(work, "rev-parse", "HEAD^{tree}")
    (work / ".git" / "refs" / "heads" / clone.work_branch).write_text(f"{tree}\n")
    with pytest.raises(WorkspaceGitError):
        await work_head(lab.sandbox, clone)
    text = f"# v2 git bundle\n{tree} refs/heads/{clone.work_branch}\n\n".encode()
    pack = lab.folder / "evil.bundle"
    objects = git(work, "rev-list", "--objects", tree).encode()
    argv = ["git", "pack-objects", "--stdout", "-q"]
    pack.write_bytes(text + subprocess.run(argv, cwd=work, input=objects, capture_output=True, check=True).stdout)
    with pytest.raises(PushRefused):
        await lab.forge.push_branch(clone.name, clone.work_branch, pack, tree)
    assert await lab.forge.branch_head(clone.name, clone.work_branch) is None


async def test_damaged_and_foreign_files(lab: Lab) -> None:
    clone = await lab.session()
    head = commit(Path(clone.path), "a", "a")
    bundle = _bundle(clone, lab, clone.work_branch)
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-30])
    await _refused(lab, clone, bundle, head, "git's checks")
    bundle.write_bytes(whole.replace(b"# v2 git bundle\n", b"# v3 git bundle\n@filter=blob:none\n"))
    await _refused(lab, clone, bundle, head, "malformed")
    for text in (
        b"",
        b"\x00" * 500_000,
        b"# v2 git bundle\n" + b"x" * 500_000,
        b"# v2 git bundle\n--upload-pack=x\n\n",
    ):
        bundle.write_bytes(text)
        await _refused(lab, clone, bundle, head, "no git bundle|malformed")
    bundle.unlink()
    bundle.symlink_to("/etc/passwd")
    await _refused(lab, clone, bundle, head, "no git bundle")


async def test_huge_bundles(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    head = commit(work, "a", "a")
    bundle = _bundle(clone, lab, clone.work_branch)
    with bundle.open("ab") as file:
        file.truncate(bundles.MAX_BUNDLE + 1)
    with pytest.raises(BundleTooLarge):
        await lab.forge.push_branch(clone.name, clone.work_branch, bundle, head)
    # A small bundle that unpacks to a lot: index-pack streams it, and its memory is limited.
    monkeypatch.setattr(bundles, "_CHECK", bundles.Bounds(timeout=20.0, memory=48 * 1024**2))
    (work / "bomb").write_bytes(b"\0" * (64 * 1024**2))
    head = commit(work, "b", "b")
    bundle = _bundle(clone, lab, clone.work_branch, f"^{clone.base_commit}")
    assert bundle.stat().st_size < 100_000
    await lab.forge.push_branch(clone.name, clone.work_branch, bundle, head)
