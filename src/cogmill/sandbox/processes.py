"""A sandbox's processes seen from the host: who belongs to it, to which command, how to end them safely."""

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

_USUAL_QUEUE_BYTES = 819200
_TAGS = 65536

Wanted = Callable[[int], bool]
"""Says whether processes with this mark are meant."""


def tag_range() -> range:
    """Values of RLIMIT_MSGQUEUE that mark commands; children inherit the limit and cannot raise it."""
    hard = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[1]
    top = _USUAL_QUEUE_BYTES if hard == resource.RLIM_INFINITY else min(hard, _USUAL_QUEUE_BYTES)
    return range(max(1, top - _TAGS), top)


def is_tag(tag: int) -> bool:
    return tag in tag_range()


def is_forged(tag: int) -> bool:
    """Whether a process lowered its mark below all that we give."""
    return 0 <= tag < tag_range().start


def children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        # The kernel lists children by the thread that forked them.
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - called often, Path is slow
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    except (FileNotFoundError, ProcessLookupError):
        if not found and not Path("/proc/thread-self/children").exists():
            return _children_by_scan(pid)
    return found


def _children_by_scan(pid: int) -> list[int]:
    """For kernels without CONFIG_PROC_CHILDREN."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [other for other in numbers if _parent(other) == pid]


def descendants(root: int) -> list[int]:
    """All processes below `root`, parents before children; in a pid namespace that is everybody but its init."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children(waiting.pop())
        found += below
        waiting += below
    return found


def _stat(pid: int) -> tuple[str, int] | None:
    """State letter and parent."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = text[text.rindex(b")") + 2 :].split(None, 2)[:2]
    return state.decode(), int(parent)


def _parent(pid: int) -> int:
    stat = _stat(pid)
    return stat[1] if stat else 0


def running(pid: int) -> bool:
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def tag_of(pid: int) -> int:
    """The mark a process carries, -1 when it has none or cannot be read."""
    try:
        text = Path(f"/proc/{pid}/limits").read_text()
    except OSError:
        return -1
    _, found, rest = text.partition("Max msgqueue size")
    fields = rest.split(None, 2)
    return int(fields[1]) if found and fields[1].isdigit() else -1


def find(root: int, wanted: Wanted) -> list[int]:
    """Living processes below `root` whose mark is wanted, and all their children whatever mark those carry."""
    found: list[int] = []
    waiting = [(pid, False) for pid in children(root)]
    while waiting:
        pid, below = waiting.pop()
        mine = below or wanted(tag_of(pid))
        if mine and running(pid):
            found.append(pid)
        waiting += [(child, mine) for child in children(pid)]
    return found


def send(root: int, pid: int, number: signal.Signals) -> bool:
    """Signal `pid` if it stands below `root`."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        # Read after the descriptor exists: either this is about the very process the descriptor names, or that
        # one is gone and the signal goes nowhere. A number used again for a host process is never hit.
        if not _is_below(root, pid):
            return False
        signal.pidfd_send_signal(fd, number)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


def _is_below(root: int, pid: int) -> bool:
    for _ in range(100_000):
        pid = _parent(pid)
        if pid == root:
            return True
        if pid <= 1:
            return False
    return False


def signal_all(root: int, wanted: Wanted, number: signal.Signals) -> int:
    found = find(root, wanted)
    for pid in found:
        send(root, pid, number)
    return len(found)


def kill_all(root: int, wanted: Wanted) -> int:
    """Kill every wanted process; returns how many were met. Stops them all first, so that none can fork away.

    Waits until they are gone, at most a second. Blocks.
    """
    stopped: set[int] = set()
    for _ in range(64):
        fresh = [pid for pid in find(root, wanted) if pid not in stopped]
        if not fresh:
            break
        for pid in fresh:
            send(root, pid, signal.SIGSTOP)
        stopped.update(fresh)
    for pid in stopped:
        send(root, pid, signal.SIGKILL)
    until = time.monotonic() + 1
    while any(map(running, stopped)) and time.monotonic() < until:
        time.sleep(0.001)
    return len(stopped)


def memory_estimate(pid: int) -> int:
    """Cheap and never too small: pages no file backs, shared ones counted for every process that maps them."""
    try:
        text = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    total = 0
    for name in (b"RssAnon:", b"RssShmem:"):
        _, found, rest = text.partition(name)
        if found:
            total += int(rest.split(None, 1)[0]) * 1024
    return total


def proportional_memory(pid: int) -> tuple[int, int]:
    """Exact share (PSS without file pages), private and shared; dear, so only for confirming."""
    found = {"Pss_Anon:": 0, "Pss_Shmem:": 0}
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(" ")
            if name in found:
                found[name] = int(rest.split()[0]) * 1024
    except OSError:
        return memory_estimate(pid), 0
    return found["Pss_Anon:"], found["Pss_Shmem:"]
