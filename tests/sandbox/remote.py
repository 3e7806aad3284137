"""A sandbox at the other end of a connection, both ends in this process."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from cogmill.sandbox.bubblewrap import BubblewrapDriver
from cogmill.sandbox.protocol import Probe, SandboxSpec
from cogmill.sandbox.remote.frames import Lost
from cogmill.sandbox.remote.host import Folders, Host
from cogmill.sandbox.remote.line import Line
from cogmill.sandbox.remote.sandbox import RemoteSandbox


@dataclass
class Pipe:
    """One end of a connection."""

    mine: "asyncio.Queue[bytes | None]" = field(default_factory=asyncio.Queue)
    other: "Pipe | None" = None

    async def send(self, frame: bytes) -> None:
        if self.other is None:
            raise Lost("cut")
        self.other.mine.put_nowait(bytes(frame))

    async def receive(self) -> bytes:
        frame = await self.mine.get()
        if frame is None:
            raise Lost("cut")
        return frame

    async def close(self, code: int, reason: str) -> None:
        if self.other is not None:
            self.other.mine.put_nowait(None)
            self.mine.put_nowait(None)
            self.other.other = None
            self.other = None


def pipes() -> tuple[Pipe, Pipe]:
    here, there = Pipe(), Pipe()
    here.other, there.other = there, here
    return here, there


class HostFolders(Folders):
    """Files in the folder of the test, and read-only places as the spec has them."""

    def __init__(self, spec: SandboxSpec) -> None:
        super().__init__(spec.root, spec.root.parent / "mirrors")
        self.places = {str(number): path for number, path in enumerate(spec.read_only.values())}

    def mirror(self, key: str) -> Path:
        return self.places[key]

    def keep_or_begin(self, keep: object) -> str:
        return "test"


class Remote(RemoteSandbox):
    """Begins its own worker."""

    def __init__(self, spec: SandboxSpec) -> None:
        here, there = pipes()
        mounts = {place: str(number) for number, place in enumerate(spec.read_only)}
        super().__init__(spec, Line(here), mounts, None)
        self.there = there
        self.spec = spec
        self.tasks: list[asyncio.Task[object]] = []

    async def start(self) -> None:
        if not self.tasks:
            host = Host(self.there, BubblewrapDriver(), self.spec.session_id, HostFolders(self.spec), {})
            self.tasks.append(asyncio.create_task(host.serve()))
            await self._line.greet()
            self.tasks.append(asyncio.create_task(self._line.listen()))
        await super().start()

    async def close(self, *, kill: bool = True) -> None:
        await super().close(kill=kill)

    async def leave(self) -> None:
        await self._line.end("over")
        for task in self.tasks:
            await asyncio.gather(task, return_exceptions=True)


class RemoteDriver:
    name = "remote"

    def probe(self) -> Probe:
        return Probe(True, "")

    def create(self, spec: SandboxSpec) -> Remote:
        return Remote(spec)
