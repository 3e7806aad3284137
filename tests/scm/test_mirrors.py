import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from cogmill.scm import mirrors as mirrors_module
from cogmill.scm.errors import EmptyRepository, NoDefaultBranch, RepositoryRefused, UnknownBranch
from cogmill.scm.git import GitError, run_git
from cogmill.scm.mirrors import MirrorCache, read_refs
from cogmill.scm.repositories import parse_repository

from .conftest import Lab, commit, git


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The git commands that the mirrors ran."""
    seen: list[str] = []

    async def noting(args: list[str], **more: object) -> bytes:
        seen.append(args[0])
        return await run_git(args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(mirrors_module, "run_git", noting)
    return seen


async def test_clone_then_fetch(lab: Lab) -> None:
    mirror = await lab.mirrors.mirror(lab.ref())
    first = (await read_refs(mirror)).base()
    assert first == ("main", git(lab.upstream, "rev-parse", "HEAD"))
    second = commit(lab.upstream, "b.txt", "b")
    git(lab.upstream, "tag", "v1")
    git(lab.upstream, "switch", "-q", "-c", "größe/naïve")
    git(lab.upstream, "branch", "gone")
    assert await lab.mirrors.mirror(lab.ref()) == mirror
    refs = await read_refs(mirror)
    assert refs.default_branch == "größe/naïve"
    assert refs.base("main") == ("main", second)
    assert refs.tags == {"v1": second}
    git(lab.upstream, "branch", "-D", "gone")
    git(lab.upstream, "branch", "gone/away")  # file and folder of one name
    await lab.mirrors.mirror(lab.ref())
    refs = await read_refs(mirror)
    assert set(refs.branches) == {"main", "größe/naïve", "gone/away"}
    with pytest.raises(UnknownBranch):
        refs.base("gone")


async def test_fresh_enough(lab: Lab, calls: list[str]) -> None:
    mirror = await lab.mirrors.mirror(lab.ref(), max_age=60)
    head = commit(lab.upstream, "b.txt", "b")
    calls.clear()
    await lab.mirrors.mirror(lab.ref(), max_age=60)
    assert calls == []
    await lab.mirrors.mirror(lab.ref())
    assert (await read_refs(mirror)).base()[1] == head


async def test_rewritten_upstream_keeps_old_objects(lab: Lab) -> None:
    old = commit(lab.upstream, "b.txt", "b")
    mirror = await lab.mirrors.mirror(lab.ref())
    git(lab.upstream, "reset", "-q", "--hard", "HEAD~1")
    new = commit(lab.upstream, "c.txt", "c")
    await lab.mirrors.mirror(lab.ref())
    assert (await read_refs(mirror)).base()[1] == new
    assert (await run_git(["cat-file", "-t", old], git_dir=mirror)).strip() == b"commit"


async def test_callers_share_one_fetch(lab: Lab, calls: list[str]) -> None:
    places = await asyncio.gather(*(lab.mirrors.mirror(lab.ref()) for _ in range(20)))
    assert len(set(places)) == 1
    assert calls == ["clone"]
    calls.clear()
    await asyncio.gather(*(lab.mirrors.mirror(lab.ref()) for _ in range(20)))
    assert sorted(calls) == ["fetch", "ls-remote", "symbolic-ref"]


async def test_two_servers_share_one_clone(lab: Lab, calls: list[str]) -> None:
    other = MirrorCache(lab.folder / "mirrors")
    one, two = await asyncio.gather(lab.mirrors.mirror(lab.ref()), other.mirror(lab.ref()))
    assert one == two
    assert calls == ["clone"]


async def test_one_cancelled_caller_does_not_stop_the_others(lab: Lab) -> None:
    first = asyncio.create_task(lab.mirrors.mirror(lab.ref()))
    second = asyncio.create_task(lab.mirrors.mirror(lab.ref()))
    await asyncio.sleep(0.001)
    first.cancel()
    assert (await second).is_dir()


async def test_tenants_are_apart(lab: Lab) -> None:
    assert lab.mirrors.place(lab.ref(), "org-a") != lab.mirrors.place(lab.ref(), "org-b")
    with pytest.raises(RepositoryRefused, match="no address"):
        lab.mirrors.place(parse_repository("a/b"))


async def test_half_clone_of_a_killed_server(lab: Lab) -> None:
    """A server killed with -9 while cloning from a source that never answers."""
    script = """
