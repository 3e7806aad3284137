"""`make bench`: every number of the table, measured on a real server on this machine."""

import argparse
import asyncio
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench import (
    code_index,
    environments,
    identity,
    knowledge,
    log_writes,
    machine,
    measures,
    place,
    schedules,
    steps,
    transfer,
)
from bench.numbers import Number

PEER = "OpenHands agent-server 1.58, same kind of machine"
PARTS: dict[str, Callable[[Path, int], list[Number]]] = {
    "start": measures.start_and_idle,
    "create": measures.creates,
    "sessions": measures.sessions,
    "steps": steps.overhead,
    "events": log_writes.events,
    "memory": measures.live_memory,
    "watchers": measures.watchers,
    "two-hundred": measures.two_hundred,
    "environments": environments.starts,
    "self": identity.self_,
    "audit": identity.audit,
    "knowledge": knowledge.choosing,
    "notes": knowledge.pages,
    "content": schedules.pages,
    "same-minute": schedules.same_minute,
    "code-index": code_index.code_index,
    "export": transfer.export_and_import,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--runs", type=int, default=5, help="runs of each measurement; medians are shown (default 5)")
    parser.add_argument("--write", action="store_true", help="write bench/results.md too")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}")
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    progress = Console(stderr=True)
    rows: list[Number] = []
    with place.folder() as root:
        floor = machine.floor(root)
        for name, part in PARTS.items():
            if not given.parts or name in given.parts:
                progress.print(f"measuring {name} ...", style="dim")
                rows += _measured(part, root, given.runs, name)
    title = f"Cogmill, medians of {given.runs} runs"
    if given.write:
        _write(_table(rows, floor, title))
    return show(rows, floor, title)


def show(rows: list[Number], floor: dict[str, str], title: str) -> int:
    """Print the table; 1 when a target was missed."""
    Console(width=None if sys.stdout.isatty() else 200).print(_table(rows, floor, title))
    return int(any(row.is_met is False or (row.limit is not None and not row.values) for row in rows))


def _measured(part: Callable[[Path, int], list[Number]], root: Path, runs: int, name: str) -> list[Number]:
    """One part that fails is a row that says so; the others are measured all the same."""
    try:
        return part(root, runs)
    except Exception as error:
        return [Number(name, "", limit=0, note=f"failed: {type(error).__name__}: {str(error)[:300]}")]


def _table(rows: list[Number], floor: dict[str, str], title: str) -> Table:
    bare = "  ".join(f"{name}: {value}" for name, value in floor.items())
    table = Table(title=title, caption=f"This machine's floor: {bare}", title_justify="left")
    table.caption_justify = "left"
    table.add_column("number")
    table.add_column("target")
    table.add_column("measured  [least to most]")
    table.add_column("")
    table.add_column(PEER, max_width=26)
    colours = {"ok": "green", "MISSED": "bold red"}
    for row in rows:
        mark = row.mark or ("MISSED" if row.limit is not None else "")
        table.add_row(row.name, row.target, row.measured, f"[{colours.get(mark, '')}]{mark}" if mark else "", row.peer)
    return table


def _write(table: Table) -> None:
    target = Path(__file__).parent / "results.md"
    with target.open("w") as file:
        console = Console(file=file, width=170, no_color=True)
        day = datetime.now(UTC).strftime("%Y-%m-%d")
        console.print(f"# Results of {day}\n\nLinux {platform.machine()}, Python {platform.python_version()}.\n\n```")
        console.print(table)
        console.print("```")


if __name__ == "__main__":
    sys.exit(main())
