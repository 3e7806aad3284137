"""A sandbox for tests: real processes in a temporary folder, no isolation; /workspace is mapped by text."""

import asyncio
import contextlib
import os
import shlex
import signal
import time
import uuid
from pathlib import Path

from cogmill.sandbox.protocol import CommandResult, ExecResult, Job

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "GIT_AUTHOR_NAME": "Cogmill",
    "GIT_AUTHOR_EMAIL": "agent@cogmill.test",
    "GIT_COMMITTER_NAME": "Cogmill",
    "GIT_COMMITTER_EMAIL": "agent@cogmill.test",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


class ProcessSandbox:
    """Keeps one bash; every path below /workspace is a path below `root`."""

    isolated = False

    def __init__(self, root: Path) -> None:
        self.root = root / "workspace"
        self.root.mkdir(parents=True, exist_ok=True)
        self._shell: asyncio.subprocess.Process | None = None
        self._jobs: dict[str, tuple[asyncio.subprocess.Process, str, Path]] = {}
        self.commands: list[str] = []

    @property
    def alive(self) -> bool:
        return self._shell is not None and self._shell.returncode is None

    def outside(self, text: str) -> str:
        return text.replace("/workspace", str(self.root))

    def inside(self, text: str) -> str:
        return text.replace(str(self.root), "/workspace")

    def host(self, path: str) -> Path:
        return Path(self.outside(path)) if path.startswith("/workspace") else self.root / path.lstrip("/")

    async def start(self) -> None:
        self._shell = await asyncio.create_subprocess_exec(
            "bash", "--noprofile", "--norc", cwd=self.root, env=self._environment(), start_new_session=True,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        return {**ENVIRONMENT, "HOME": str(self.root.parent)}

    async def run(self, command, *, timeout=None, secrets=None, on_output=None) -> CommandResult:
        if not self.alive:
            await self.start()
        self.commands.append(command)
        mark = uuid.uuid4().hex
        names = " ".join(secrets or {})
        exports = "".join(f"export {k}={shlex.quote(v)}\n" for k, v in (secrets or {}).items())
        script = f"{exports}eval {shlex.quote(self.outside(command))} </dev/null 2>&1\n_code=$?\n"
        script += f"unset {names} 2>/dev/null\nprintf '\\n%s %s\\n' {mark} $_code\n"
        began = time.monotonic()
        self._shell.stdin.write(script.encode())
        lines: list[str] = []
        try:
            async with asyncio.timeout(timeout):
                while not (line := (await self._shell.stdout.readline()).decode(errors="replace")).startswith(mark):
                    if not line:
                        return CommandResult(None, "".join(lines), False, 0.0, "sandbox_died")
                    lines.append(self.inside(line))
                    if on_output:
                        on_output(lines[-1])
        except TimeoutError:
            await self.close()
            return CommandResult(None, "".join(lines), False, time.monotonic() - began, "timeout")
        return CommandResult(int(line.split()[1]), "".join(lines)[:-1], False, time.monotonic() - began)

    async def exec(
        self, argv, *, stdin=b"", cwd="/workspace", environment=None, timeout=None, max_output=None
    ) -> ExecResult:  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *[self.outside(arg) for arg in argv], cwd=self.host(cwd), env=self._environment() | dict(environment or {}),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(stdin), timeout)
        return ExecResult(process.returncode, self.inside(out.decode()).encode()[:max_output], err)

    async def start_job(self, command, *, secrets=None) -> Job:
        job_id = f"job-{len(self._jobs) + 1}"
        log = self.root.parent / f"{job_id}.log"
        with log.open("wb") as sink:
            process = await asyncio.create_subprocess_exec(
                "bash", "-c", self.outside(command), cwd=self.root, env=self._environment() | dict(secrets or {}),
                stdout=sink, stderr=sink, start_new_session=True,
            )  # fmt: skip
        self._jobs[job_id] = (process, command, log)
        return await self.job(job_id)

    async def job(self, job_id) -> Job:
        process, command, log = self._jobs[job_id]
        return Job(job_id, command, process.returncode, self.inside(log.read_text()))

    async def stop_job(self, job_id) -> Job:
        process, *_ = self._jobs[job_id]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        return await self.job(job_id)

    async def read_file(self, path, *, max_bytes=10 * 1024**2) -> bytes:
        return self.host(path).read_bytes()[:max_bytes]

    async def write_file(self, path, data) -> None:
        target = self.host(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    async def close(self, *, kill=True) -> None:
        for job_id, (process, *_) in self._jobs.items():
            if process.returncode is None:
                await self.stop_job(job_id)
        if self._shell is not None and self._shell.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._shell.pid, signal.SIGKILL)
            await self._shell.communicate()
        self._shell = None
