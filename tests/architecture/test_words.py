"""What files say: every module tells what it is for; nothing names a machine or claims to be somebody else."""

import ast
import re

from tests.architecture.sources import PACKAGE, ROOT, kept_files, sources

# Put together from parts, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile("|".join((r"(?<![\w.{])/" + r"work/", r"/" + r"Users/\w", r"/root/" + r"\.\w")))
CLAIMS = re.compile(
    "|".join(
        (r"\b(?:I am|I'm|you are|this is|it is|cogmill is|agent is) " + r"Devin\b", r"\bas " + r"Devin, (?:I|you)\b")
    )
)
NOT_TEXT = {".png", ".ico", ".woff2", ".gz", ".svg", ".lock"}


def texts():
    for path in kept_files():
        if path.suffix not in NOT_TEXT:
            yield path.relative_to(ROOT).as_posix(), path.read_text(errors="replace")


def test_every_module_and_package_has_one_line_that_says_what_it_is():
    bare = []
    for one in sources():
        said = ast.get_docstring(one.tree)
        if said is None or not said.splitlines()[0].endswith((".", ":")) or len(said.splitlines()[0]) < 10:
            bare.append(one.name)
    assert bare == []


def test_every_folder_with_modules_is_a_package():
    folders = {one.path.parent for one in sources()}
    assert {folder for folder in folders if not (folder / "__init__.py").exists()} == set()
    assert PACKAGE in folders


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    assert [name for name, text in texts() if MACHINE_PATHS.search(text)] == []


def test_nothing_claims_to_be_devin():
    assert [name for name, text in texts() if CLAIMS.search(text)] == []


def test_the_readme_says_whose_it_is_not():
    assert "not affiliated" in (ROOT / "README.md").read_text()
