"""Languages that the index understands: their files, their grammars, and what counts as a definition in them."""

import importlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from tree_sitter import Language, Parser, Query


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where a grammar comes from, and the query over its trees (`queries/<query>.scm`)."""

    module: str
    query: str
    function: str = "language"


GRAMMARS = {
    "bash": Grammar("tree_sitter_bash", "bash"),
    "c": Grammar("tree_sitter_c", "c"),
    "cpp": Grammar("tree_sitter_cpp", "cpp"),
    "csharp": Grammar("tree_sitter_c_sharp", "csharp"),
    "go": Grammar("tree_sitter_go", "go"),
    "java": Grammar("tree_sitter_java", "java"),
    "javascript": Grammar("tree_sitter_javascript", "javascript"),
    "php": Grammar("tree_sitter_php", "php", "language_php"),
    "python": Grammar("tree_sitter_python", "python"),
    "ruby": Grammar("tree_sitter_ruby", "ruby"),
    "rust": Grammar("tree_sitter_rust", "rust"),
    "tsx": Grammar("tree_sitter_typescript", "typescript", "language_tsx"),
    "typescript": Grammar("tree_sitter_typescript", "typescript", "language_typescript"),
}
"""Languages with symbols."""

ENDINGS = {
    "bash": "sh bash", "c": "c h", "cpp": "cc cpp cxx c++ hh hpp hxx h++ ipp tpp", "csharp": "cs", "go": "go",
    "java": "java", "javascript": "js jsx mjs cjs", "php": "php", "python": "py pyi pyw", "ruby": "rb rake gemspec",
    "rust": "rs", "tsx": "tsx", "typescript": "ts mts cts",
    "css": "css scss less", "html": "html htm", "json": "json", "kotlin": "kt kts", "markdown": "md", "sql": "sql",
    "swift": "swift", "toml": "toml", "yaml": "yaml yml",
}  # fmt: skip
BY_ENDING = {f".{ending}": name for name, endings in ENDINGS.items() for ending in endings.split()}
BY_NAME = {"Rakefile": "ruby", "Gemfile": "ruby", "Vagrantfile": "ruby", ".bashrc": "bash", ".profile": "bash"}
NAMES = tuple(sorted(ENDINGS))


def language_of(path: str) -> str:
    """The language that a file's name tells; empty when it tells none."""
    name = PurePosixPath(path)
    return BY_NAME.get(name.name) or BY_ENDING.get(name.suffix.lower(), "")


@cache
def tools_of(language: str) -> tuple[Parser, Query]:
    """Parser and query of a language with symbols; grammars are loaded when first needed."""
    grammar = GRAMMARS[language]
    made: Any = importlib.import_module(grammar.module)
    loaded = Language(getattr(made, grammar.function)())
    text = files("cogmill.code_index").joinpath(f"queries/{grammar.query}.scm").read_text("utf-8")
    return Parser(loaded), Query(loaded, text)
