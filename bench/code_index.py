"""The code index on a big real tree: building, following a change, asking; compared with ripgrep on the files.

The tree is the standard library of this interpreter, tests included, committed into a repository for the purpose.
"""

import asyncio
import os
import random
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

from bench import machine
from bench.numbers import Number, percentile
from cogmill.code_index.running import Counts, Indexer
from cogmill.code_index.searching import Place, Wanted, find
from cogmill.kit.settings import Settings

NOT_TAKEN = ("site-packages", "dist-packages", "__pycache__", "*.pyc", "*.so", "*.a")
CHANGED = 60
"""Files of the change that the index follows."""
TEXTS = (
    "get_running_loop", "raise NotImplementedError", "self.assertEqual(", "import itertools", "def __init__(self, name",
    "xyzzy_is_nowhere", "collections.abc", "ThreadPoolExecutor(max_workers", "Copyright (c) 2001", "return None",
)  # fmt: skip
NAMES = ("TestCase", "dataclass", "run", "__enter__", "get", "Connection", "parse_args", "HTTPServer", "nowhere_at_all")
ASKED = 300


def code_index(root: Path, runs: int) -> list[Number]:
    """Rows on indexing and on searching."""
    tree, bare = root / "stdlib", root / "stdlib.git"
    first, second = _repository(tree, bare)
    build, memory = Number("code index, standard library: built", "s"), Number("  most memory of its process", "MB")
    again = Number(f"  follows a change of {CHANGED} files", "s", 3)
    size, files = Number("  size on disk", "MB"), Number("  contents indexed", "files")
    for run in range(min(runs, 3)):
        folder = root / f"index-{run}"
        counts, seconds, most = _indexed(folder, bare, first)
        build.values.append(seconds)
        memory.values.append(most)
        files.values.append(counts.parsed)
        counts, seconds, _ = _indexed(folder, bare, second)
        again.values.append(seconds)
        again.note = f"{counts.parsed} read again"
        size.values.append(sum(one.stat().st_size for one in folder.glob("index.db*")) / 1e6)
    return [build, memory, again, size, files, *_searches(root / "index-0", tree)]


def _repository(tree: Path, bare: Path) -> tuple[str, str]:
    shutil.copytree(sysconfig.get_path("stdlib"), tree, ignore=shutil.ignore_patterns(*NOT_TAKEN), symlinks=True)
    git = ["git", "-c", "user.name=B", "-c", "user.email=b@example.invalid", "-c", "core.excludesFile=/dev/null"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main", str(tree)], check=True)

    def commit() -> str:
        subprocess.run([*git, "add", "--all", "--force"], cwd=tree, check=True)
        subprocess.run([*git, "commit", "--quiet", "--message=x"], cwd=tree, check=True)
        return subprocess.check_output([*git, "rev-parse", "HEAD"], cwd=tree, text=True).strip()

    first = commit()
    for path in random.Random(1).sample(sorted(tree.rglob("*.py")), CHANGED):
        with path.open("a") as file:
            file.write("\ndef added_by_the_benchmark():\n    return 1\n")
    second = commit()
    subprocess.run([*git, "clone", "--quiet", "--bare", str(tree), str(bare)], check=True)
    return first, second


def _indexed(folder: Path, bare: Path, commit: str) -> tuple[Counts, float, float]:
    """Counts, seconds and the most memory that was seen of the worker while it told of its progress."""
    most = 0.0

    async def watch(_counts: Counts) -> None:
        nonlocal most
        most = max(most, machine.memory_below(os.getpid()))

    began = time.monotonic()
    indexer = Indexer(True, Settings().index_memory, 3600)
    counts = asyncio.run(indexer.index(folder, bare, "main", commit, watch))
    return counts, time.monotonic() - began, most


def _searches(folder: Path, tree: Path) -> list[Number]:
    place = Place("python/stdlib", "main", folder)
    ripgrep = shutil.which("rg")

    def text(query: str) -> None:
        find([place], Wanted(query, "text", 100))

    def symbols(query: str) -> None:
        find([place], Wanted(query, "symbols", 100))

    def scan(query: str) -> None:
        assert ripgrep is not None
        command = [
            ripgrep,
            "--ignore-case",
            "--fixed-strings",
            "--line-number",
            "--color=never",
            "-e",
            query,
            str(tree),
        ]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)

    rows = [*_timed("text, a page of 100", text, TEXTS, 100), *_timed("symbols, a page of 100", symbols, NAMES, 100)]
    return [*rows, *_timed("the same texts with ripgrep on the files", scan, TEXTS, None)] if ripgrep else rows


def _timed(name: str, ask: Callable[[str], None], queries: tuple[str, ...], limit: float | None) -> list[Number]:
    half, late = Number(f"code search: {name}, p50", "ms"), Number(f"code search: {name}, p99", "ms", limit)
    taken = []
    for number in range(ASKED if limit is not None else ASKED // 10):
        began = time.monotonic()
        ask(queries[number % len(queries)])
        taken.append((time.monotonic() - began) * 1000)
    half.values.append(percentile(taken, 0.5))
    late.values.append(percentile(taken, 0.99))
    return [half, late]
