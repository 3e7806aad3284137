"""The model agent against a provider on loopback: tools, retries, questions, structured output, crashes."""

import json
from decimal import Decimal

import pytest

from cogmill.engine.agents.model.agent import ModelAgent
from cogmill.engine.agents.model.retrying import RetryPolicy
from cogmill.engine.agents.seam import ModelSettings

from .provider import call

QUICK = RetryPolicy(attempts=3, base=0.01, cap=0.02)
SCHEMA = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}


@pytest.fixture
def agent(provider):
    def make(**changes) -> ModelAgent:
        known = {
            "name": "openai:stub", "base_url": provider.url, "api_key": "sk-verysecret123",
            "input_usd_per_mtok": Decimal(3), "output_usd_per_mtok": Decimal(15),
        }  # fmt: skip
        return ModelAgent(ModelSettings(**(known | changes)), retries=QUICK)

    return make


def tool_messages(provider, index: int = -1) -> list[str]:
    return [one["content"] for one in provider.messages(index) if one["role"] == "tool"]


async def test_fixes_a_file_and_opens_a_pull_request(world, provider, agent):
    world.repository({"calc.py": "def add(a, b):\n    return a - b\n"}).asks("Fix add.")
    provider.says(
        {"text": "I look first.", "calls": [call("read_file", path="calc.py"), call("search", pattern="def ")]},
        {"calls": [call("edit_file", path="calc.py", old="a - b", new="a + b")]},
        {"calls": [call("shell", command="cd calc && python3 -c 'from calc import add; print(add(1, 2))'")]},
        {"calls": [call("git_status"), call("git_diff"), call("git_commit", message="Fix add")]},
        {"calls": [call("git_push"), call("open_pull_request", title="Fix add", body="It subtracted.")]},
        {"calls": [call("finish", summary="add adds now.")]},
    )
    end = await world.run(agent)
    assert end.outcome == "finished"
    assert world.journal.said == ["add adds now."]
    assert world.git("show", "HEAD:calc.py") == "def add(a, b):\n    return a + b"
    read, found = tool_messages(provider, 1)
    assert read == "     1\tdef add(a, b):\n     2\t    return a - b"
    assert found == "calc.py:1:def add(a, b):"
    assert tool_messages(provider, 3)[-1] == "3\n[exit code 0]"
    status, diff, commit = tool_messages(provider, 4)[-3:]
    assert "M calc.py" in status
    assert "+    return a + b" in diff
    assert commit.startswith("Committed ")
    (opened,) = world.journal.of_type("pull_request_completed")
    assert (opened["number"], opened["pr_title"], opened["branch"]) == (1, "Fix add", "devin/work")
    first = world.journal.of_type("model_call_completed")[0]
    assert (first["usage"], first["usd"]) == ({"input_tokens": 100, "output_tokens": 10}, "0.00045")
    assert first["prompt_version"] == "2"
    assert world.journal.spent == Decimal("0.0027")
    assert min(world.journal.reserved) > Decimal("0.12")  # 8192 output tokens and the prompt
    assert "".join(world.turns[0].output).startswith("I look first.")
    system = provider.messages(0)[0]
    assert system["role"] == "system"
    assert "/workspace/calc on branch devin/work" in system["content"]
    assert provider.requests[0]["stream"] is True
    assert provider.headers[0]["authorization"] == "Bearer sk-verysecret123"


async def test_plain_text_ends_the_turn_and_a_message_goes_on(world, provider, agent):
    provider.says({"text": "Hello."}, {"text": "Again."})
    assert (await world.run(agent)).outcome == "finished"
    assert (await world.run(agent)).outcome == "finished"  # woken without a message
    assert world.journal.said == ["Hello. ".strip()]
    world.journal.user("And now?")
    assert (await world.run(agent)).outcome == "finished"
    assert world.journal.said[-1] == "Again."
    roles = [(one["role"], one["content"].strip()) for one in provider.messages() if one["role"] != "system"]
    assert roles == [("user", "Do it."), ("assistant", "Hello."), ("user", "And now?")]


async def test_retries_then_succeeds(world, provider, agent):
    limited = {"status": 429, "headers": {"Retry-After": "0"}, "body": {"error": {"message": "slow down"}}}
    provider.says(limited, {"status": 503}, {"text": "There."})
    assert (await world.run(agent)).outcome == "finished"
    assert len(provider.requests) == 3
    assert len(world.journal.of_type("model_call_completed")) == 1
    assert "Trying again" in "".join(world.turns[0].output)


