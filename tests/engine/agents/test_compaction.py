"""Keeping the conversation within the window."""

import json
from decimal import Decimal

from cogmill.engine.agents.model.agent import ModelAgent
from cogmill.engine.agents.model.compaction import answer_limit, view
from cogmill.engine.agents.model.conversation import Conversation
from cogmill.engine.agents.model.wire import ModelSaid, ToolAnswer, UserText
from cogmill.engine.agents.seam import LogEvent, ModelSettings

from .conftest import PLAIN
from .provider import call


def log(steps: int, size: int, tokens: int = 0) -> list[LogEvent]:
    """A session of so many commands with outputs of so many characters."""
    events: list[LogEvent] = []

    def add(event_type, contents):
        events.append(LogEvent(len(events) + 1, f"e{len(events)}", event_type, "other", "outgoing", 0.0, contents))

    for number in range(1, steps + 1):
        parts = [{"part_kind": "tool-call", "tool_name": "shell", "tool_call_id": "same-id",
                  "args": json.dumps({"command": f"step {number}"})}]  # fmt: skip
        if number == 2:
            items = [{"text": "The plan", "status": "in_progress"}]
            parts.append(
                {"part_kind": "tool-call", "tool_name": "update_plan", "tool_call_id": "p", "args": {"items": items}}
            )
        usage = {"input_tokens": tokens}
        add("model_call_completed", {"response": {"parts": parts}, "usage": usage, "through": len(events), "ok": True})
        output = f"output {number} " + "x" * size
        add("shell_process_completed", {"tool": "shell", "call_key": f"call-{number}-1", "tool_call_id": "same-id",
                                        "output": output, "exit_code": 0, "ok": True})  # fmt: skip
        if number == 3:
            add("user_message", {"message": "Mind the gap."})
    return events


def rebuilt(events, window):
    conversation = Conversation.rebuild(PLAIN, events, answer_limit(window))
    for pending in conversation.pending():
        conversation.answer_control(pending)
    return conversation


def shown(events, window=20_000):
    return view(rebuilt(events, window), "THE TASK", "overhead", window, 1_000)


def test_short_conversations_are_whole():
    seen = shown(log(3, 100))
    assert seen.condensed == 0
    assert [type(item) for item in seen.items[:3]] == [UserText, ModelSaid, ToolAnswer]


def test_long_ones_keep_task_plan_and_recent_steps():
    seen = shown(log(60, 4_000))
    assert 0 < seen.condensed < 60
    assert seen.tokens < 15_000
    assert seen.items[0] == UserText("THE TASK")
    summary = seen.items[1].text
    for part in ("[in_progress] The plan", "Mind the gap.", '{"command": "step 7"} -> [exit code 0]'):
        assert part in summary
    assert seen.items[-1].text.startswith("output 60 ")
    assert len(seen.items[-1].text) > 1_000


def test_calls_and_results_stay_together_and_growth_is_steady():
    events = log(60, 4_000)
    boundaries = set()
    for steps in range(1, 61):
        until = next((i for i, e in enumerate(events) if e.contents.get("call_key") == f"call-{steps}-1"), None)
        seen = shown(events[: until + 1])
        assert seen == shown(list(events[: until + 1]))
        assert seen.tokens <= 15_000
        calls = sum(len(item.response["parts"]) for item in seen.items if isinstance(item, ModelSaid))
        assert calls == sum(isinstance(item, ToolAnswer) for item in seen.items)
        boundaries.add(seen.condensed)
    assert len(boundaries) < 15, "the boundary leaps, so that provider caches stay of use"


def test_reported_usage_corrects_the_estimate():
    assert shown(log(12, 4_000)).condensed == 0
    assert shown(log(12, 4_000, tokens=14_000)).condensed > 0


def test_one_huge_result_is_squeezed():
    seen = view(rebuilt(log(1, 50_000), 200_000), "task", "o" * 4_000, 4_000, 1_000)
    assert seen.tokens <= 3_100
    assert "characters left out" in seen.items[-1].text


async def test_agent_compacts_and_goes_on(world, provider):
    settings = ModelSettings(
        "openai:stub", provider.url, "key", Decimal(0), Decimal(0), context_tokens=10_000, max_output_tokens=500
    )  # fmt: skip
    provider.says(
        *[{"calls": [call("shell", command=f"seq 1000 | tr '\\n' ' '; echo {n}")], "usage": None} for n in range(12)]
    )
    provider.says({"text": "Done."})
    assert (await world.run(lambda: ModelAgent(settings))).outcome == "finished"
    sizes = [len(json.dumps(one)) // 4 for one in provider.requests]
    assert max(sizes) < 10_000
    assert "was condensed" in json.dumps(provider.requests[-1])
    assert provider.messages()[1]["content"].startswith("Do it.")
