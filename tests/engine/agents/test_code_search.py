"""The tool `code_search`: from an index where there is one, from the workspace where there is none."""

import pytest

from cogmill.engine.agents.model.agent import ModelAgent
from cogmill.engine.agents.seam import CodeHit, ModelSettings

from .provider import call

FILES = {"calc.py": "def add(a, b):\n    return a + b\n\nclass Adder:\n    pass\n", "notes.txt": "to add\n"}


@pytest.fixture
def agent(provider):
    return lambda: ModelAgent(
        ModelSettings("openai:stub", provider.url, "k", input_usd_per_mtok=1, output_usd_per_mtok=1)
    )


async def answers(world, provider, agent, *calls, index=None):
    world.repository(FILES).asks("Look.")
    provider.says({"calls": list(calls)}, {"calls": [call("finish", summary="Seen.")]})
    world.index = index
    await world.run(agent)
    return [one["content"] for one in provider.messages() if one["role"] == "tool"]


async def test_without_an_index_the_workspace_is_searched(world, provider, agent):
    symbols, text, none = await answers(
        world, provider, agent,
        call("code_search", query="add"), call("code_search", query="to add", kind="text"),
        call("code_search", query="nowhere_at_all"),
    )  # fmt: skip
    assert symbols == "calc.py:1:def add(a, b):\ncalc.py:4:class Adder:"
    assert text == "notes.txt:1:to add"
    assert none == "Nothing found."


async def test_with_an_index_it_tells_places_and_what_they_are_of(world, provider, agent):
    asked = []

    def index(query, kind):
        asked.append((query, kind))
        name = world.task.checkouts[0].name
        return [name], [CodeHit(name, "main", "a" * 40, "calc.py", 4, "class Adder:", "Adder", "class", "pkg")]

    (found,) = await answers(world, provider, agent, call("code_search", query="Adder"), index=index)
    path = world.task.checkouts[0].path
    assert asked == [("Adder", "symbols")]
    assert found.startswith(f"{path}/calc.py:4: class pkg.Adder: class Adder:\n[from the index of ")
    assert "main at aaaaaaaaaaaa; your own changes are not in it]" in found


async def test_a_text_that_is_too_short_is_refused_in_words(world, provider, agent):
    (told,) = await answers(world, provider, agent, call("code_search", query="ab", kind="text"))
    assert told == "error: A text to search for has at least 3 letters."
