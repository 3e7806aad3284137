import asyncio
import os
import time
from pathlib import Path

import pytest

from cogmill.scm.git import (
    Bounds,
    Credential,
    GitError,
    GitTimeout,
    OutputTooLarge,
    clean,
    credential_environment,
    run_git,
)

from .conftest import Lab


def test_credentials_are_cleaned() -> None:
    text = clean("fatal: unable to access 'https://bob:pa@ss@x.org/a/b': \x1b[31mno\x1b[0m\a")
    assert text == "fatal: unable to access 'https://***@x.org/a/b': no"
    assert "word" not in repr(Credential("bob", "word"))


async def test_credential_only_for_its_host(tmp_path: Path) -> None:
    env = credential_environment("https://x.org/a/b", Credential("bob", "word"))

    async def ask(host: str) -> str:
        query = f"protocol=https\nhost={host}\n\n".encode()
        return (await run_git(["credential", "fill"], input=query, env=env)).decode()

    assert "username=bob\npassword=word" in await ask("x.org")
    with pytest.raises(GitError):
        await ask("evil.org")
    assert credential_environment("ssh://x.org/a", Credential("bob", "word")) == {}


async def test_never_in_a_working_clone(lab: Lab) -> None:
    for place in (lab.upstream, lab.upstream / ".git"):
        with pytest.raises(ValueError, match="never run in a working clone"):
            await run_git(["status"], git_dir=place)


async def test_hard_bounds(lab: Lab) -> None:
    bare = await lab.forge.create("a/b")
    began = time.monotonic()
    read, write = os.pipe()
    with pytest.raises(GitTimeout, match="git cat-file took longer"):
        await run_git(["cat-file", "--batch"], git_dir=bare, input=read, bounds=Bounds(timeout=0.2))
    os.close(read)
    os.close(write)
    assert time.monotonic() - began < 2
    with pytest.raises(OutputTooLarge) as caught:
        await run_git(["help", "-a"], bounds=Bounds(output=100))
    assert len(caught.value.kept) == 100


async def test_cancelled_git_is_killed(lab: Lab) -> None:
    bare = await lab.forge.create("a/b")
    read, write = os.pipe()
    task = asyncio.create_task(run_git(["cat-file", "--batch", "--buffer"], git_dir=bare, input=read))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    os.close(read)
    os.close(write)
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(bare).encode() in _read(p)]


async def test_transports_are_closed_by_default(tmp_path: Path) -> None:
    for url in ("ext::sh -c 'touch /tmp/owned'", "https://127.0.0.1:1/a", "ssh://127.0.0.1:1/a"):
        with pytest.raises(GitError, match="not allowed"):
            await run_git(["ls-remote", "--", url])


async def test_last_words(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="does not appear to be a git repository"):
        await run_git(["ls-remote", "--", str(tmp_path)])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
