"""Real git in temporary folders, and a stand-in sandbox without isolation."""

import asyncio
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from cogmill.sandbox.protocol import ExecResult
from cogmill.scm.checkout import Clone, Identity, prepare_clone
from cogmill.scm.forge import LocalForge
from cogmill.scm.local_paths import LocalPaths
from cogmill.scm.mirrors import MirrorCache, read_refs
from cogmill.scm.names import work_branch_name
from cogmill.scm.repositories import RepositoryRef, parse_repository

PLAIN = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org", "LC_ALL": "C.UTF-8",
}  # fmt: skip


def git(folder: Path, *args: str, input: bytes | None = None, check: bool = True) -> str:
    """Git as a user or an agent would run it, with everything the clone's config says."""
    done = subprocess.run(["git", *args], cwd=folder, env=PLAIN, input=input, capture_output=True, check=False)
    if check and done.returncode:
        raise AssertionError(done.stderr.decode())
    return done.stdout.decode().strip()


def commit(folder: Path, name: str, text: str, message: str = "Change") -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


class HostSandbox:
    """Runs on the host without isolation; only `exec`, which is all that scm uses."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        workspace.mkdir(exist_ok=True)

    async def exec(
        self,
        argv: list[str],
        *,
        stdin: bytes = b"",
        cwd: str = "/workspace",
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_output: int | None = None,
    ) -> ExecResult:
        where = self.workspace if cwd == "/workspace" else Path(cwd)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=pipe if stdin else asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            cwd=where,
            env={**PLAIN, **(environment or {})},
        )
        out, err = await asyncio.wait_for(process.communicate(stdin or None), timeout)
        return ExecResult(process.returncode, out[:max_output], err)


class Lab:
    """An upstream repository and everything that a session with it needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mirrors = MirrorCache(folder / "mirrors")
        self.forge = LocalForge(folder / "forge")
        self.sandbox = HostSandbox(folder / "workspace")
        self.local = LocalPaths(allowed=(folder,))
        self.upstream = self.repository("calc")

    def repository(self, name: str, *, empty: bool = False) -> Path:
        place = self.folder / "upstream" / name
        place.mkdir(parents=True)
        git(place, "init", "-q", "-b", "main")
        if not empty:
            commit(place, "calc.py", "def add(a, b):\n    return a - b\n", "First")
        return place

    def ref(self, place: Path | None = None) -> RepositoryRef:
        return parse_repository(str(place or self.upstream), self.local)

    async def session(self, session_id: str = "devin-0123456789abcdef0123456789abcdef") -> Clone:
        """Mirror, forge and clone, as the runner will do it."""
        ref = self.ref()
        mirror = await self.mirrors.mirror(ref)
        name = await self.forge.import_from(ref, mirror)
        refs = await read_refs(mirror)
        base, base_commit = refs.base()
        wanted = Clone(
            name, str(self.sandbox.workspace / "calc"), base, base_commit, work_branch_name(session_id, "Fix it")
        )
        return await prepare_clone(
            self.sandbox,
            wanted,
            refs,
            mirror=str(mirror),
            origin=ref.origin,
            identity=Identity("Cog Mill", "cog@x.org"),
        )


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)
