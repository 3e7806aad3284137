"""Tools on files: read with line numbers, write, edit by exact match, search."""

import difflib
import shlex

from cogmill.engine.agents.clipping import clip, cut_line
from cogmill.engine.agents.model.arguments import EditFile, ReadFile, Search, WriteFile
from cogmill.engine.agents.model.tools.seam import Tool, ToolProblem, base_folder, resolve
from cogmill.engine.agents.seam import Json, StepResult, Steps, Turn

_LINE = 2_000
_SEARCH_LINE = 300
_SKIPPED = (".git", "node_modules", ".venv", "__pycache__")


async def _text(turn: Turn, path: str) -> str:
    try:
        data = await turn.sandbox.read_file(path)
    except FileNotFoundError:
        raise ToolProblem(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise ToolProblem(f"{path} is a folder; list it with the shell.") from None
    except (PermissionError, ValueError) as problem:
        raise ToolProblem(f"{path} cannot be read: {problem}") from None
    if b"\0" in data[:8192]:
        raise ToolProblem(f"{path} is not a text file ({len(data)} bytes).")
    return data.decode("utf-8", errors="surrogateescape")


async def read_file(turn: Turn, _steps: Steps, asked: ReadFile) -> StepResult:
    path = resolve(turn.task, asked.path)
    lines = (await _text(turn, path)).encode("utf-8", "surrogateescape").decode("utf-8", "replace").splitlines()
    if asked.offset > max(len(lines), 1):
        raise ToolProblem(f"{path} has only {len(lines)} lines.")
    chosen = lines[asked.offset - 1 : asked.offset - 1 + asked.limit]
    numbered = [f"{n:>6}\t{cut_line(line, _LINE)}" for n, line in enumerate(chosen, asked.offset)]
    contents: Json = {"path": path, "offset": asked.offset, "lines": len(chosen), "total_lines": len(lines)}
    return StepResult({**contents, "text": "\n".join(numbered)}, summary=f"Read {path} ({len(chosen)} lines)")


def render_read(contents: Json) -> str:
    last = contents["offset"] + contents["lines"] - 1
    if not contents["lines"]:
        return f"{contents['path']} is empty."
    more = (
        f"\n[lines {contents['offset']}-{last} of {contents['total_lines']}]" if last < contents["total_lines"] else ""
    )
    return f"{contents['text']}{more}"


async def write_file(turn: Turn, _steps: Steps, asked: WriteFile) -> StepResult:
    path = resolve(turn.task, asked.path)
    try:
        await turn.sandbox.write_file(path, asked.content.encode("utf-8", "replace"))
    except (PermissionError, IsADirectoryError) as problem:
        raise ToolProblem(f"{path} cannot be written: {problem}") from None
    lines = len(asked.content.splitlines())
    return StepResult({"path": path, "lines": lines}, summary=f"Wrote {path} ({lines} lines)")


async def edit_file(turn: Turn, _steps: Steps, asked: EditFile) -> StepResult:
    path = resolve(turn.task, asked.path)
    before = await _text(turn, path)
    old, new = asked.old, asked.new
    if old == new:
        raise ToolProblem("`old` and `new` are the same text.")
    if old not in before and "\r\n" in before:
        # The file has Windows line ends, which the model does not see.
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    count = before.count(old)
    if count == 0:
        raise ToolProblem(f"`old` does not occur in {path}.{_nearest(before, asked.old)}")
    if count > 1 and not asked.replace_all:
        raise ToolProblem(
            f"`old` occurs {count} times in {path} (lines {_places(before, old)}). "
            "Give more lines around it to make it unique, or set replace_all."
        )
    after = before.replace(old, new)
    await turn.sandbox.write_file(path, after.encode("utf-8", "surrogateescape"))
    contents: Json = {"path": path, "replaced": count, "diff": clip(_diff(before, after, path), 8_000)}
    return StepResult(contents, summary=f"Edited {path}")


def _diff(before: str, after: str, path: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="", n=3)
    return "\n".join(lines).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _places(text: str, part: str, most: int = 10) -> str:
    places: list[str] = []
    at = text.find(part)
    while at >= 0 and len(places) < most:
        places.append(str(text.count("\n", 0, at) + 1))
        at = text.find(part, at + len(part))
    return ", ".join(places)


def _nearest(text: str, wanted: str) -> str:
    first = next((line.strip() for line in wanted.splitlines() if line.strip()), "")
    if not first:
        return " Read the file again; it must match exactly, white space included."
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    same = [str(n) for n, line in lines if line == first]
    if same:
        return f" Its first line stands at line {', '.join(same[:5])}, but indentation or the lines after it differ."
    close = difflib.get_close_matches(first, [line for _, line in lines[:5000] if line], n=1, cutoff=0.7)
    if close:
        number = next(n for n, line in lines if line == close[0])
        return f" The closest line is {number}: {close[0][:200]}"
    return " Read the file again; it must match exactly, white space included."


async def search(turn: Turn, _steps: Steps, asked: Search) -> StepResult:
    path = resolve(turn.task, asked.path)
    script = (
        f"if command -v rg >/dev/null 2>&1; then exec {shlex.join(_ripgrep(asked, path))}; "
        f"else exec {shlex.join(_grep(asked, path))}; fi"
    )
    done = await turn.sandbox.exec(["sh", "-c", script], timeout=60, max_output=1_000_000)
    if done.stopped:
        raise ToolProblem("The search took too long; narrow it with path or glob.")
    problem = done.stderr.decode(errors="replace").strip()
    if done.exit_code not in {0, 1} and not done.stdout:
        raise ToolProblem(problem or f"The search failed with exit code {done.exit_code}.")
    root = base_folder(turn.task) + "/"
    found = [
        cut_line(line, _SEARCH_LINE).removeprefix(root) for line in done.stdout.decode(errors="replace").splitlines()
    ]
    found.sort(key=_place)
    shown = found[: asked.limit]
    contents: Json = {"pattern": asked.pattern, "path": path, "matches": len(found), "text": "\n".join(shown)}
    return StepResult({**contents, "shown": len(shown)}, summary=f"Found {len(found)} lines for {asked.pattern}")


def _ripgrep(asked: Search, path: str) -> list[str]:
    argv = ["rg", "--line-number", "--no-heading", "--with-filename", "--color=never", "--hidden", "--glob=!.git"]
    argv += ["--ignore-case"] * asked.ignore_case + ["--fixed-strings"] * asked.fixed
    return [*argv, *([f"--glob={asked.glob}"] if asked.glob else []), "-e", asked.pattern, "--", path]


def _grep(asked: Search, path: str) -> list[str]:
    argv = ["grep", "-rnIH", "-F" if asked.fixed else "-E", *(f"--exclude-dir={name}" for name in _SKIPPED)]
    argv += ["-i"] * asked.ignore_case
    return [*argv, *([f"--include={asked.glob}"] if asked.glob else []), "-e", asked.pattern, "--", path]


def _place(line: str) -> tuple[str, int]:
    # Both searchers report in the order of the file system or of their threads; the log wants the same order twice.
    path, _, rest = line.partition(":")
    number = rest.partition(":")[0]
    return path, int(number) if number.isdigit() else 0


def render_search(contents: Json) -> str:
    if not contents["matches"]:
        return "No line matches."
    hidden = contents["matches"] - contents["shown"]
    more = f"\n[{hidden} more lines; narrow the search or raise limit]" if hidden else ""
    return f"{contents['text']}{more}"


FILE_TOOLS = (
    Tool(
        "read_file", "Read a text file. Lines are numbered; the numbers are not part of the file.",
        ReadFile, "file_read", "file", lambda a: f"Read {a.path}", read_file, render_read, effects=False,
    ),
    Tool(
        "write_file", "Create a file or replace it whole. Change existing files with edit_file instead.",
        WriteFile, "file_write", "file", lambda a: f"Write {a.path}", write_file,
        lambda c: f"Wrote {c['path']} ({c['lines']} lines).",
    ),
    Tool(
        "edit_file",
        "Replace text in a file. `old` must match exactly, white space included, and occur once, or set replace_all.",
        EditFile, "file_edit", "file", lambda a: f"Edit {a.path}", edit_file,
        lambda c: f"Edited {c['path']}, {c['replaced']} place(s):\n{c['diff']}", on_cut="report",
    ),
    Tool(
        "search", "Find lines that match a regular expression in the files below a folder.",
        Search, "search", "search", lambda a: f"Search for {a.pattern}", search, render_search, effects=False,
    ),
)  # fmt: skip
