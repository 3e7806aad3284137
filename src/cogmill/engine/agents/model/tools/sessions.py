"""Tools for other sessions, and for the organization's playbooks and notes where the session's mode is about them."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from cogmill.engine.agents.clipping import clip, first_line
from cogmill.engine.agents.model.arguments import (
    EndSession,
    ListNotes,
    ListSessions,
    MessageSession,
    ReadSession,
    SaveNote,
    SavePlaybook,
    StartSession,
)
from cogmill.engine.agents.model.tools.seam import Tool, ToolProblem
from cogmill.engine.agents.seam import Denied, Json, NewSession, OtherSession, StepResult, Steps, Task, Turn

LONGEST_MESSAGE = 4_000
Run = Callable[[Turn, Steps, Any], Awaitable[StepResult]]


def _allowed(run: Run) -> Run:
    """The tool, whose refusals the model reads."""

    async def running(turn: Turn, steps: Steps, asked: Any) -> StepResult:
        try:
            return await run(turn, steps, asked)
        except Denied as problem:
            raise ToolProblem(str(problem)) from None

    return running


def _facts(one: OtherSession) -> Json:
    facts: Json = {"session_id": one.session_id, "title": one.title, "status": one.status, "acus": one.acus}
    if one.pull_requests:
        facts["pull_requests"] = list(one.pull_requests)
    if one.structured_output is not None:
        facts["structured_output"] = one.structured_output
    return facts


async def start_session(turn: Turn, steps: Steps, asked: StartSession) -> StepResult:
    wanted = NewSession(
        **asked.model_dump(exclude={"repos"}), repos=None if asked.repos is None else tuple(asked.repos)
    )
    made = await turn.organization.start_session(steps.key, wanted)
    return StepResult({"session": _facts(made)}, summary=f"Started {made.session_id}")


async def list_sessions(turn: Turn, _: Steps, __: ListSessions) -> StepResult:
    found = [_facts(one) for one in await turn.organization.children()]
    return StepResult({"sessions": found}, summary=f"{len(found)} sessions")


async def read_session(turn: Turn, _: Steps, asked: ReadSession) -> StepResult:
    found = await turn.organization.read_session(asked.session_id)
    said = [{"source": source, "message": clip(text, LONGEST_MESSAGE)} for source, text in found.messages]
    return StepResult({"session": _facts(found), "messages": said}, summary=f"{found.session_id} is {found.status}")


async def message_session(turn: Turn, _: Steps, asked: MessageSession) -> StepResult:
    told = await turn.organization.message_session(asked.session_id, asked.message)
    return StepResult({"session": _facts(told)}, summary=f"Told {told.session_id}")


async def end_session(turn: Turn, _: Steps, asked: EndSession) -> StepResult:
    ended = await turn.organization.end_session(asked.session_id)
    return StepResult({"session": _facts(ended)}, summary=f"Ended {ended.session_id}")


async def save_playbook(turn: Turn, _: Steps, asked: SavePlaybook) -> StepResult:
    saved = await turn.organization.save_playbook(asked.title, asked.body, asked.macro, asked.playbook_id)
    return StepResult({"playbook_id": saved}, summary=f"Saved playbook {asked.title}")


async def list_notes(turn: Turn, _: Steps, asked: ListNotes) -> StepResult:
    found = await turn.organization.notes(asked.search)
    return StepResult({"notes": found}, summary=f"{len(found)} notes")


async def save_note(turn: Turn, _: Steps, asked: SaveNote) -> StepResult:
    saved = await turn.organization.save_note(asked.name, asked.body, asked.trigger, asked.note_id)
    return StepResult({"note_id": saved}, summary=f"Saved note {asked.name}")


def _as_data(contents: Json) -> str:
    shown = {name: contents[name] for name in ("session", "sessions", "messages", "notes") if name in contents}
    return json.dumps(shown, ensure_ascii=False, indent=1)


def _wish(asked: StartSession) -> str:
    """What the user is asked to approve."""
    about = f"**{asked.title}**\n\n" if asked.title else ""
    limit = f" with at most {asked.max_acu_limit} ACUs" if asked.max_acu_limit else ""
    quoted = "\n".join(f"> {line}" for line in clip(asked.prompt, 2_000).splitlines())
    return f"Start a session{limit}: {about}\n{quoted}"


LEADING_TOOLS = (
    Tool(
        "start_session",
        "Start another session that works on a part of the task by itself, in a sandbox of its own and on branches of "
        "its own; hand files over through git only. Its prompt must say all that it needs. You get a message when it "
        "has ended its turn; until then do something else, or end yours.",
        StartSession, "session_start", "lifecycle", lambda a: f"Start a session: {a.title or first_line(a.prompt, 80)}",
        _allowed(start_session), _as_data, approval=_wish,
    ),
    Tool(
        "list_sessions", "Show the sessions that you have started: state, ACUs, pull requests.",
        ListSessions, "session_list", "lifecycle", lambda _: "List started sessions", _allowed(list_sessions),
        _as_data, effects=False,
    ),
    Tool(
        "message_session", "Say something to a session that you have started.",
        MessageSession, "session_message", "lifecycle", lambda a: f"Tell {a.session_id}: {first_line(a.message, 60)}",
        _allowed(message_session), _as_data, on_cut="report",
    ),
    Tool(
        "end_session", "End a session that you have started, for good.",
        EndSession, "session_end", "lifecycle", lambda a: f"End {a.session_id}", _allowed(end_session), _as_data,
    ),
)  # fmt: skip
READING_TOOLS = (
    Tool(
        "read_session", "Read what was said in another session, and what became of it.",
        ReadSession, "session_read", "lifecycle", lambda a: f"Read {a.session_id}", _allowed(read_session), _as_data,
        effects=False,
    ),
)  # fmt: skip
PLAYBOOK_TOOLS = (
    Tool(
        "save_playbook", "Save a playbook of the organization: a new one, or with playbook_id a new version.",
        SavePlaybook, "playbook_save", "playbook", lambda a: f"Save playbook {a.title}", _allowed(save_playbook),
        lambda c: f"Saved as {c['playbook_id']}.", on_cut="report",
    ),
)  # fmt: skip
NOTE_TOOLS = (
    Tool(
        "list_notes", "Show notes of the organization's knowledge, all or those that hold given words.",
        ListNotes, "note_list", "knowledge", lambda _: "List notes", _allowed(list_notes), _as_data, effects=False,
    ),
    Tool(
        "save_note", "Save a note of the organization's knowledge: a new one, or with note_id that one anew.",
        SaveNote, "note_save", "knowledge", lambda a: f"Save note {a.name}", _allowed(save_note),
        lambda c: f"Saved as {c['note_id']}.", on_cut="report",
    ),
)  # fmt: skip


def offered(task: Task) -> tuple[Tool, ...]:
    """Those that the session has a use for."""
    tools: tuple[Tool, ...] = LEADING_TOOLS if task.may_lead else ()
    if task.may_lead or task.session_links or task.advanced_mode is not None:
        tools += READING_TOOLS
    if task.advanced_mode in {"create", "improve"}:
        tools += PLAYBOOK_TOOLS
    return tools + NOTE_TOOLS if task.advanced_mode == "manage" else tools
