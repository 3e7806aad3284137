import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from cogmill.scm.checkout import Bundle, Clone, make_bundle
from cogmill.scm.errors import PushRefused, RepositoryRefused, UnknownBranch, UnknownRepository
from cogmill.scm.names import branch_ref

from .conftest import Lab, commit, git

BRANCH = "cogmill/01234567-fix-it"


async def _bundle(lab: Lab, clone: Clone, name: str = "b") -> Bundle:
    return await make_bundle(lab.sandbox, clone, lab.folder / f"{name}.bundle")


async def _import(lab: Lab, place: Path | None = None) -> str:
    ref = lab.ref(place)
    return await lab.forge.import_from(ref, await lab.mirrors.mirror(ref))


async def test_create_list_exists(lab: Lab) -> None:
    place = await lab.forge.create("größe/naïve")
    assert await lab.forge.create("größe/naïve") == place
    await asyncio.gather(*(lab.forge.create("a/b.git.c") for _ in range(5)))
    assert lab.forge.list_() == ["a/b.git.c", "größe/naïve"]
    assert lab.forge.exists("größe/naïve")
    assert not lab.forge.exists("a/b")
    with pytest.raises(UnknownRepository):
        await lab.forge.branch_head("a/b", "main")
    for evil in ("../x", "a/../..", "/etc/x", "a/b/c", "-a/b", "a/b.git"):
        with pytest.raises(RepositoryRefused):
            await lab.forge.create(evil)


