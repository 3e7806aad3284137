"""What differs between drivers: how the supervisor is started and how paths inside map to the host."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cogmill.sandbox.folders import SHELL, Folders
from cogmill.sandbox.protocol import SandboxSpec

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


# One line, so that messages of user code count their lines from 1. The outer child stays out of reach of what the
# command does to its own process group and tells how the inner one ended; user code runs outside any function.
_LOOP = (
    f'IFS= read -r -d "" __cogmill_script <"$1/{SHELL}"; eval "unset __cogmill_script;$__cogmill_script"; '
    'while IFS=" " read -r __cogmill_op __cogmill_id __cogmill_tag __cogmill_flags; do ( set -m; ( __cogmill_enter; '
    '[[ ! -f $__cogmill_state/shell ]] || builtin . "$__cogmill_state/shell" >/dev/null 2>&1; __cogmill_prepare; '
    'builtin eval "$__cogmill_prefix$__cogmill_text"; { __cogmill_leave "$?"; } 2>/dev/null; '
    'builtin exit "$__cogmill_last" ) >"$__cogmill_control/$__cogmill_id.out" & wait $!; __cogmill_end "$?" ) '
    "</dev/null & done; __cogmill_sweep $$"
)


@dataclass(frozen=True, slots=True)
class Launched:
    process: subprocess.Popen[bytes]
    requests: int
    """Writing end of the supervisor's stdin."""
    errors: int
    """Reading end of its stderr: why it could not start."""

    def collect(self, seconds: float) -> tuple[int, str]:
        """Exit code and stderr of something short. Blocks."""
        os.close(self.requests)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        try:
            text = os.read(self.errors, 65536)
        except BlockingIOError:
            text = b""
        os.close(self.errors)
        return code, text.decode("utf-8", "replace").strip()


class Launcher(Protocol):
    isolated: bool
    folders: Folders

    def prepare(self) -> None:
        """Everything slow that must be done before a start. Called in a thread."""

    def launch(self) -> Launched:
        """Start. Called in the starter thread."""

    def settle(self) -> None:
        """Clean up after a start, whether it succeeded or not. Called in the starter thread."""

    def supervisor(self, pid: int) -> int:
        """The supervisor's process id on the host, given the started process; 0 when it is gone."""

    def inside(self, path: str) -> str:
        """The path to use inside for a path given by the caller."""


def supervisor_command(spec: SandboxSpec, control: str, state: str, workspace: str, processes: int) -> list[str]:
    limits = spec.limits
    numbers = (processes, limits.cpu_seconds, limits.workspace // 1024, 2 * limits.memory // 1024)
    return ["/bin/bash", "--norc", "--noprofile", "-c", _LOOP, "bash", control, state, workspace, *map(str, numbers)]


def base_environment(spec: SandboxSpec, home: str) -> dict[str, str]:
    return {
        "PATH": f"{home}/.local/bin:{PATH}",
        "HOME": home,
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own tmpfs
        **spec.environment,
    }


def start(
    command: list[str],
    *,
    executable: str | None,
    environment: dict[str, str],
    uid: int | None,
    fds: tuple[int, ...],
    cwd: Path = Path("/"),
) -> Launched:
    """Start the process with its three streams; the request pipe's host end never blocks."""
    request_read, request_write = os.pipe()
    error_read, error_write = os.pipe()
    os.set_blocking(request_write, False)
    os.set_blocking(error_read, False)
    try:
        process = subprocess.Popen(
            command,
            executable=executable,
            stdin=request_read,
            stdout=subprocess.DEVNULL,
            stderr=error_write,
            env=environment,
            pass_fds=fds,
            cwd=cwd,
            start_new_session=True,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )
    except BaseException:
        os.close(request_write)
        os.close(error_read)
        raise
    finally:
        os.close(request_read)
        os.close(error_write)
    return Launched(process, request_write, error_read)
