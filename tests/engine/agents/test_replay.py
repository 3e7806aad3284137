"""Replaying recorded conversations, and the demo that is one."""

import json
from dataclasses import replace

from cogmill import demo
from cogmill.engine.agents.replay import ReplayAgent, record, same

from . import demo_words


def recorded(tmp_path, *turns, prompt="Do it."):
    made = []
    for number, calls in enumerate(turns, 1):
        parts = [
            {"part_kind": "tool-call", "tool_name": name, "args": args, "tool_call_id": f"c{number}_{index}"}
            for index, (name, args, _) in enumerate(calls)
        ]
        results = {f"c{number}_{i}": text for i, (_, _, text) in enumerate(calls) if text is not None}
        made.append({"response": {"kind": "response", "parts": parts}, "tool_results": results})
    path = tmp_path / "recording.json"
    path.write_text(json.dumps({"format": "cogmill-recording", "version": 1, "model": "m", "prompt": prompt,
                                "turns": made}))  # fmt: skip
    return path


async def test_demo_fixes_the_bug_as_recorded(tmp_path):
    journal, sandbox = await demo_words.play(tmp_path / "session", demo.RECORDING)
    assert journal.of_type("replay_divergence") == []
    (said,) = journal.said
    assert "come from a recording" in said
    tests = [one for one in journal.of_type("shell_process_completed") if "unittest" in one["command"]]
    assert ["FAILED (failures=1)" in tests[0]["output"], tests[0]["ok"]] == [True, False]
    assert tests[1]["ok"]
    assert tests[1]["output"].endswith("OK\n")
    assert len(journal.of_type("pull_request_completed")) == 1
    assert journal.spent == 0
    again = record(journal.events, demo.PROMPT) | {"model": demo_words.MODEL}
    stored = json.loads(demo.RECORDING.read_text())
    assert [turn["response"] for turn in again["turns"]] == [turn["response"] for turn in stored["turns"]]
    assert [turn["response"] for turn in demo_words.script()["turns"]] == [t["response"] for t in stored["turns"]]
    assert sandbox.host("/workspace/invoices/invoices/money.py").read_text().count("ROUND_HALF_UP") == 2


async def test_divergences_are_reported(world, tmp_path):
    same_as_before = ("shell", {"command": "true"}, "[exit code 0, no output]")
    world.task = replace(world.task, recording=recorded(
        tmp_path,
        [("shell", {"command": "echo two"}, "one\n[exit code 0]"), same_as_before],
        [("finish", {"summary": "Done."}, None)],
        prompt="Something else",
    ))  # fmt: skip
    assert (await world.run(ReplayAgent)).outcome == "finished"
    prompt, shell = world.journal.of_type("replay_divergence")
    assert prompt["what"] == "prompt"
    assert (shell["tool"], shell["recorded"], shell["real"]) == ("shell", "one\n[exit code 0]", "two\n[exit code 0]")
    assert "1 of 2 results differ" in world.journal.said[-1]


async def test_end_of_the_recording_is_a_clear_failure(world, tmp_path):
    world.task = replace(world.task, recording=recorded(tmp_path, [("shell", {"command": "true"}, None)]))
    end = await world.run(ReplayAgent)
    assert end.outcome == "failed"
    assert "holds 1 answers, and all have been played" in end.message


async def test_unusable_recordings_are_named(world, tmp_path):
    assert "needs a recording" in (await world.run(ReplayAgent)).message
    for text, told in (("{", "cannot be read"), ('{"format": "x"}', "not a cogmill-recording"),
                       ('{"format": "cogmill-recording", "version": 9}', "version 9")):  # fmt: skip
        path = tmp_path / "r.json"
        path.write_text(text)
        world.task = replace(world.task, recording=path)
        end = await world.run(ReplayAgent)
        assert end.outcome == "failed"
        assert told in end.message


async def test_replay_survives_every_crash(worlds, tmp_path):
    path = recorded(
        tmp_path, [("shell", {"command": "echo one"}, "none")], [("finish", {"summary": "Done."}, None)]
    )  # fmt: skip

    async def play(crash):
        one = worlds()
        one.task = replace(one.task, recording=path)
        one.journal.crash_at = crash
        assert (await one.run(ReplayAgent)).outcome == "finished"
        return one.journal

    for crash in range(1, (await play(None)).points + 1):
        journal = await play(crash)
        assert max(journal.finished.values()) == 1
        assert len(journal.of_type("replay_divergence")) == 1
        assert len(journal.said) == 1


def test_sameness_ignores_what_always_differs():
    assert same("Ran 8 tests in 0.001s\n\nOK", "Ran 8 tests in 0.102s\nOK ")
    assert same("Committed 0a1b2c3d4e: a", "Committed ffeeddcc00: a")
    assert same("at http://127.0.0.1:8400/x/1", "at http://localhost:9/y/7")
    assert same("in /tmp/abc/def", "in /tmp/xyz")
    assert same("branch devin/" + "a" * 32, "branch devin/" + "1" * 32)
    assert same("## cogmill/6168a312-do-it\n?? a", "## cogmill/27b0952b-play\n?? a")
    assert not same("1 failed", "2 failed")
    assert not same("[exit code 0]", "[exit code 1]")