import asyncio, sys
from pathlib import Path
from cogmill.scm import mirrors
from cogmill.scm.local_paths import LocalPaths
from cogmill.scm.repositories import parse_repository
mirrors.SAFE_UPLOAD_PACK = "touch STARTED; exec sleep 0.4; :".replace("STARTED", sys.argv[3])
ref = parse_repository(sys.argv[1], LocalPaths(everything=True))
asyncio.run(mirrors.MirrorCache(Path(sys.argv[2])).mirror(ref))
"""
    started = lab.folder / "started"
    argv = [sys.executable, "-c", script, str(lab.upstream), str(lab.folder / "mirrors"), str(started)]
    process = subprocess.Popen(argv)
    while not started.exists():
        assert process.poll() is None
        await asyncio.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    place = lab.mirrors.place(lab.ref())
    halves = list((lab.folder / "mirrors").glob(f".{place.name}~*"))
    assert halves
    assert not place.exists()
    began = time.monotonic()
    assert await lab.mirrors.mirror(lab.ref()) == place
    assert time.monotonic() - began > 0.1, "the orphaned git was still writing"
    assert not list((lab.folder / "mirrors").glob(".*~*"))
    assert (await read_refs(place)).base()[0] == "main"


async def test_broken_mirror_is_redone(lab: Lab) -> None:
    place = lab.mirrors.place(lab.ref())
    (place / "objects").mkdir(parents=True)
    (place / "HEAD").write_text("ref: refs/he")
    await lab.mirrors.mirror(lab.ref())
    assert (await read_refs(place)).base()[0] == "main"
    (place / "HEAD.lock").touch()
    (place / "refs" / "heads" / "main.lock").touch()
    head = commit(lab.upstream, "b.txt", "b")
    await lab.mirrors.mirror(lab.ref())
    assert (await read_refs(place)).base()[1] == head


async def test_failed_clone_leaves_nothing_and_can_be_repeated(lab: Lab) -> None:
    plain = lab.folder / "plain"
    plain.mkdir()
    with pytest.raises(GitError, match="local/plain cannot be fetched"):
        await lab.mirrors.mirror(lab.ref(plain))
    assert [p.suffix for p in (lab.folder / "mirrors").iterdir()] == [".lock"]
    git(plain, "init", "-q", "-b", "main")
    commit(plain, "a", "a")
    assert (await lab.mirrors.mirror(lab.ref(plain))).is_dir()


async def test_empty_repository(lab: Lab) -> None:
    empty = lab.repository("empty", empty=True)
    mirror = await lab.mirrors.mirror(lab.ref(empty))
    with pytest.raises(EmptyRepository, match="no commit yet"):
        (await read_refs(mirror)).base()
    commit(empty, "a", "a")
    await lab.mirrors.mirror(lab.ref(empty))
    assert (await read_refs(mirror)).base()[0] == "main"


async def test_no_default_branch(lab: Lab) -> None:
    git(lab.upstream, "branch", "-m", "one")
    git(lab.upstream, "branch", "two")
    git(lab.upstream, "checkout", "-q", "--detach")
    commit(lab.upstream, "on no branch", "x")
    refs = await read_refs(await lab.mirrors.mirror(lab.ref()))
    with pytest.raises(NoDefaultBranch, match="one, two"):
        refs.base()
    assert refs.base("two")[0] == "two"
    git(lab.upstream, "branch", "master")
    refs = await read_refs(await lab.mirrors.mirror(lab.ref()))
    assert refs.base()[0] == "master"


async def test_bare_sources_and_hooks_of_sources(lab: Lab) -> None:
    bare = lab.folder / "bare.git"
    git(lab.folder, "clone", "-q", "--bare", str(lab.upstream), str(bare))
    git(bare, "config", "uploadpack.packObjectsHook", f"touch {lab.folder}/owned; exec")
    git(bare, "config", "core.fsmonitor", f"touch {lab.folder}/owned")
    assert (await lab.mirrors.mirror(lab.ref(bare))).name.startswith("local__bare-")
    assert not (lab.folder / "owned").exists()


async def test_other_uids_can_read(lab: Lab) -> None:
    before = os.umask(0o077)
    try:
        mirror = await lab.mirrors.mirror(lab.ref())
        commit(lab.upstream, "b.txt", "b")
        await lab.mirrors.mirror(lab.ref())
    finally:
        os.umask(before)
    for path in [mirror, *mirror.rglob("*")]:
        assert path.stat().st_mode & (0o005 if path.is_dir() else 0o004), path


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another uid")
async def test_source_of_another_uid(lab: Lab) -> None:
    for path in [lab.upstream, *lab.upstream.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert (await lab.mirrors.mirror(lab.ref())).is_dir()


async def test_second_clone_is_fast(lab: Lab) -> None:
    for i in range(300):
        (lab.upstream / f"f{i}.txt").write_text(f"{i}\n" * 200)
    commit(lab.upstream, "last", "x")

    async def timed(**how: float) -> float:
        began = time.perf_counter()
        await lab.mirrors.mirror(lab.ref(), **how)
        return (time.perf_counter() - began) * 1000

    first, fetch, skipped = await timed(), await timed(), await timed(max_age=60)
    began = time.perf_counter()
    await lab.session()
    session = (time.perf_counter() - began) * 1000
    text = f"clone {first:.0f} ms, fetch {fetch:.0f} ms, skipped {skipped:.2f} ms; session's clone {session:.0f} ms"
    sys.stdout.write(f"\nmirror: {text}\n")
    assert skipped < 5
    shutil.rmtree(lab.folder / "workspace")


async def test_a_fetch_that_began_before_counts_for_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a finished one nor one that is under way: it may have missed a push."""
    began, go = asyncio.Event(), asyncio.Event()

    async def slow(args: list[str], **more: object) -> bytes:
        done = await run_git(args, **more)  # type: ignore[arg-type]
        if args[0] == "fetch":
            began.set()
            await go.wait()
        return done

    await lab.mirrors.mirror(lab.ref())
    monkeypatch.setattr(mirrors_module, "run_git", slow)
    under_way = asyncio.create_task(lab.mirrors.mirror(lab.ref()))
    await began.wait()
    head = commit(lab.upstream, "late.txt", "late")
    waiting = asyncio.create_task(lab.mirrors.mirror(lab.ref(), max_age=60, since=time.time()))
    go.set()
    await under_way
    assert (await read_refs(await waiting)).base()[1] == head
    later = commit(lab.upstream, "later.txt", "later")
    await lab.mirrors.mirror(lab.ref(), max_age=60, since=time.time())
    assert (await read_refs(await waiting)).base()[1] == later
