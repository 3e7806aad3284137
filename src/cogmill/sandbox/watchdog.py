"""Watches memory, disk and process count from the host, only while something runs inside."""

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from cogmill.sandbox import hidden
from cogmill.sandbox.processes import (
    Wanted,
    children,
    descendants,
    kill_all,
    memory_estimate,
    proportional_memory,
    running,
    tag_of,
)
from cogmill.sandbox.protocol import Limits

FILL_RATE = 4 * 1024**3
"""Bytes a second a process may gain at worst; decides how soon to look again."""
SLACK = 1024**2
SHARED_STEP = 64 * 1024**2
REMEASURE = 30.0


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watchdog may look at and whom it tells."""

    root: int
    has_namespaces: bool
    limits: Limits
    folders: tuple[Path, ...]
    is_busy: Callable[[], bool]
    is_leftover: Wanted
    """Whether a mark is that of a command which has ended."""
    on_memory: Callable[[int], None]
    """Told the pid of the largest process; the root's when ending others would not help."""
    on_workspace: Callable[[], Awaitable[None]]
    """Ends what runs; returns when it has ended."""


class Watchdog:
    """Sleeps until woken; goes back to sleep when only the supervisor is left."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._task: asyncio.Task[None] | None = None
        self._disk = DiskMeter(watched.folders, watched.limits.workspace, watched.root)
        self._memory_device = hidden.device_of_memory()
        self._least_shared = hidden.shared_pages()

    def wake(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="sandbox-watchdog")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        delay = 0.1
        next_disk = loop.time() + 1.0
        while True:
            await asyncio.sleep(delay)
            if not self._watched.is_busy() and not any(map(running, children(self._watched.root))):
                await self._look_at_memory()  # segments stay when their makers are gone
                return
            delay = await self._look_at_memory()
            if loop.time() >= next_disk:
                began = loop.time()
                if await asyncio.to_thread(self._disk.is_over):
                    await self._watched.on_workspace()
                    await asyncio.to_thread(self._disk.settle)
                # At most a twentieth of the time goes into measuring, however large the tree.
                next_disk = loop.time() + max(1.0, 20 * (loop.time() - began))

    async def _look_at_memory(self) -> float:
        limit = self._watched.limits.memory
        used, largest = await asyncio.to_thread(self._sample)
        if used > limit:
            self._watched.on_memory(largest)
            return 0.05
        return min(1.0, max(0.05, (limit - used) / FILL_RATE))

    def _sample(self) -> tuple[int, int]:
        """Memory of all processes together and the pid of the largest one. Ends a fork bomb that was left behind."""
        watched = self._watched
        pids = descendants(watched.root)
        if len(pids) >= watched.limits.processes // 2:
            left = [pid for pid in pids if watched.is_leftover(tag_of(pid))]
            if len(left) >= watched.limits.processes // 2:
                kill_all(watched.root, watched.is_leftover)
                return 0, 0
        pids.append(watched.root)
        held, segments = self._hidden(pids)
        sizes = {pid: memory_estimate(pid) for pid in pids}
        rough = sum(sizes.values()) + sum(held.values()) + segments
        if rough <= watched.limits.memory:
            return rough, 0
        # The estimate counts shared pages more than once; nobody is killed for that.
        shares = {pid: proportional_memory(pid) for pid in pids}
        shared = max(sum(share for _, share in shares.values()), sum(held.values()) + segments)
        sizes = {pid: sum(share) + held.get(pid, 0) for pid, share in shares.items()}
        sizes[watched.root] += segments
        if sizes[watched.root] <= watched.limits.memory // 2 and len(sizes) > 1:
            del sizes[watched.root]
        return sum(own for own, _ in shares.values()) + shared, max(sizes, key=sizes.__getitem__)

    def _hidden(self, pids: list[int]) -> tuple[dict[int, int], int]:
        """Memory in nameless files, by process, and in segments; looked for when the machine's total has grown."""
        now = hidden.shared_pages()
        self._least_shared = min(self._least_shared, now)
        if now - self._least_shared < min(SHARED_STEP, self._watched.limits.memory // 4):
            return {}, 0
        held: dict[int, int] = {}
        for pid, size in hidden.nameless_files(pids, self._memory_device):
            held[pid] = held.get(pid, 0) + size
        return held, hidden.segments(self._watched.root) if self._watched.has_namespaces else 0


class DiskMeter:
    """Disk use of the session's folders: measured exactly when the free space says that it may have grown."""

    def __init__(self, folders: tuple[Path, ...], limit: int, root: int) -> None:
        self._folders = folders
        self._root = root
        self._limit = limit
        self._allowed = limit
        self._used: int | None = None
        self._free = 0
        self._measured = 0.0

    def is_over(self) -> bool:
        """Blocks: call in a thread. Says so once per growth, so that commands that only delete can run."""
        now = time.monotonic()
        free = self._free_space()
        if self._used is not None:
            room = max(0, self._limit - self._used)
            lost = self._free - free
            if lost < min(64 * 1024**2, max(SLACK, room // 4)) and now - self._measured < REMEASURE:
                return False
            self._used = self._measure(self._used + max(0, lost))
        else:
            self._used = self._measure(0)
        self._free, self._measured = free, now
        over = self._used > self._allowed
        self._allowed = max(self._limit, self._used + SLACK if over else min(self._allowed, self._used + SLACK))
        return over

    def settle(self) -> None:
        """Blocks. What was written until its writers had ended is theirs and does not stop the next command."""
        self._free, self._measured = self._free_space(), time.monotonic()
        self._used = self._measure(self._used or 0)
        self._allowed = max(self._limit, self._used + SLACK)

    def _free_space(self) -> int:
        stats = os.statvfs(self._folders[0])
        return stats.f_bfree * stats.f_frsize

    def _measure(self, guess: int) -> int:
        """du needs no lock of ours and copes with any tree; where folders are unreadable the guess is the floor."""
        command = ["du", "-sx", "--block-size=1", "--", *map(str, self._folders)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        total = sum(int(line.split(None, 1)[0]) for line in done.stdout.splitlines() if line[:1].isdigit())
        device = self._folders[0].stat().st_dev
        total += sum(size for _, size in hidden.nameless_files(descendants(self._root), device))
        return total if done.returncode == 0 else max(total, guess)
