"""Blueprints are read strictly; each mistake names its line and what to write instead."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogmill.domain.blueprints.form import LONGEST, Form, Malformed, Note, Step, parse

pytestmark = pytest.mark.one_database


def test_every_section_in_both_forms():
    text = """
runs-on: default
initialize: |
  one
  two
maintenance:
  - three
  - name: Four
    run: four
    env: {COUNT: 4, WORD: "x"}
post-build: check
knowledge:
  - name: lint
    contents: make lint
"""
    assert parse(text, "org") == Form(
        [Step("initialize", "one\ntwo\n")],
        [Step("maintenance step 1", "three"), Step("Four", "four", {"COUNT": "4", "WORD": "x"})],
        [Step("post-build", "check")],
        [Note("lint", "make lint")],
    )
    assert parse("clone: {branch: develop}", "repo").branch == "develop"


@pytest.mark.parametrize("text", ["", "# nothing yet", "initialize:", "initialize: ''\nknowledge: []", "---\n"])
def test_a_blank_one_is_empty(text):
    assert parse(text, "repo") == Form()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("initialise: x", "line 1: The blueprint: 'initialise' is unknown. Known: initialize, maintenance"),
        ("initialize: x\ninitialize: y", "line 2: The blueprint: initialize is there twice."),
        ("- a", "line 1: The blueprint must be a mapping of names to values, not a list."),
        ("initialize: 3", "line 1: initialize must be a text, not a number; put it in quotes."),
        ("initialize: {run: x}", "line 1: initialize must be a text or a list, not a mapping."),
        ("initialize:\n  - name: A", "line 2: initialize step 1: run is missing: the script of the step."),
        ("initialize:\n  - uses: a/b@v1", "line 2: initialize step 1: uses (a prepared action) is not supported"),
        ("initialize:\n  - {run: x, if: y}", "line 2: initialize step 1: 'if' is unknown. Known: name, run, env"),
        ("initialize:\n  - {run: x, env: {a-b: c}}", "line 2: initialize step 1: env: 'a-b' cannot be a variable"),
        ("initialize:\n  - {run: x, env: {A: [1]}}", "line 2: initialize step 1: env: A must be a text, not a list"),
        ("initialize: [yes]", "line 1: initialize step 1 must be a text, not true or false"),
        ("knowledge:\n  - name: lint", "line 2: knowledge entry 1: contents is missing."),
        ("runs-on: windows", "line 1: runs-on: known are default, linux."),
        ("initialize: x\n---\ninitialize: y", "line 3: one document only"),
        ("initialize: 'x", "not valid YAML"),
        ("initialize: *a", "line 1, column 13: not valid YAML: found undefined alias"),
        (
            'initialize:\n  - {name: "\\ud800", run: x}',
            "line 2: initialize step 1: name must not hold half of a surrogate",
        ),
        ('knowledge: "\\udfff"', "line 1: knowledge must not hold half of a surrogate"),
        ("clone: {branch: x}", "line 1: clone belongs into the blueprint of a repository."),
        ("[" * 5000, "not valid YAML"),
        ("#" * (LONGEST + 1), f"A blueprint may have at most {LONGEST} bytes."),
    ],
)
def test_mistakes_are_told(text, said):
    with pytest.raises(Malformed) as told:
        parse(text, "org")
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("post-build: x", "line 1: post-build belongs into the blueprint of the organization or enterprise."),
        ("clone: {branch: -x}", "line 1: clone: branch: '-x' cannot be the name of a branch."),
        ("clone: {depth: 1}", "line 1: clone: 'depth' is unknown. Known: branch."),
    ],
)
def test_what_repositories_may_not_say(text, said):
    with pytest.raises(Malformed) as told:
        parse(text, "repo")
    assert said in str(told.value)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused(text):
    with suppress(Malformed):
        parse(text, "org")
