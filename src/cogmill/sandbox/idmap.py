"""Showing a folder as if another user owned its files: a mount with mapped ids (Linux 5.12 and newer, as root)."""

import ctypes
import os
import struct
import subprocess
import sys
from pathlib import Path

# These numbers are the same on every architecture that the sandbox supports.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000
_CLONE_TREE, _F_EMPTY_PATH = 1 | 0o2000000, 4
_READ_ONLY, _MAPPED = 0x1, 0x00100000
_HOLD = "import ctypes, sys; print(ctypes.CDLL(None).unshare(0x10000000), flush=True); sys.stdin.read()"
"""A process that does nothing but have a user namespace of its own."""


def mount_mapped(source: Path, target: Path, owner: int, shown: int) -> None:
    """Show `source`, whose files belong to `owner`, read-only at `target`, where they belong to `shown`."""
    libc = ctypes.CDLL(None, use_errno=True)
    folder = os.open(source, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY)
    tree = namespace = -1
    try:
        tree = _call(libc.syscall(_OPEN_TREE, folder, b"", _CLONE_TREE | _AT_EMPTY_PATH), "open_tree")
        namespace = _namespace(owner, shown)
        wanted = struct.pack("QQQQ", _MAPPED | _READ_ONLY, 0, 0, namespace)
        _call(libc.syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, wanted, len(wanted)), "mount_setattr")
        _call(libc.syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), _F_EMPTY_PATH), "move_mount")
    finally:
        for fd in (folder, tree, namespace):
            if fd >= 0:
                os.close(fd)


def _namespace(owner: int, shown: int) -> int:
    """A user namespace in which `owner` is called `shown`; the descriptor keeps it when its process has gone."""
    command = [sys.executable, "-I", "-S", "-c", _HOLD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        if process.stdout.readline().strip() != b"0":
            raise OSError(0, "no user namespace for the files of a snapshot")
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{process.pid}/{kind}").write_text(f"{owner} {shown} 1")
        return os.open(f"/proc/{process.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)


def _call(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