async def test_gives_up_and_can_be_resumed(world, provider, agent):
    provider.says({"status": 500}, {"status": 500}, {"drop": True})
    end = await world.run(agent)
    assert (end.outcome, end.resumable) == ("failed", True)
    assert "Given up after 3 attempts" in end.message
    assert "resume the session" in end.message
    provider.says({"text": "Back."})
    assert (await world.run(agent)).outcome == "finished"
    assert world.journal.said == ["Back."]


async def test_provider_that_asks_for_a_long_wait_is_given_up(world, provider, agent):
    provider.says({"status": 429, "headers": {"Retry-After": "3600"}})
    end = await world.run(agent)
    assert "asks to wait 3600 seconds" in end.message
    assert len(provider.requests) == 1


async def test_refused_key_is_reported_at_once_and_not_shown(world, provider, agent):
    said = {"error": {"message": "Incorrect API key provided: sk-verysecret123", "code": "invalid_api_key"}}
    provider.says({"status": 401, "body": said})
    end = await world.run(agent)
    assert end.outcome == "failed"
    assert "COGMILL_MODEL_API_KEY" in end.message
    assert len(provider.requests) == 1
    assert "verysecret" not in end.message + str(world.journal.events)


async def test_missing_key_names_the_variable(world, agent, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    end = await world.run(lambda: agent(name="anthropic:claude-sonnet-5", base_url=None, api_key=None))
    assert end.outcome == "failed"
    assert "ANTHROPIC_API_KEY" in end.message


async def test_question_waits_for_the_user(world, provider, agent):
    provider.says({"calls": [call("ask_user", question="Which one?")]}, {"text": "Left it is."})
    assert (await world.run(agent)).outcome == "waiting_for_user"
    assert (await world.run(agent)).outcome == "waiting_for_user"
    assert world.journal.said == ["Which one?"]
    world.journal.user("The left one.")
    assert (await world.run(agent)).outcome == "finished"
    last = provider.messages()
    assert [one["role"] for one in last[-3:]] == ["assistant", "tool", "user"]
    assert last[-1]["content"] == "The left one."


async def test_message_in_mid_turn_comes_before_the_next_request(world, provider, agent):
    world.journal.arriving = [(3, "Hurry.")]
    provider.says({"calls": [call("shell", command="true")]}, {"text": "Done."})
    assert (await world.run(agent)).outcome == "finished"
    assert provider.messages()[-1] == {"role": "user", "content": "Hurry."}
    provider.says({"text": "Yes?"})
    world.journal.user("You there?")
    await world.run(agent)
    said = [one["content"] for one in provider.messages() if one["role"] == "user"]
    assert said == ["Do it.", "Hurry.", "You there?"]


async def test_message_during_the_last_answer_is_not_lost(world, provider, agent):
    world.journal.arriving = [(2, "One more thing.")]
    provider.says({"text": "Done."}, {"text": "That too."})
    assert (await world.run(agent)).outcome == "finished"
    assert world.journal.said == ["Done.", "That too."]


async def test_structured_output_is_validated_and_demanded(world, provider, agent):
    world.asks("Count.", structured_output_schema=SCHEMA, structured_output_required=True)
    provider.says(
        {"calls": [call("finish", summary="Early.")]},
        {"text": "I am done."},
        {"calls": [call("structured_output", output={"count": "many"})]},
        {"calls": [call("structured_output", output={"count": 3}), call("finish", summary="Three.")]},
    )
    assert (await world.run(agent)).outcome == "finished"
    assert world.journal.structured == {"count": 3}
    assert world.journal.said == ["Three."]
    assert tool_messages(provider, 1) == ["error: Not finished: This session needs structured output: call "
                                          "structured_output first, then finish."]  # fmt: skip
    assert "needs structured output" in provider.messages(2)[-1]["content"]
    assert "'many' is not of type 'integer'" in tool_messages(provider, 3)[-1]
    assert (await world.run(agent)).outcome == "finished"
    assert len(world.journal.of_type("structured_output_updated")) == 1


async def test_endless_misbehaviour_ends(world, provider, agent):
    world.asks("Count.", structured_output_schema=SCHEMA, structured_output_required=True)
    provider.says(*[{"text": "Done."}] * 10)
    end = await world.run(agent)
    assert (end.outcome, len(provider.requests)) == ("failed", 4)
    world.journal.user("Try again.")
    assert (await world.run(agent)).outcome == "failed"
    assert len(provider.requests) == 8


async def test_number_of_requests_is_bounded(world, provider, agent):
    provider.says(*[{"calls": [call("shell", command="true")]}] * 10)
    end = await world.run(lambda: agent(max_turn_requests=3))
    assert (end.outcome, len(provider.requests)) == ("failed", 3)


async def test_bad_calls_are_answered_and_the_turn_goes_on(world, provider, agent):
    world.repository({"a.txt": "one\none\n"})
    broken = {"name": "shell", "arguments": '{"command": "ls'}
    provider.says(
        {"calls": [call("fly"), call("shell"), broken, call("read_file", path="none.txt")]},
        {"calls": [call("edit_file", path="a.txt", old="one", new="two"), call("git_commit", message="x"),
                   call("finish", summary="Done.")]},
        {"text": ""},
        {"calls": [call("finish", summary="Nothing.")]},
    )  # fmt: skip
    assert (await world.run(agent)).outcome == "finished"
    unknown, missing, invalid, absent = tool_messages(provider, 1)
    assert "no tool fly" in unknown
    assert "command: Field required" in missing
    assert "not valid JSON" in invalid
    assert absent == "error: /workspace/calc/none.txt does not exist."
    twice, nothing, finish = tool_messages(provider, 2)[-3:]
    assert "occurs 2 times" in twice
    assert "(lines 1, 2)" in twice
    assert nothing == "error: There is nothing to commit."
    assert finish.startswith("error: Not finished: edit_file failed")
    assert "was empty" in provider.messages(3)[-1]["content"]
    assert world.journal.said == ["Nothing."]


async def test_jobs_and_plan(world, provider, agent):
    items = [{"text": "Serve", "status": "in_progress"}, {"text": "Stop"}]
    provider.says(
        {"calls": [call("update_plan", items=items), call("shell", command="echo up; sleep 60", background=True)]},
        {"calls": [call("shell", command="sleep 0.2"), call("job_output", job_id="job-1")]},
        {"calls": [call("job_stop", job_id="job-1"), call("job_output", job_id="nope")]},
        {"text": "Done."},
    )
    assert (await world.run(agent)).outcome == "finished"
    (todo,) = world.journal.of_type("todo_updated")
    assert todo["items"] == [items[0], {"text": "Stop", "status": "pending"}]
    assert tool_messages(provider, 2)[-1] == "[job job-1 is running]\nup"
    assert tool_messages(provider, 3)[-2] == "[job job-1 is stopped]\nup"
    assert "no job nope" in tool_messages(provider, 3)[-1]


async def test_every_crash_point_continues(worlds, provider, agent):
    script = [
        {
            "text": "Go.",
            "calls": [call("shell", command="echo x >> log"), call("write_file", path="b.txt", content="b")],
        },
        {"calls": [call("update_plan", items=[{"text": "Look"}]), call("read_file", path="log")]},
        {"calls": [call("finish", summary="Done.")]},
    ]

    async def session(crash: int | None):
        one = worlds()
        one.journal.crash_at = crash
        provider.script, provider.by_progress = script, True
        provider.requests.clear()
        end = await one.run(agent)
        assert end.outcome == "finished", crash
        return one

    points = (await session(None)).journal.points
    for crash in range(1, points + 1):
        one = await session(crash)
        assert max(one.journal.finished.values()) == 1
        cut_in_request = len(provider.requests) - 3
        assert cut_in_request in {0, 1}
        assert one.journal.ran["call-1-1"] <= 1, "an effectful tool is never repeated"
        assert one.journal.said == ["Done."]
        told = "interrupted: the server stopped" in str(provider.messages(-1))
        assert told or (one.root / "workspace/log").read_text() == "x\n"
        assert (one.root / "workspace/b.txt").read_text() == "b"
        assert len(one.journal.of_type("todo_updated")) == 1


async def test_finished_answers_are_not_asked_for_again(worlds, provider, agent):
    one = worlds()
    one.journal.crash_at = 6  # right behind the first answer of the model
    provider.says({"calls": [call("shell", command="true")]}, {"text": "Done."})
    await one.run(agent)
    assert len(provider.requests) == 2


async def test_anthropic(world, provider, agent, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.origin)
    provider.says({"text": "Look.", "calls": [call("shell", command="echo hi")]}, {"text": "Done."})
    end = await world.run(lambda: agent(name="anthropic:claude-sonnet-5", base_url=None))
    assert end.outcome == "finished", end.message
    result = provider.messages()[-1]["content"][0]
    assert (result["type"], result["tool_use_id"]) == ("tool_result", "toolu_1_1")
    usage = world.journal.of_type("model_call_completed")[0]["usage"]
    assert (usage["input_tokens"], usage["cache_read_tokens"], usage["output_tokens"]) == (150, 50, 20)


async def test_missing_usage_is_estimated(world, provider, agent):
    provider.says({"text": "Hello there, this is an answer.", "usage": None})
    await world.run(agent)
    usage = world.journal.of_type("model_call_completed")[0]["usage"]
    assert usage["estimated"] is True
    assert usage["input_tokens"] > 1000


async def test_logged_prompt_is_not_heard_twice(world, provider, agent):
    world.asks("Use token abc.")
    world.journal.append("session_created", "lifecycle", "incoming", {})
    world.journal.user("Use token [secret TOKEN].")
    provider.says({"text": "Done."})
    await world.run(agent)
    assert [one["content"] for one in provider.messages() if one["role"] == "user"] == ["Use token abc."]


async def test_an_answer_that_breaks_off_is_no_answer_and_its_cost_is_booked(world, provider, agent):
    provider.says({"text": "I am nearly", "cut": 3}, {"text": "Done."})
    assert (await world.run(agent)).outcome == "finished"
    assert world.journal.said == ["Done."]
    broken, whole = world.journal.of_type("model_call_completed")
    assert (broken["failure"], broken["ok"]) == ("broken_off", False)
    assert Decimal(broken["usd"]) > Decimal("0.003")
    assert world.journal.spent == Decimal(broken["usd"]) + Decimal(whole["usd"])
    provider.says(*[{"text": "I am nearly", "cut": 3}] * 9)
    world.journal.user("And?")
    end = await world.run(agent)
    assert (end.outcome, len(provider.requests)) == ("failed", 5)
    assert "broke off" in end.message


async def test_an_answer_that_was_too_long_goes_on(world, provider, agent):
    def cut(**delta):
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
        parts = [({"role": "assistant", **delta}, None), ({}, "length")]
        choices = [[{"index": 0, "delta": one, "finish_reason": why}] for one, why in parts]
        return {"raw": "".join(f"data: {json.dumps({**chunk, 'choices': one})}\n\n" for one in choices)}

    half = {"name": "write_file", "arguments": '{"path": "a.txt", "content": "abc'}
    provider.says(
        cut(content="First I shall"),
        cut(tool_calls=[{"index": 0, "id": "x", "type": "function", "function": half}]),
        {"text": "Done."},
    )
    assert (await world.run(agent)).outcome == "finished"
    assert world.journal.said == ["Done."]
    assert "too long" in provider.messages(1)[-1]["content"]
    assert "do it in smaller parts" in tool_messages(provider)[-1]
    assert not (world.root / "workspace/a.txt").exists()


async def test_a_request_that_is_too_long_is_shortened_for_good(world, provider, agent):
    refused = {"error": {"message": "maximum context length exceeded", "code": "context_length_exceeded"}}
    provider.says(*[{"calls": [call("shell", command="seq 1 3000")], "usage": None}] * 4)
    provider.says({"status": 400, "body": refused}, {"calls": [call("shell", command="true")]}, {"text": "Done."})
    assert (await world.run(agent)).outcome == "finished"
    sizes = [len(json.dumps(request)) for request in provider.requests]
    assert sizes[5] < 0.8 * sizes[4]
    assert sizes[6] < sizes[4]
    provider.says(*[{"status": 400, "body": refused}] * 9)
    world.journal.user("More.")
    end = await world.run(agent)
    assert end.outcome == "failed"
    assert "COGMILL_MODEL_CONTEXT_TOKENS" in end.message
    assert len(provider.requests) <= 10


async def test_small_windows_get_short_answers(world, provider, agent):
    provider.says({"text": "Done."})
    await world.run(lambda: agent(context_tokens=8_000))
    assert provider.requests[0]["max_completion_tokens"] == 4_000


async def test_worst_case_counts_what_no_one_has_counted_by_its_bytes(world, provider, agent):
    world.asks("\u7a0b" * 20_000)  # a token or more for each of these characters
    provider.says({"calls": [call("shell", command="true")], "usage": (26_000, 10)}, {"text": "Done."})
    await world.run(agent)
    assert world.journal.reserved[0] > Decimal("0.12") + Decimal(60_000 * 3) / 1_000_000
    assert world.journal.reserved[1] > Decimal("0.12") + Decimal(26_000 * 3) / 1_000_000


async def test_commit_leaves_caches_out_unless_they_are_named(world, provider, agent):
    world.repository({"a.py": "x = 1\n"})
    make = (
        "mkdir -p calc/__pycache__ calc/sub/node_modules && cd calc && touch __pycache__/a.pyc sub/node_modules/m new"
    )
    provider.says(
        {"calls": [call("shell", command=make), call("git_commit", message="New")]},
        {"calls": [call("git_commit", message="Pyc", paths=["__pycache__/a.pyc"])]},
        {"calls": [call("shell", command="echo 2 > __pycache__/a.pyc; rm a.py"), call("git_commit", message="All")]},
        {"text": "Done."},
    )
    await world.run(agent)
    assert [one["files"] for one in world.journal.of_type("git_commit_completed")] == [
        ["new"], ["__pycache__/a.pyc"], ["__pycache__/a.pyc", "a.py"],
    ]  # fmt: skip
