"""The thread that starts sandboxes, and its private view of the mounts through which other users reach folders."""

import contextlib
import ctypes
import errno
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from cogmill.sandbox.idmap import mount_mapped

STARTER = ThreadPoolExecutor(1, thread_name_prefix="sandbox-starter")
"""Namespaces die with the thread that started them, so one that lives as long as the server starts them all."""

_CLONE_NEWNS = 0x20000
_MS_BIND, _MS_REC, _MS_SLAVE = 0x1000, 0x4000, 0x80000
_MNT_DETACH = 2
_KEYCTL = {"x86_64": 250, "i686": 288, "armv7l": 311, "ppc64le": 271, "s390x": 280}.get(platform.machine(), 219)
"""Number of the system call, which the C library does not name; newer machines share one."""
_KEYCTL_JOIN_SESSION_KEYRING = 1
# Always there, never holds data, of no use to bwrap; covered in the starter thread's view only.
_PLACE = Path("/sys")


class Stage:
    """Shows folders at paths any user can reach, whatever the permissions above them (root only). Starter only."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._entered = False
        self._numbers = count(1)

    def new_keyring(self) -> None:
        """What this thread starts next gets an empty keyring of its own: no namespace hides the server's."""
        if self._libc.syscall(_KEYCTL, _KEYCTL_JOIN_SESSION_KEYRING, None) >= 0:
            return
        number = ctypes.get_errno()
        # Without the call (old kernels, Docker's filter) there is nothing to hide: it is missing inside as well.
        if number not in {errno.ENOSYS, errno.EPERM, errno.EACCES}:
            raise OSError(number, f"no keyring for the session: {os.strerror(number)}")

    def enter(self) -> None:
        if self._entered:
            return
        # One thread may have mounts of its own; slave, so that folders mounted later on the host still appear.
        self._call(self._libc.unshare(_CLONE_NEWNS))
        self._mount("none", "/", None, _MS_REC | _MS_SLAVE)
        self._mount("tmpfs", str(_PLACE), "tmpfs", 0, "mode=755,size=1m")
        self._entered = True

    def show(self, source: Path, *, follow: bool) -> Path:
        # Opened here: the kernel binds only mounts of the caller's own view; not followed: no link can be slipped in.
        fd = os.open(source, os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW | os.O_DIRECTORY))
        try:
            target = _PLACE / str(next(self._numbers))
            if Path(f"/proc/self/fd/{fd}").is_dir():
                target.mkdir()
            else:
                target.touch()
            self._mount(f"/proc/self/fd/{fd}", str(target), None, _MS_BIND | _MS_REC)
        finally:
            os.close(fd)
        return target

    def show_mapped(self, source: Path, uid: int) -> Path:
        """A folder, read-only, whose files appear as those of `uid`."""
        target = _PLACE / str(next(self._numbers))
        target.mkdir()
        try:
            mount_mapped(source, target, source.stat().st_uid, uid)
        except OSError:
            target.rmdir()
            raise
        return target

    def hide(self, shown: list[Path]) -> None:
        """A started sandbox has its own copies."""
        for target in shown:
            with contextlib.suppress(OSError):
                self._call(self._libc.umount2(os.fsencode(target), _MNT_DETACH))
                if target.is_dir():
                    target.rmdir()
                else:
                    target.unlink()

    def _mount(self, source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
        words = (os.fsencode(source), os.fsencode(target), kind.encode() if kind else None)
        self._call(self._libc.mount(*words, ctypes.c_ulong(flags), data.encode()))

    def _call(self, result: int) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


STAGE = Stage()