async def test_push_twice_and_facts(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    one = commit(work, "calc.py", "def add(a, b):\n    return a + b\n", "Add, not subtract\n\nIt said minus.")
    two = commit(work, "naïve größe.txt", "ü\n", "Zweiter: 修复")
    bundle = await _bundle(lab, clone)
    assert bundle.head == two
    for _ in range(2):
        await lab.forge.push_branch(clone.name, BRANCH, bundle.path, two)
    assert await lab.forge.branch_head(clone.name, BRANCH) == two
    assert await lab.forge.branch_head(clone.name, "cogmill") is None
    assert await lab.forge.merge_base(clone.name, "main", BRANCH) == clone.base_commit
    diff = await lab.forge.diff(clone.name, "main", BRANCH)
    assert "+    return a + b" in diff
    assert "2 files changed, 2 insertions(+), 1 deletion(-)" in await lab.forge.diff_stat(clone.name, "main", BRANCH)
    files = await lab.forge.changed_files(clone.name, clone.base_commit, two)
    assert [(f.path, f.added, f.removed) for f in files] == [("calc.py", 1, 1), ("naïve größe.txt", 1, 0)]
    commits = await lab.forge.commits(clone.name, "main", BRANCH)
    assert [(c.hash, c.subject) for c in commits] == [(two, "Zweiter: 修复"), (one, "Add, not subtract")]
    assert commits[1].body.strip() == "It said minus."
    assert await lab.forge.commits(clone.name, BRANCH, "main") == []
    cut = await lab.forge.diff(clone.name, "main", BRANCH, max_bytes=100)
    assert len(cut) < 140
    assert "[cut after" in cut
    three = commit(work, "c.txt", "c")
    await lab.forge.push_branch(clone.name, BRANCH, (await _bundle(lab, clone)).path, three)
    assert await lab.forge.branch_head(clone.name, BRANCH) == three


async def test_unknown_revisions(lab: Lab) -> None:
    name = await _import(lab)
    for head in ("nope", "f" * 40):
        with pytest.raises(UnknownBranch):
            await lab.forge.diff(name, "main", head)
        with pytest.raises(UnknownBranch):
            await lab.forge.commits(name, "main", head)
        with pytest.raises(UnknownBranch):
            await lab.forge.merge_base(name, "main", head)
    for evil in ("--output=/tmp/x", "main..x", "main@{1}", "HEAD:calc.py", "^main", ""):
        with pytest.raises(UnknownBranch):
            await lab.forge.diff(name, evil, "main")


async def test_not_forward(lab: Lab) -> None:
    clone = await lab.session()
    work = Path(clone.path)
    old = commit(work, "a", "a")
    await lab.forge.push_branch(clone.name, BRANCH, (await _bundle(lab, clone)).path, old)
    git(work, "commit", "-q", "--amend", "-m", "other")
    new = git(work, "rev-parse", "HEAD")
    bundle = (await _bundle(lab, clone)).path
    objects = sorted(p.name for p in lab.forge.path(clone.name).rglob("objects/pack/*"))
    for lease in (None, clone.base_commit, new):
        with pytest.raises(PushRefused, match="does not continue"):
            await lab.forge.push_branch(clone.name, BRANCH, bundle, new, replaces=lease)
    assert sorted(p.name for p in lab.forge.path(clone.name).rglob("objects/pack/*")) == objects
    assert await lab.forge.branch_head(clone.name, BRANCH) == old
    await lab.forge.push_branch(clone.name, BRANCH, bundle, new, replaces=old)
    assert await lab.forge.branch_head(clone.name, BRANCH) == new


async def test_only_session_branches_are_written(lab: Lab) -> None:
    clone = await lab.session()
    head = commit(Path(clone.path), "a", "a")
    bundle = (await _bundle(lab, clone)).path
    with pytest.raises(PushRefused, match="default branch"):
        await lab.forge.push_branch(clone.name, "main", bundle, head)
    with pytest.raises(PushRefused, match="below cogmill/"):
        await lab.forge.push_branch(clone.name, "feature", bundle, head)
    for evil in ("cogmill/../main", "cogmill/x.lock", "cogmill/", "-f", "cogmill/a b"):
        with pytest.raises((PushRefused, UnknownBranch)):
            await lab.forge.push_branch(clone.name, evil, bundle, head)
    for evil in ("main", "0" * 40, head[:20], f"{head}\n"):
        with pytest.raises(PushRefused):
            await lab.forge.push_branch(clone.name, BRANCH, bundle, evil)


async def test_concurrent_pushes(lab: Lab) -> None:
    clone = await lab.session()
    head = commit(Path(clone.path), "a", "a")
    bundle = (await _bundle(lab, clone)).path
    await asyncio.gather(*(lab.forge.push_branch(clone.name, BRANCH, bundle, head) for _ in range(8)))
    assert await lab.forge.branch_head(clone.name, BRANCH) == head


async def test_lock_left_by_a_crash_of_the_machine(lab: Lab) -> None:
    clone = await lab.session()
    head = commit(Path(clone.path), "a", "a")
    bundle = (await _bundle(lab, clone)).path
    stale = lab.forge.path(clone.name) / "refs" / "heads" / f"{BRANCH}.lock"
    stale.parent.mkdir()
    stale.touch()
    with pytest.raises(PushRefused, match="moved while"):
        await lab.forge.push_branch(clone.name, BRANCH, bundle, head)
    os.utime(stale, (1, 1))
    await lab.forge.push_branch(clone.name, BRANCH, bundle, head)
    assert await lab.forge.branch_head(clone.name, BRANCH) == head


async def test_import_again_leaves_sessions_alone(lab: Lab) -> None:
    git(lab.upstream, "branch", BRANCH)
    git(lab.upstream, "branch", "gone")
    clone = await lab.session()
    assert set((await lab.forge.refs(clone.name)).branches) == {"main", "gone"}
    head = commit(Path(clone.path), "a", "a")
    await lab.forge.push_branch(clone.name, BRANCH, (await _bundle(lab, clone)).path, head)
    git(lab.upstream, "branch", "-D", "gone", BRANCH)
    git(lab.upstream, "branch", "cogmill")  # leaves no room for cogmill/... if it is taken over
    upstream = commit(lab.upstream, "u", "u")
    assert await _import(lab) == clone.name
    assert (await lab.forge.refs(clone.name)).branches == {"main": upstream, BRANCH: head}
    assert await lab.forge.merge_base(clone.name, "main", BRANCH) == clone.base_commit
    assert git(Path(clone.path), "status", "--porcelain") == ""


async def test_two_sources_of_one_name(lab: Lab) -> None:
    other = lab.repository("sub/calc")
    commit(other, "other", "o")
    one, two = await asyncio.gather(_import(lab), _import(lab, other))
    assert one != two
    assert {one, two} >= {"local/calc"}
    assert (await _import(lab), await _import(lab, other)) == (one, two)
    heads = [await lab.forge.branch_head(name, "main") for name in (one, two)]
    assert heads == [git(place, "rev-parse", "main") for place in (lab.upstream, other)]


async def test_times(lab: Lab) -> None:
    clone = await lab.session()
    times = {}
    began = time.perf_counter()
    await _import(lab)
    times["import again"] = time.perf_counter() - began
    head = commit(Path(clone.path), "a", "a")
    began = time.perf_counter()
    bundle = await _bundle(lab, clone)
    times["bundle"] = time.perf_counter() - began
    began = time.perf_counter()
    await lab.forge.push_branch(clone.name, BRANCH, bundle.path, head)
    times["push"] = time.perf_counter() - began
    began = time.perf_counter()
    await lab.forge.diff(clone.name, "main", BRANCH)
    times["diff"] = time.perf_counter() - began
    sys.stdout.write("\n" + ", ".join(f"{what} {seconds * 1000:.0f} ms" for what, seconds in times.items()))
    assert branch_ref(BRANCH).endswith("fix-it")
