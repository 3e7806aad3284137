"""The tool that searches code: the repositories' indexes, or the workspace where there are none."""

import re

from cogmill.engine.agents.model.arguments import CodeSearch, Search
from cogmill.engine.agents.model.tools.files import search
from cogmill.engine.agents.model.tools.seam import Tool, ToolProblem
from cogmill.engine.agents.seam import Checkout, CodeHit, Json, StepResult, Steps, Turn

_DEFINES = (
    r"(class|def|func|fn|function|interface|struct|enum|trait|type|module|namespace|const|let|var|impl|macro_rules!)"
    r"[[:space:]]+[A-Za-z0-9_:.]*"
)
"""What stands before a name where it is defined, in most languages; for searching without an index."""


async def code_search(turn: Turn, steps: Steps, asked: CodeSearch) -> StepResult:
    if asked.kind == "text" and len(asked.query) < 3:
        raise ToolProblem("A text to search for has at least 3 letters.")
    indexed, hits = await turn.search_code(
        asked.query, asked.kind, path=asked.path, language=asked.language, limit=asked.limit
    )
    missing = [one for one in turn.task.checkouts if one.name not in indexed]
    if not indexed:
        return await _without_index(turn, steps, asked)
    roots = {one.name: one for one in turn.task.checkouts}
    lines = [_line(one, roots[one.repository]) for one in hits]
    commits = sorted({f"{one.repository} {one.branch} at {one.commit[:12]}" for one in hits})
    contents: Json = {
        "query": asked.query, "kind": asked.kind, "matches": len(lines), "text": "\n".join(lines), "index": commits,
        "not_indexed": [one.name for one in missing],
    }  # fmt: skip
    return StepResult(contents, summary=f"Found {len(lines)} {asked.kind} for {asked.query}")


def _line(hit: CodeHit, checkout: Checkout) -> str:
    place = f"{checkout.path}/{hit.path}:{hit.line}"
    if hit.name is None:
        return f"{place}: {hit.text.strip()}"
    full = f"{hit.container}.{hit.name}" if hit.container else hit.name
    return f"{place}: {hit.kind} {full}: {hit.text.strip()}"


async def _without_index(turn: Turn, steps: Steps, asked: CodeSearch) -> StepResult:
    """The ordinary search in the files of the workspace."""
    pattern = re.sub(r"([\\.^$*+?()\[\]{}|])", r"\\\1", asked.query)
    if asked.kind == "symbols":
        pattern = _DEFINES + pattern
    plain = Search(pattern=pattern, path=".", glob=asked.path, ignore_case=True, limit=asked.limit)
    found = await search(turn, steps, plain)
    contents: Json = {
        "query": asked.query, "kind": asked.kind, "matches": found.contents["shown"], "text": found.contents["text"],
        "index": [], "not_indexed": [one.name for one in turn.task.checkouts],
    }  # fmt: skip
    return StepResult(contents, summary=f"Found {found.contents['shown']} lines for {asked.query} without an index")


def render_code_search(contents: Json) -> str:
    found = contents["text"] or "Nothing found."
    if contents["index"]:
        found += f"\n[from the index of {', '.join(contents['index'])}; your own changes are not in it]"
    if contents["not_indexed"] and contents["index"]:
        found += f"\n[not indexed, use search: {', '.join(contents['not_indexed'])}]"
    return found


CODE_TOOLS = (
    Tool(
        "code_search",
        "Find where something is defined (kind=symbols: functions, classes, … by name or its part) or which lines "
        "hold a text (kind=text), in whole repositories at once. Faster than search; knows what is pushed.",
        CodeSearch, "code_search", "search", lambda a: f"Search code for {a.query}", code_search, render_code_search,
        effects=False,
    ),
)  # fmt: skip
