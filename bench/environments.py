"""How fast a session starts over a snapshot of 1 GB, and over one of many files; compared with an empty start."""

import asyncio
import os
import time
from pathlib import Path

from bench.numbers import Number
from cogmill.sandbox.bubblewrap import BubblewrapDriver
from cogmill.sandbox.folders import session_uid
from cogmill.sandbox.protocol import SandboxSpec

LARGE = 1024
"""MB in files of 1 MB."""
MANY = 100_000


def _snapshot(folder: Path, files: int, size: int) -> Path:
    """As a build leaves it: of another user's."""
    block = os.urandom(size)
    for number in range(files):
        path = folder / "workspace" / str(number // 1000) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(block)
    (folder / "home").mkdir()
    if os.geteuid() == 0:
        owner = session_uid("build")
        for path in (*folder.rglob("*"), folder):
            os.chown(path, owner, owner)
    return folder


def starts(root: Path, runs: int) -> list[Number]:
    """From nothing to the first command's answer."""
    empty = Number("session's sandbox without a snapshot, to the first command", "ms")
    large = Number(f"the same over a snapshot of {LARGE} MB", "ms", 300)
    many = Number(f"the same over a snapshot of {MANY:,} files", "ms", 300)
    again = Number("the same, asleep and awake again", "ms", 300)
    driver = BubblewrapDriver()
    base = {
        large.name: _snapshot(root / "large", LARGE, 1024**2),
        many.name: _snapshot(root / "many", MANY, 100),
    }
    driver.layers(root)

    async def one(name: str, row: Number, below: Path | None) -> None:
        sandbox = driver.create(SandboxSpec(name, root / name, base=below))
        began = time.perf_counter()
        await sandbox.start()
        await sandbox.run("echo changed >/workspace/0/0 2>/dev/null")
        row.values.append((time.perf_counter() - began) * 1000)
        await sandbox.close()

    async def work() -> None:
        for number in range(runs):
            await one(f"empty-{number}", empty, None)
            for row in (large, many):
                await one(f"{row.name[-5:].strip()}-{number}", row, base[row.name])
            await one(f"{many.name[-5:].strip()}-{number}", again, base[many.name])

    asyncio.run(work())
    return [empty, large, many, again]
