"""What the machine itself can do, and what a process uses of it."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path


def floor(folder: Path) -> dict[str, str]:
    """Medians of the bare costs under everything: the processor, a process, a sandbox, a durable write."""
    found = {"a million turns of a loop in Python": f"{_median(_loop, 5):.0f} ms"}
    found["fork+exec"] = f"{_median(_fork, 100):.1f} ms"
    bwrap = _bwrap()
    if bwrap is not None:
        found["bwrap, all namespaces"] = f"{_median(lambda: _sandboxed(bwrap), 20):.1f} ms"
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        found["write 4 KiB + fsync"] = f"{_median(lambda: _sync(file.fileno()), 200):.2f} ms"
    found["cores"] = str(os.cpu_count())
    return found


def _median(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _loop() -> None:
    total = 0
    for number in range(1_000_000):
        total += number * number


def _fork() -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def _bwrap() -> str | None:
    try:
        from cogmill.sandbox.bubblewrap import working_binary

        return str(working_binary().path)
    except Exception:
        return None


def _sandboxed(bwrap: str) -> None:
    usr = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"]
    libraries = ["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]
    options = ["--unshare-all", *usr, *libraries, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    subprocess.run([bwrap, *options, "/bin/true"], check=True, capture_output=True)


def _sync(descriptor: int) -> None:
    os.write(descriptor, b"\0" * 4096)
    os.fsync(descriptor)


def memory(pid: int) -> tuple[float, float]:
    """Resident and proportional set size of one process, in MB."""
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        sizes[name] = int(value.split()[0]) * 1024 / 1e6
    return sizes["Rss"], sizes["Pss"]


def descendants(pid: int) -> list[int]:
    """Every process below another one."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(after_name[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def memory_below(pid: int) -> float:
    """Proportional set size of all descendants together, in MB."""
    total = 0.0
    for one in descendants(pid):
        try:
            total += memory(one)[1]
        except OSError:
            continue
    return total
