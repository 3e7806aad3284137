"""What the agents' tests share: a task in a temporary repository, a turn, a stub provider."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cogmill.engine.agents.seam import Checkout, Task, TurnEnd

from .provider import StubProvider
from .shells import ENVIRONMENT, ProcessSandbox
from .turns import Crash, Journal, MemoryTurn

PLAIN = Task("devin-" + "0" * 32, None, "Do it.", None, None, False, "normal")


class World:
    """One session: its task, its sandbox and its journal; `turn` is what a process sees of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sandbox = ProcessSandbox(root)
        self.task = PLAIN
        self.journal = Journal()
        self.turns: list[MemoryTurn] = []
        self.index = None
        """Answers code searches, if the repositories are indexed."""
        self.files: dict[str, bytes] = {}

    def asks(self, prompt: str, **changes) -> "World":
        self.task = replace(self.task, prompt=prompt, **changes)
        return self

    def turn(self, **options) -> MemoryTurn:
        self.turns.append(MemoryTurn(self.task, self.sandbox, self.journal, **options))
        self.turns[-1].index, self.turns[-1].files = self.index, self.files
        return self.turns[-1]

    async def run(self, make) -> TurnEnd:
        """Run a turn to its end, starting again after each crash as a new process would."""
        while True:
            try:
                return await make().run(self.turn())
            except Crash:
                await self.sandbox.close()

    def git(self, *argv: str, path: str = "/workspace/calc") -> str:
        command = ["git", "-C", str(self.sandbox.host(path)), *argv]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def repository(self, files: dict[str, str], name: str = "calc") -> "World":
        path = f"/workspace/{name}"
        for relative, text in files.items():
            target = self.sandbox.host(f"{path}/{relative}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        self.git("init", "--quiet", "--initial-branch=main", path=path)
        self.git("add", "--all", path=path)
        self.git("commit", "--quiet", "--message=Start", path=path)
        self.git("checkout", "--quiet", "-b", "devin/work", path=path)
        checkout = Checkout(f"local/{name}", path, "main", "devin/work")
        self.task = replace(self.task, checkouts=(*self.task.checkouts, checkout))
        return self


@pytest.fixture
async def world(tmp_path):
    one = World(tmp_path)
    yield one
    await one.sandbox.close()


@pytest.fixture
async def worlds(tmp_path):
    """A factory, for tests that play the same session many times."""
    made: list[World] = []

    def make() -> World:
        made.append(World(tmp_path / str(len(made))))
        return made[-1]

    yield make
    for one in made:
        await one.sandbox.close()


@pytest.fixture
def provider():
    with StubProvider() as stub:
        yield stub
