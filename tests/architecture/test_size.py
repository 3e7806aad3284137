"""Ceilings: files, functions, handlers and test files stay readable in one go."""

from tests.architecture.sources import ROOT, length, sources

DATA_FILES = {"api/table.py"}
"""Tables of data, one row a line: length says nothing about them."""


def test_files_have_at_most_400_lines():
    found = {
        one.name: one.lines
        for one in sources()
        if one.lines > 400 and one.name not in DATA_FILES and not one.name.startswith("migrations/versions/")
    }
    assert found == {}


def test_functions_have_at_most_50_lines():
    found = {
        f"{one.name}:{function.name}": length(function)
        for one in sources()
        if not one.name.startswith("migrations/versions/")
        for function in one.functions()
        if length(function) > 50
    }
    assert found == {}


def test_handlers_have_at_most_12_lines():
    found = {
        f"{one.name}:{function.name}": length(function)
        for one in sources()
        if one.name.startswith("domain/") and one.name.endswith("/endpoints.py")
        for function in one.functions()
        if length(function) > 12
    }
    assert found == {}


def test_test_files_have_at_most_600_lines():
    files = (ROOT / "tests").rglob("*.py")
    assert {path.name: n for path in files if (n := len(path.read_text().splitlines())) > 600} == {}


def test_there_is_something_to_measure():
    assert len(sources()) > 100
    assert sum(1 for one in sources() for _ in one.functions()) > 500
