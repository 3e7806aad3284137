import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cogmill.scm.checkout import Identity, make_bundle, prepare_clone, status, work_head, workspace_diff
from cogmill.scm.errors import BundleTooLarge, NoNewCommits, WorkspaceGitError
from cogmill.scm.git import run_git

from .conftest import Lab, commit, git


async def test_clone_borrows_and_knows_who_it_is(lab: Lab) -> None:
    git(lab.upstream, "branch", "größe/naïve")
    git(lab.upstream, "tag", "-a", "v1", "-m", "v1")
    clone = await lab.session()
    work = Path(clone.path)
    assert clone.work_branch == "cogmill/01234567-fix-it"
    assert git(work, "branch", "--show-current") == clone.work_branch
    assert git(work, "status", "--porcelain") == ""
    assert (work / "calc.py").read_text().endswith("a - b\n")
    assert not [p for p in (work / ".git" / "objects").rglob("*") if p.is_file() and p.name != "alternates"]
    assert not (work / ".git" / "hooks").exists()
    assert git(work, "config", "remote.origin.url") == "local/calc"
    assert git(work, "config", "user.name") == "Cog Mill"
    assert git(work, "rev-parse", "origin/größe/naïve", "origin/HEAD", "main") == "\n".join([clone.base_commit] * 3)
    assert git(work, "describe") == "v1"
    assert git(work, "fsck", "--strict") == ""


async def test_prepared_again(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    (work / "unsaved").write_text("x")
    commit(lab.upstream, "later", "l")
    began = time.perf_counter()
    again = await lab.session()
    sys.stdout.write(f"\nfound again, fetch included: {(time.perf_counter() - began) * 1000:.0f} ms")
    assert again == clone, "begins where it began, not where upstream is now"
    assert (work / "unsaved").exists()


async def test_half_clone_is_removed(lab: Lab) -> None:
    half = lab.sandbox.workspace / ".calc.cloning"
    (half / ".git" / "refs").mkdir(parents=True)
    (half / ".git" / "index.lock").touch()
    (lab.sandbox.workspace / "calc").mkdir()
    clone = await lab.session()
    assert not half.exists()
    assert await work_head(lab.sandbox, clone) == clone.base_commit


async def test_something_in_the_way(lab: Lab) -> None:
    (lab.sandbox.workspace / "calc").mkdir()
    (lab.sandbox.workspace / "calc" / "precious").touch()
    with pytest.raises(WorkspaceGitError, match="in the way"):
        await lab.session()
    assert (lab.sandbox.workspace / "calc" / "precious").exists()


async def test_shallow_and_sha256_sources(lab: Lab) -> None:
    commit(lab.upstream, "b", "b")
    shallow = lab.folder / "upstream" / "shallow"
    git(lab.folder, "clone", "-q", "--depth=1", f"file://{lab.upstream}", str(shallow))
    lab.upstream = shallow
    clone = await lab.session()
    assert git(Path(clone.path), "log", "--format=%s") == "Change"
    await _roundtrip(lab, clone)
    shutil.rmtree(clone.path)
    lab.upstream = lab.folder / "upstream" / "new"
    git(lab.folder, "init", "-q", "-b", "main", "--object-format=sha256", str(lab.upstream))
    commit(lab.upstream, "a", "a")
    clone = await lab.session()
    assert len(clone.base_commit) == 64
    await _roundtrip(lab, clone)


async def _roundtrip(lab: Lab, clone) -> None:  # type: ignore[no-untyped-def]
    head = commit(Path(clone.path), "new.txt", "n")
    bundle = await make_bundle(lab.sandbox, clone, lab.folder / "x.bundle")
    await lab.forge.push_branch(clone.name, clone.work_branch, bundle.path, head)
    assert "+n" in await lab.forge.diff(clone.name, "main", clone.work_branch)


async def test_diff_and_status_do_not_touch_the_index(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    commit(work, "committed.txt", "1\n")
    (work / ".gitignore").write_text("ignored\n")
    (work / "ignored").write_text("i\n")
    (work / "staged ü.txt").write_text("2\n")
    git(work, "add", "staged ü.txt")
    (work / "untracked.txt").write_text("3\n")
    (work / "calc.py").unlink()
    before = (work / ".git" / "index").read_bytes()
    objects = sorted((work / ".git" / "objects").rglob("*"))
    text = await workspace_diff(lab.sandbox, clone)
    assert [line for line in text.splitlines() if line.startswith("diff")] == [
        "diff --git a/.gitignore b/.gitignore",
        "diff --git a/calc.py b/calc.py",
        "diff --git a/committed.txt b/committed.txt",
        "diff --git a/staged ü.txt b/staged ü.txt",
        "diff --git a/untracked.txt b/untracked.txt",
    ]
    found = await status(lab.sandbox, clone)
    assert found.branch == clone.work_branch
    assert found.head == await work_head(lab.sandbox, clone)
    assert set(found.changes) == {
        ("A ", "staged ü.txt"), (" D", "calc.py"), ("??", ".gitignore"), ("??", "untracked.txt"),
    }  # fmt: skip
    assert (work / ".git" / "index").read_bytes() == before
    assert sorted((work / ".git" / "objects").rglob("*")) == objects
    cut = await workspace_diff(lab.sandbox, clone, max_bytes=200)
    assert cut.endswith("bytes]\n")


async def test_status_of_renames_and_detached_heads(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    git(work, "mv", "calc.py", "sum of all.py")
    git(work, "checkout", "-q", "--detach")
    found = await status(lab.sandbox, clone)
    assert (found.branch, found.changes) == (None, (("R ", "sum of all.py"),))


async def test_nothing_new_and_too_much(lab: Lab) -> None:
    clone = await lab.session()
    with pytest.raises(NoNewCommits, match="has no commit"):
        await make_bundle(lab.sandbox, clone, lab.folder / "x.bundle")
    (Path(clone.path) / "noise").write_bytes(os.urandom(300_000))
    commit(Path(clone.path), "a", "a")
    with pytest.raises(BundleTooLarge, match="larger than 200000"):
        await make_bundle(lab.sandbox, clone, lab.folder / "x.bundle", max_bytes=200_000)
    assert not (lab.folder / "x.bundle").exists()


async def test_forge_as_mirror(lab: Lab) -> None:
    """A repository of the forge needs no mirror: it is one."""
    first = await lab.session()
    refs = await lab.forge.refs(first.name)
    wanted = replace(first, path=str(lab.sandbox.workspace / "direct"), base_commit=refs.base()[1])
    clone = await prepare_clone(
        lab.sandbox,
        wanted,
        refs,
        mirror=str(refs.repository),
        origin='we"ird\\',
        identity=Identity("Zoë [bot]\n", "z@x"),
    )
    assert git(Path(clone.path), "config", "user.name") == "Zoë [bot]"
    assert git(Path(clone.path), "config", "remote.origin.url") == 'we"ird\\'
    assert await run_git(["rev-parse", "--is-bare-repository"], git_dir=refs.repository) == b"true\n"
