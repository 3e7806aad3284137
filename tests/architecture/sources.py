"""The source files as syntax trees, read once for all rules."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "cogmill"
EXAMPLE_PROJECT = PACKAGE / "demo" / "project"
"""A project that the demo works on: data, not our code."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Path inside the package, as the rules' exceptions name it."""
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    def functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


@cache
def sources() -> tuple[Source, ...]:
    files = [path for path in sorted(PACKAGE.rglob("*.py")) if not path.is_relative_to(EXAMPLE_PROJECT)]
    return tuple(Source(path, text := path.read_text(), ast.parse(text)) for path in files)


def length(node: Function) -> int:
    """Lines of a function without its decorators."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


@cache
def kept_files() -> tuple[Path, ...]:
    """What git keeps or would keep: everything but ignored files. Without git: the places that hold our files."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listing.returncode == 0:
        named = [ROOT / line for line in listing.stdout.splitlines()]
    else:
        named = [path for place in ("src", "tests", "docs", "bench") for path in (ROOT / place).rglob("*")]
        named += ROOT.glob("*.*")
    return tuple(path for path in named if path.is_file() and "__pycache__" not in path.parts)
