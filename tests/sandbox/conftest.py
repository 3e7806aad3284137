"""Sandboxes of both drivers in temporary folders, closed after each test, and looks at the host."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from cogmill.sandbox.bubblewrap import BubblewrapDriver
from cogmill.sandbox.protocol import CommandResult, Limits, Sandbox, SandboxDriver, SandboxSpec
from cogmill.sandbox.unsafe import UnsafeDriver

DRIVERS: dict[str, SandboxDriver] = {"bubblewrap": BubblewrapDriver(), "none": UnsafeDriver()}
MIB = 1024**2


class Box:
    """One session: its sandbox, its folder on the host, and shorthands."""

    def __init__(self, spec: SandboxSpec, driver: str) -> None:
        self.spec = spec
        self.driver = driver
        self.root = spec.root
        self.workspace = spec.root / "workspace"
        self.sandbox: Sandbox = DRIVERS[driver].create(spec)

    async def sh(self, command: str, **options: Any) -> CommandResult:
        return await self.sandbox.run(command, **options)

    async def out(self, command: str, **options: Any) -> str:
        """Output of a command that must succeed, without its last newline."""
        done = await self.sandbox.run(command, **options)
        assert (done.exit_code, done.stopped) == (0, None), done
        return done.output.removesuffix("\n")

    async def python(self, code: str, **options: Any) -> CommandResult:
        """Run Python code inside, with the system's interpreter."""
        await self.sandbox.write_file("/workspace/.code.py", code.encode())
        place = "/workspace" if self.sandbox.isolated else str(self.workspace)
        return await self.sandbox.run(f"/usr/bin/python3 -I {place}/.code.py", **options)

    async def close(self) -> None:
        await self.sandbox.close()

    async def again(self) -> None:
        """A new sandbox object over the same folder, as after a restart of the server."""
        await self.sandbox.close()
        self.sandbox = DRIVERS[self.driver].create(self.spec)
        await self.sandbox.start()


Make = Callable[..., Awaitable[Box]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes started boxes; `limits` by name, everything else goes into the spec."""
    numbers = iter(range(100))
    async with AsyncExitStack() as stack:

        async def one(driver: str = "bubblewrap", *, limits: dict[str, Any] | None = None, **spec: Any) -> Box:
            name = spec.pop("session_id", f"devin-{tmp_path.name}-{next(numbers)}")
            spec.setdefault("root", tmp_path / "sessions" / name)
            box = Box(SandboxSpec(name, limits=Limits(**(limits or {})), **spec), driver)
            stack.push_async_callback(box.close)
            await box.sandbox.start()
            return box

        yield one


@pytest.fixture
async def box(make: Make) -> Box:
    """A started sandbox of the bubblewrap driver."""
    return await make()


@pytest.fixture(params=sorted(DRIVERS))
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def any_box(make: Make, driver: str) -> Box:
    """A started sandbox of each driver in turn."""
    return await make(driver)


def on_host(text: str) -> list[int]:
    """Living processes of the whole machine whose command line contains the text."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            continue
        if text in words and state not in b"ZX":
            found.append(int(entry.name))
    return found


async def eventually(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait until the condition holds; its value."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "it did not come to pass"
        await asyncio.sleep(0.01)
    return value


def descriptors() -> int:
    """How many files this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def assert_absent(texts: Iterable[str], output: str) -> None:
    for text in texts:
        assert text not in output, output
