"""Conventional sections of playbooks: what a runbook carries out, and what a model is told of them."""

import pytest

from cogmill.engine.agents.blocks import parse
from cogmill.engine.agents.playbook_sections import MEANING, rules_of, section_of

PLAYBOOK = """# Release

## Required from User
A version, as in:
```sh
echo required
```

## Procedure
### Test
```sh
echo test
```
### Tag
```sh
echo tag
```

## Specifications
```sh
echo specification
```

## Advice
### Where it hangs
```sh
echo advice
```

## Forbidden Actions
```sh
rm -rf everything
```

## After that
```sh
echo after
```
"""


def test_a_runbook_carries_out_steps_only():
    assert [block.command for block in parse(PLAYBOOK)] == ["echo test", "echo tag", "echo after"]
    assert [block.title for block in parse(PLAYBOOK)] == ["Test", "Tag", "After that"]


def test_a_section_inside_another_ends_with_it():
    text = "# A\n## Advice\n```sh\nno\n```\n# B\n```sh\nyes\n```\n"
    assert [block.command for block in parse(text)] == ["yes"]


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("Procedure", "procedure"), ("FORBIDDEN ACTIONS", "forbidden actions"),
        ("Forbidden actions:", "forbidden actions"),
        ("Advice & Pointers", "advice"), ("What's Needed From User", "required from user"),
        ("Required-from-User", "required from user"), ("Specifications of the engine", None), ("", None),
    ],
)  # fmt: skip
def test_headings(heading, section):
    assert section_of(heading) == section


def test_a_model_is_told_what_the_sections_ask():
    assert rules_of(PLAYBOOK) == list(MEANING.values())
    assert rules_of("## Procedure\n1. Go.\n") == [MEANING["procedure"]]
    assert rules_of("Just do it. # Advice is good") == []
