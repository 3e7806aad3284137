"""Parsing of runbooks."""

import pytest

from cogmill.engine.agents.blocks import BlockError, has_blocks, parse, runbook_text

TEXT = """# Build

Some words with `sh` in them.

```sh
make all
```

## Test it

~~~bash timeout=5m allow-failure name=result retry=never title="x y"
make test
  echo done
~~~

```python
print("not mine")
```

- in a list:

  ```shell timeout=30
  ls
  ```
"""


def test_finds_blocks_with_titles_and_options():
    first, second, third = parse(TEXT)
    assert (first.title, first.command, first.line, first.timeout) == ("Build", "make all", 5, None)
    assert second.title == "Test it"
    assert second.command == "make test\n  echo done"
    assert (second.timeout, second.allow_failure, second.output_name, second.retry) == (300.0, True, "result", False)
    assert (third.command, third.timeout, third.retry) == ("ls", 30.0, True)


def test_block_without_heading_is_numbered():
    assert [block.title for block in parse("```sh\na\n```\n```sh\nb\n```")] == ["Block 1", "Block 2"]


@pytest.mark.parametrize("option", ["timeout=soon", "timeout=0", "name=a.b", "name=", "retry=maybe"])
def test_nonsense_option_is_named(option):
    with pytest.raises(BlockError, match="line 1"):
        parse(f"```sh {option}\nls\n```")


@pytest.mark.parametrize(
    ("text", "expected"),
    [(TEXT, True), ("Fix the bug.", False), (None, False), ("```python\nx\n```", False), ("```sh\n\n```", False),
     ("```sh timeout=x\nls\n```", True), ("```SH\nls\n```", True), ("    ls\n", False)],
)  # fmt: skip
def test_has_blocks(text, expected):
    assert has_blocks(text) is expected


@pytest.mark.parametrize(
    ("playbook", "prompt", "runs"),
    [(None, "p", "p"), ("Be careful.", TEXT, TEXT), (TEXT, "```sh\ntrue\n```", TEXT), ("Be careful.", "p", "p")],
)
def test_the_playbook_goes_first_if_it_has_blocks(playbook, prompt, runs):
    assert runbook_text(playbook, prompt) == runs
