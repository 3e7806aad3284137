"""What a sandbox driver offers: one isolated place per session in which commands run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

OutputSink = Callable[[str], None]
"""Called with each decoded chunk of a command's combined output while it runs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one session's sandbox. Sizes are bytes, times are seconds."""

    memory: int = 4 * 1024**3
    processes: int = 512
    cpu_seconds: int = 3600
    """CPU time of any single process."""
    command_seconds: float = 600.0
    """Wall time of one command when the caller names none."""
    output: int = 1024**2
    """How much output of one command is kept: its first and its last half."""
    workspace: int = 10 * 1024**3


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """Everything a driver needs to build a session's sandbox; the same spec builds it again after a crash."""

    session_id: str
    root: Path
    """Host folder of this session; `workspace/`, `home/` and the driver's own control files live below it."""
    read_only: Mapping[str, Path] = field(default_factory=dict)
    """Further host folders shown read-only: path inside -> path on the host."""
    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    """Plain variables of every command (never secrets)."""
    limits: Limits = Limits()
    base: Path | None = None
    """Host folder with `workspace/` and `home/` that the session begins with. Nothing is ever written to it."""


StopReason = Literal["timeout", "cancelled", "memory", "workspace", "sandbox_died"]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended. `exit_code` is None when it was stopped before it could exit by itself."""

    exit_code: int | None
    output: str
    """Combined stdout and stderr, undecodable bytes replaced, the middle cut beyond `Limits.output`."""
    truncated: bool
    seconds: float
    stopped: StopReason | None = None


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a one-off process ended; streams are raw and apart."""

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    stopped: StopReason | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A background command of the session."""

    job_id: str
    command: str
    exit_code: int | None
    """None while it runs."""
    output: str
    """What it printed so far (its tail, at most `Limits.output`)."""


class SandboxError(Exception):
    """The sandbox could not be built or has gone away; the text says what to do."""


class Sandbox(Protocol):
    """One session's isolated place. Paths inside: `/workspace` (working directory) and `/home/agent` (HOME)."""

    async def start(self) -> None:
        """Build the namespace and its long-lived shell, with the shell state (folder, variables) of before."""

    async def run(
        self,
        command: str,
        *,
        timeout: float | None = None,
        secrets: Mapping[str, str] | None = None,
        on_output: OutputSink | None = None,
    ) -> CommandResult:
        """Run in the long-lived shell: its folder, variables and functions last from one command to the next.

        `secrets` are environment variables of this command only; they never reach the shell's kept state.
        Cancelling the awaiting task stops the command and all its children.
        """

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
        """Run one process in the same namespace without touching the shell's state; binary safe both ways."""

    async def start_job(self, command: str, *, secrets: Mapping[str, str] | None = None) -> Job:
        """Start a background command that lives until it ends, is stopped, or the session ends."""

    async def job(self, job_id: str) -> Job:
        """State and output of a background command. KeyError when there is none of that id."""

    async def stop_job(self, job_id: str) -> Job:
        """Kill a background command with its children."""

    async def read_file(self, path: str, *, max_bytes: int = 10 * 1024**2) -> bytes:
        """Bytes of a file as seen from inside. FileNotFound-, IsADirectory-, Permission-, ValueError (too large)."""

    async def write_file(self, path: str, data: bytes) -> None:
        """Create or replace a file, and its folders, as seen from inside. PermissionError where it may not."""

    async def close(self, *, kill: bool = True) -> None:
        """End every process of the sandbox, daemonised ones too, within 2 seconds; files stay."""

    def seen(self, path: str) -> str:
        """Where commands find what is at `path` in /workspace, /home/agent or a read-only place of the spec.

        The same path where there is isolation; a folder of the host where there is none.
        """

    @property
    def alive(self) -> bool:
        """Whether the namespace stands."""

    @property
    def isolated(self) -> bool:
        """False only for the driver that the operator forced with --unsafe-no-sandbox."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What isolation works on this machine, found by trying."""

    usable: bool
    detail: str
    """One line: what was found, or what is missing and what to do about it."""
    checks: Mapping[str, bool] = field(default_factory=dict)
    """Each single guarantee by name (user_namespace, network_off, no_nested_userns, process_limit, …)."""


class SandboxDriver(Protocol):
    """Makes sandboxes of one kind."""

    name: str

    def probe(self) -> Probe:
        """Try on this machine what the driver promises. Takes well under a second."""

    def create(self, spec: SandboxSpec) -> Sandbox:
        """A sandbox that `start` will build; nothing runs yet."""
