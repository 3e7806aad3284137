"""What a sandbox holds although no page of a process and no folder shows it: memfds, SysV segments, deleted files."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SECONDS = 0.25
"""Looking at open files takes no longer than this, however many a session holds open."""

# Only a process in that namespace is told. This one enters from outside, by way of the user namespace that owns it
# (NS_GET_USERNS), so that nobody inside can meddle.
_TELL = """
import ctypes, fcntl, os, sys
fd, libc = os.open(sys.argv[1], os.O_RDONLY), ctypes.CDLL(None)
if libc.setns(fcntl.ioctl(fd, 0xB701), 0) or libc.setns(fd, 0): sys.exit(1)
print(open("/proc/sysvipc/shm").read(), end="")
"""


def shared_pages() -> int:
    """Bytes of shared memory on the whole machine: a cheap sign that a closer look is due."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Shmem:"):
            return int(line.split()[1]) * 1024
    return 0


def device_of_memory() -> int:
    """Device number of files that have no place but memory."""
    fd = os.memfd_create("device")
    try:
        return os.fstat(fd).st_dev
    finally:
        os.close(fd)


def nameless_files(pids: list[int], device: int) -> Iterator[tuple[int, int]]:
    """Files of a device without a name that processes hold open: pid and bytes, each file once."""
    until = time.monotonic() + SECONDS
    seen: set[int] = set()
    for pid in pids:
        try:
            names = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - called often, Path is slow
        except OSError:
            continue
        for name in names:
            try:
                found = os.stat(f"/proc/{pid}/fd/{name}")  # noqa: PTH116 - called often
            except OSError:
                continue
            nameless = found.st_nlink == 0 and found.st_dev == device and stat.S_ISREG(found.st_mode)
            if nameless and found.st_ino not in seen:
                seen.add(found.st_ino)
                yield pid, found.st_blocks * 512
        if time.monotonic() > until:
            return


def segments(pid: int) -> int:
    """Bytes of SysV shared memory in the namespace of a process; they outlive who made them."""
    command = [sys.executable, "-I", "-S", "-c", _TELL, f"/proc/{pid}/ns/ipc"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = [line.split() for line in done.stdout.splitlines() if line]
    if not rows or "rss" not in rows[0]:
        return 0
    column = rows[0].index("rss")
    return sum(int(row[column]) for row in rows[1:])
