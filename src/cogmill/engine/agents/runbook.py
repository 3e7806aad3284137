"""The agent without a model: runs the shell blocks of a text in order and stops where one fails."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from cogmill.engine.agents.blocks import Block, BlockError, has_blocks, parse, runbook_text
from cogmill.engine.agents.clipping import KEPT_OUTPUT, first_line, tail
from cogmill.engine.agents.delivery import deliver
from cogmill.engine.agents.inbox import Inbox, text_of
from cogmill.engine.agents.seam import Json, LogEvent, StepOutcome, StepResult, Steps, Turn, TurnEnd
from cogmill.engine.agents.shell_step import ended, run_command

_VARIABLE_LIMIT = 64_000
"""One environment variable may hold 128 KiB on Linux; longer outputs keep their end."""
_NAMED_LIMIT = 1_000_000
"""Characters that are kept of an output with a name: it is wanted as a whole."""

_CHOICES = (
    "Write `retry` to run it again, `skip` to go on behind it, or send shell blocks to run instead "
    "(`retry` in front of them: run them, then this block again)."
)
_HELP = "This session runs shell blocks without a model. Send more of them in fences marked `sh` to go on."


@dataclass(frozen=True, slots=True)
class Planned:
    """A block with the key of its step; the key follows from the text and the messages alone."""

    key: str
    label: str
    block: Block


@dataclass(slots=True)
class Progress:
    """What this session's blocks did so far; rebuilt from the log by walking through it again."""

    queue: deque[Planned] = field(default_factory=deque)
    outputs: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def plan(self, prefix: str, blocks: list[Block]) -> list[Planned]:
        return [Planned(f"{prefix}-{n}", f"Block {n}", block) for n, block in enumerate(blocks, 1)]


class RunbookAgent:
    """Walks through all blocks from the first one in every turn: finished steps are answered from the log at once."""

    name = "runbook"

    async def run(self, turn: Turn) -> TurnEnd:
        inbox, progress = Inbox(turn), Progress()
        try:
            progress.queue.extend(progress.plan("block", parse(runbook_text(turn.task.playbook, turn.task.prompt))))
        except BlockError as problem:
            await turn.say(f"{problem} Send the corrected blocks as a message.", key="runbook-problem")
        delivery = "0"
        while True:
            if progress.queue:
                if not await self._run_queue(turn, inbox, progress):
                    return TurnEnd("waiting_for_user")
                await self._wrap_up(turn, progress, delivery)
            message = await self._next_blocks(turn, inbox, progress)
            if message is None:
                return await self._rest(turn, progress)
            delivery = message.event_id

    async def _rest(self, turn: Turn, progress: Progress) -> TurnEnd:
        if progress.lines:
            return TurnEnd("finished")
        await turn.say(_HELP, key="runbook-help")
        return TurnEnd("waiting_for_user")

    async def _run_queue(self, turn: Turn, inbox: Inbox, progress: Progress) -> bool:
        """False: a block failed and the user has not said yet what to do."""
        while progress.queue:
            item = progress.queue.popleft()
            outcome = await self._run_block(turn, item, progress)
            if outcome.ok and not outcome.interrupted:
                continue
            if item.block.allow_failure:
                continue
            await turn.say(_report(item, outcome), key=f"report-{item.key}")
            if not await self._decide(turn, inbox, progress, item):
                return False
        return True

    async def _run_block(self, turn: Turn, item: Planned, progress: Progress) -> StepOutcome:
        block = item.block

        async def action(steps: Steps) -> StepResult:
            environment = {_variable(name): value[-_VARIABLE_LIMIT:] for name, value in progress.outputs.items()}
            contents = await run_command(
                turn, steps, block.command, timeout=block.timeout, environment=environment,
                keep=_NAMED_LIMIT if block.output_name else KEPT_OUTPUT,
            )  # fmt: skip
            if block.output_name:
                contents["output_name"] = block.output_name
            ok = contents["exit_code"] == 0
            return StepResult(contents, summary=block.title if ok else f"{block.title}: {ended(contents)}", ok=ok)

        asked: Json = {"command": block.command, "timeout": block.timeout}
        on_cut: Literal["retry", "report"] = "retry" if block.retry else "report"
        outcome = await turn.step(
            item.key, "shell_process", "shell", block.title, action, input=asked, on_cut=on_cut
        )  # fmt: skip
        if block.output_name and not outcome.interrupted:
            progress.outputs[block.output_name] = str(outcome.contents.get("output", "")).strip()
        progress.lines.append(_line(item, outcome))
        return outcome

    async def _decide(self, turn: Turn, inbox: Inbox, progress: Progress, failed: Planned) -> bool:
        while (message := await inbox.take()) is not None:
            text = text_of(message)
            word = first_line(text).lower().split(" ", 1)[0].strip("`.!")
            again = [Planned(f"{failed.key}-retry-{message.event_id}", failed.label, failed.block)]
            fresh = await self._blocks_of(turn, message, progress)
            if fresh:
                progress.queue.extendleft(reversed(fresh + (again if word == "retry" else [])))
                return True
            if word == "retry":
                progress.queue.extendleft(again)
                return True
            if word == "skip":
                return True
            await turn.say(f"{failed.label} still waits. {_CHOICES}", key=f"choices-{message.event_id}")
        return False

    async def _next_blocks(self, turn: Turn, inbox: Inbox, progress: Progress) -> LogEvent | None:
        while (message := await inbox.take()) is not None:
            if fresh := await self._blocks_of(turn, message, progress):
                progress.queue.extend(fresh)
                return message
            await turn.say(_HELP, key=f"help-{message.event_id}")
        return None

    async def _blocks_of(self, turn: Turn, message: LogEvent, progress: Progress) -> list[Planned]:
        text = text_of(message)
        if not has_blocks(text):
            return []
        try:
            return progress.plan(f"block-{message.event_id}", parse(text))
        except BlockError as problem:
            await turn.say(str(problem), key=f"problem-{message.event_id}")
            return []

    async def _wrap_up(self, turn: Turn, progress: Progress, delivery: str) -> None:
        opened = await deliver(turn, delivery)
        parts = ["All blocks have run.", "\n".join(progress.lines)]
        if progress.outputs:
            parts.append("Outputs:\n" + "\n".join(f"- {k}: {first_line(v)}" for k, v in progress.outputs.items()))
        if opened:
            parts.append("Pull requests:\n" + "\n".join(opened))
        await turn.say("\n\n".join(parts), key=f"summary-{delivery}")


def _variable(name: str) -> str:
    return "COGMILL_OUTPUT_" + name.upper().replace("-", "_")


def _line(item: Planned, outcome: StepOutcome) -> str:
    if outcome.interrupted:
        return f"- {item.block.title}: cut by a restart of the server"
    allowed = " (allowed)" if not outcome.ok and item.block.allow_failure else ""
    return f"- {item.block.title}: {ended(outcome.contents)}{allowed}"


def _report(item: Planned, outcome: StepOutcome) -> str:
    name = f"{item.label}, “{item.block.title}”,"
    if outcome.interrupted:
        return (
            f"{name} was cut when the server stopped; whether it took effect is unknown, and it is marked "
            f"`retry=never`. Check it before you repeat it. {_CHOICES}"
        )
    output = tail(str(outcome.contents.get("output", "")))
    shown = f"\n\n```\n{output}\n```\n" if output else " It printed nothing."
    return f"{name} failed: {ended(outcome.contents)}.{shown}\n{_CHOICES}"
