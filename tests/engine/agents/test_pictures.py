"""Pictures that the user attached: which of them a request shows, and how they go to a provider."""

import base64
from decimal import Decimal

import pytest

from cogmill.engine.agents.model import pictures
from cogmill.engine.agents.model.agent import ModelAgent
from cogmill.engine.agents.model.retrying import RetryPolicy
from cogmill.engine.agents.model.wire import Picture, UserText
from cogmill.engine.agents.seam import Attachment, ModelSettings, Price

from .provider import call

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
ATTACHED = (
    Attachment("a.png", "/workspace/attachments/a.png", "image/PNG; x=1", "id-a", len(PNG)),
    Attachment("b.webp", "/workspace/attachments/b.webp", "image/webp", "id-gone", 10),
    Attachment("c.svg", "/workspace/attachments/c.svg", "image/svg+xml", "id-c", 10),
    Attachment("d.pdf", "/workspace/attachments/d.pdf", "application/pdf", "id-d", 10),
)


@pytest.fixture
def agent(provider, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.origin)
    retries = RetryPolicy(attempts=3, base=0.01, cap=0.02)

    def make(**changes) -> ModelAgent:
        known = {
            "name": "openai:stub", "base_url": provider.url, "api_key": "k-1", "input_usd_per_mtok": Decimal(3),
            "output_usd_per_mtok": Decimal(15),
        }  # fmt: skip
        return ModelAgent(ModelSettings(**(known | changes)), retries=retries)

    return make


async def test_anthropic_gets_the_bytes(world, provider, agent):
    world.asks("Look.", attachments=ATTACHED).files["id-a"] = PNG
    provider.says({"text": "Seen.", "calls": [call("shell", command="true")]}, {"text": "Done."})
    await world.run(lambda: agent(name="anthropic:claude-sonnet-5", base_url=None))
    for index in (0, 1):
        content = provider.messages(index)[0]["content"]
        (shown,) = [one for one in content if one["type"] == "image"]
        assert (shown["source"]["type"], shown["source"]["media_type"]) == ("base64", "image/png")
        assert base64.b64decode(shown["source"]["data"]) == PNG
        words = [one["text"] for one in content if one["type"] == "text"]
        assert words[1] == "/workspace/attachments/a.png:"
        assert "b.webp is not shown to you: what was uploaded is gone" in words[2]
        assert len(words) == 3  # the other files are only named
    assert world.journal.reserved[0] > Price(Decimal("0.3")).usd  # two pictures may be 100,000 tokens


@pytest.mark.parametrize(
    "refusal",
    [
        {"status": 400, "body": {"error": {"message": "stub is not a multimodal model"}}},
        {"status": 500, "body": {"error": {"message": "this model is missing data required for image input"}}},
    ],
)
async def test_a_model_that_takes_none_is_shown_none_from_then_on(world, provider, agent, refusal):
    world.asks("Look.", attachments=ATTACHED[:1]).files["id-a"] = PNG
    provider.says(refusal, {"text": "I cannot see it."})
    end = await world.run(agent)
    assert end.outcome == "finished", end.message
    world.journal.user("Then look at its size.")
    provider.says({"text": "14 bytes."})
    await world.run(agent)
    assert ["image_url" in str(provider.messages(index)) for index in range(3)] == [True, False, False]
    assert "a.png is not shown to you: the model refused a request with pictures" in str(provider.messages())
    # Another model is tried anew.
    world.journal.user("And now?")
    provider.says({"text": "A pixel."})
    await world.run(lambda: agent(name="openai:other"))
    assert "image_url" in str(provider.messages())


async def test_a_refusal_without_pictures_ends_the_turn_as_before(world, provider, agent):
    provider.says({"status": 400, "body": {"error": {"message": "no image here"}}})
    assert (await world.run(agent)).outcome == "failed"
    assert len(provider.requests) == 1


def test_of_many_the_newest_are_shown():
    def picture(number, size=10):
        return Picture(f"id-{number}", f"/workspace/{number}.png", "image/png", size)

    many = [UserText("Look."), *(picture(n) for n in range(pictures.MOST + 2))]
    shown = pictures.within_bounds(many, is_blind=False)
    assert shown[0] == many[0]
    assert "newer ones are" in shown[2].text
    assert shown[3:] == many[3:]
    heavy = [picture(n, pictures.MOST_BYTES) for n in range(6)]
    kept = [one for one in pictures.within_bounds(heavy, is_blind=False) if isinstance(one, Picture)]
    assert kept == heavy[-3:]
