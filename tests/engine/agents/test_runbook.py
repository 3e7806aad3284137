"""The runbook agent: order, failure, answers of the user, crashes, delivery."""

from cogmill.engine.agents.runbook import RunbookAgent

TWO = "# One\n```sh name=where\npwd\n```\n# Two\n```sh\necho in $COGMILL_OUTPUT_WHERE attempt $COGMILL_ATTEMPT\n```"


async def test_runs_blocks_in_one_shell_and_passes_outputs_on(world):
    world.asks(TWO)
    end = await world.run(RunbookAgent)
    assert end.outcome == "finished"
    first, second = world.journal.of_type("shell_process_completed")
    assert first["command"] == "pwd"
    assert (first["exit_code"], first["output"], first["output_name"]) == (0, "/workspace\n", "where")
    assert second["output"] == "in /workspace attempt 1\n"
    assert "- One: exit code 0" in world.journal.said[-1]
    assert "- where: /workspace" in world.journal.said[-1]
    assert "".join(world.turns[0].output) == "/workspace\n\nin /workspace attempt 1\n\n"


async def test_secrets_reach_commands(world):
    world.asks("```sh\necho ${TOKEN:+set}\n```")
    await RunbookAgent().run(world.turn(secrets={"TOKEN": "hidden"}))
    assert world.journal.of_type("shell_process_completed")[0]["output"] == "set\n"
    assert "hidden" not in str(world.journal.events)


async def test_stops_at_failure_and_reports(world):
    world.asks("# A\n```sh\necho oops; false\n```\n# B\n```sh\necho b\n```")
    end = await world.run(RunbookAgent)
    assert end.outcome == "waiting_for_user"
    assert len(world.journal.of_type("shell_process_completed")) == 1
    assert "Block 1, “A”, failed: exit code 1" in world.journal.said[0]
    assert "oops" in world.journal.said[0]
    again = await world.run(RunbookAgent)  # woken without a message: still waits, says nothing twice
    assert again.outcome == "waiting_for_user"
    assert len(world.journal.said) == 1


async def test_allowed_failure_goes_on(world):
    world.asks("```sh allow-failure\nfalse\n```\n```sh\necho b\n```")
    assert (await world.run(RunbookAgent)).outcome == "finished"
    assert "exit code 1 (allowed)" in world.journal.said[-1]


async def test_retry_skip_and_new_blocks(world):
    world.asks("```sh\ntest -f there\n```\n```sh\ntest -f here\n```\n```sh\necho end\n```")
    assert (await world.run(RunbookAgent)).outcome == "waiting_for_user"
    world.journal.user("what?")
    assert (await world.run(RunbookAgent)).outcome == "waiting_for_user"
    assert "still waits" in world.journal.said[-1]
    world.journal.user("retry\n```sh\ntouch there\n```")
    assert (await world.run(RunbookAgent)).outcome == "waiting_for_user"
    assert "Block 2" in world.journal.said[-1]
    world.journal.user("skip")
    assert (await world.run(RunbookAgent)).outcome == "finished"
    commands = [one["command"] for one in world.journal.of_type("shell_process_completed")]
    assert commands == ["test -f there", "touch there", "test -f there", "test -f here", "echo end"]
    world.journal.user("```sh\necho more\n```")
    assert (await world.run(RunbookAgent)).outcome == "finished"
    assert world.journal.of_type("shell_process_completed")[-1]["output"] == "more\n"
    assert max(world.journal.finished.values()) == 1


async def test_timeout_stops_the_block(world):
    world.asks("```sh timeout=0.3\nsleep 5\n```")
    assert (await world.run(RunbookAgent)).outcome == "waiting_for_user"
    assert world.journal.of_type("shell_process_completed")[0]["stopped"] == "timeout"
    assert "timeout" in world.journal.said[0]


async def test_bad_option_asks_for_correction(world):
    world.asks("```sh timeout=never\nls\n```")
    assert (await world.run(RunbookAgent)).outcome == "waiting_for_user"
    assert "line 1" in world.journal.said[0]
    world.journal.user("```sh\necho right\n```")
    assert (await world.run(RunbookAgent)).outcome == "finished"


async def test_never_retried_block_is_reported_after_a_crash(world):
    world.asks("```sh retry=never\necho once >> log\n```\n```sh\ncat log\n```")
    world.journal.crash_at = 3  # the command ran, its result was not written
    assert (await world.run(RunbookAgent)).outcome == "waiting_for_user"
    assert "was cut" in world.journal.said[0]
    world.journal.user("skip")
    assert (await world.run(RunbookAgent)).outcome == "finished"
    assert world.journal.of_type("shell_process_completed")[-1]["output"] == "once\n"


async def test_delivers_commits(world):
    world.repository({"a.txt": "1\n"}).repository({"b.txt": "1\n"}, "other")
    world.asks("# Change a\n```sh\ncd calc && echo 2 > a.txt && git commit -qam 'Change a'\n```", title="Change a")
    assert (await world.run(RunbookAgent)).outcome == "finished"
    (opened,) = world.journal.of_type("pull_request_completed")
    assert (opened["repo"], opened["pr_title"], opened["branch"]) == ("local/calc", "Change a", "devin/work")
    assert opened["url"] in world.journal.said[-1]


async def test_every_crash_point_ends_the_same(worlds):
    def session():
        one = worlds().repository({"a.txt": "1\n"})
        commit = "cd /workspace/calc && git commit -qam two"
        return one.asks(f"```sh\necho 2 > /workspace/calc/a.txt\n```\n```sh\n{commit}\n```\n```sh\nfalse\n```")

    whole = session()
    whole.journal.arriving = [(4, "skip")]
    assert (await whole.run(RunbookAgent)).outcome == "finished"
    for crash in range(1, whole.journal.points + 1):
        one = session()
        one.journal.arriving = [(4, "skip")]
        one.journal.crash_at = crash
        end = await one.run(RunbookAgent)
        if end.outcome == "waiting_for_user":  # the cut commit had happened: trying again finds nothing to commit
            one.journal.user("skip")
            end = await one.run(RunbookAgent)
        assert end.outcome == "finished", crash
        assert max(one.journal.finished.values()) == 1
        assert len(one.journal.of_type("pull_request_completed")) == 1
        assert sum("All blocks have run" in text for text in one.journal.said) == 1
