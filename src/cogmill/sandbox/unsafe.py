"""Driver "none": no isolation at all, for operators who say --unsafe-no-sandbox."""

import os
import shutil
import sys
from pathlib import PurePosixPath

from cogmill.sandbox import layers
from cogmill.sandbox.folders import Folders
from cogmill.sandbox.launch import PATH, Launched, base_environment, start, supervisor_command
from cogmill.sandbox.protocol import Probe, SandboxSpec
from cogmill.sandbox.session import ShellSandbox

# PR_SET_CHILD_SUBREAPER: daemonised children stay below the supervisor, so they can be found. It survives exec.
_SUBREAPER = "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"


class PlainLauncher:
    """The same supervisor straight on the host, with the server's own rights."""

    isolated = False

    def __init__(self, spec: SandboxSpec) -> None:
        self._spec = spec
        self.folders = Folders(spec.root.absolute(), None)

    def prepare(self) -> None:
        if self._spec.base is not None:
            layers.begin(self.folders, self._spec.base, lambda: False)
        self.folders.prepare()

    def launch(self) -> Launched:
        folders = self.folders
        # No process limit: the kernel would count everything else this user runs.
        command = supervisor_command(
            self._spec, str(folders.control), str(folders.state), str(folders.workspace), processes=0
        )
        environment = base_environment(self._spec, str(folders.home))
        if "PATH" not in self._spec.environment:
            environment["PATH"] = f"{folders.home}/.local/bin:{os.environ.get('PATH', PATH)}"
        command = [sys.executable, "-I", "-S", "-c", _SUBREAPER, *command]
        return start(command, executable=None, environment=environment, uid=None, fds=(), cwd=folders.workspace)

    def settle(self) -> None:
        pass

    def supervisor(self, pid: int) -> int:
        return pid

    def inside(self, path: str) -> str:
        """Callers speak of /workspace and /home/agent; here these are host folders."""
        places = {"/workspace": self.folders.workspace, "/home/agent": self.folders.home, **self._spec.read_only}
        for place, folder in places.items():
            if PurePosixPath(path).is_relative_to(place):
                return str(folder / PurePosixPath(path).relative_to(place))
        return path


class UnsafeDriver:
    """Commands can read and change whatever the server can."""

    name = "none"

    def probe(self) -> Probe:
        tools = {tool: shutil.which(tool) is not None for tool in ("bash", "git")}
        names = ("user_namespace", "network_off", "no_nested_userns", "process_limit")
        checks = {**dict.fromkeys(names, False), "memory_limit": True, **tools}
        detail = "No isolation: commands run with all rights of the server (--unsafe-no-sandbox)."
        return Probe(tools["bash"], detail if tools["bash"] else "bash is missing: install it.", checks)

    def create(self, spec: SandboxSpec) -> ShellSandbox:
        return ShellSandbox(spec, PlainLauncher(spec))
