"""The notes that a session is given: chosen when it starts for the first time, read from its log ever after."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from cogmill.access.context import Context, Runtime
from cogmill.access.scope import owned
from cogmill.domain.knowledge import use
from cogmill.domain.knowledge.fit import Candidate, fitting
from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.sessions.states import Status
from cogmill.engine import embeddings
from cogmill.engine.agents.seam import Json, Knowledge, LogEvent
from cogmill.engine.store import Store
from cogmill.kit.logs import logger
from cogmill.models.sessions import session_label

log = logger("engine")
SELECTED = "knowledge_selected"


async def notes_for(
    runtime: Runtime, store: Store, history: Sequence[LogEvent]
) -> tuple[tuple[Knowledge, ...], list[NewEvent]]:
    """The session's notes, and what its log is told of them if this is its first start."""
    told = next((event.contents for event in history if event.event_type == SELECTED), None)
    if told is not None:
        return _shown(told), []
    if any(_says_running(event) for event in history):
        return (), []  # it was given none, and goes on without
    chosen = await _choose(runtime, store, history)
    if chosen is None:
        return (), []
    names = [one["name"] for one in chosen["notes"]]
    summary = f"Knowledge: {', '.join(names)}" if names else "Knowledge: no note"
    return _shown(store.redactor.json(chosen)), [NewEvent(SELECTED, "knowledge", summary, chosen, "incoming")]


def _says_running(event: LogEvent) -> bool:
    return event.event_type == "status_changed" and event.contents.get("status") == Status.RUNNING


async def _choose(runtime: Runtime, store: Store, history: Sequence[LogEvent]) -> Json | None:
    """What the event says: the notes, why each is given, and what had to be left out. None: there is nothing to say."""
    row = store.row
    taken = [str(event.contents.get("macro")) for event in history if event.event_type == "playbook_selected"]

    def look(ctx: Context) -> use.Found:
        labels = owned(session_label, ctx.scope, session_label.c.value)
        labels = labels.where(session_label.c.kind == "repo", session_label.c.session == row.id)
        repositories = ctx.db.execute(labels).scalars().all() if row.request.get("repos") else []
        return use.find(ctx, row.request.get("knowledge_ids"), row.prompt, repositories, taken)

    found = await store.read(look)
    if not (found.given or found.candidates or found.missing):
        return None
    chosen, ranked_by = await _fitting(runtime, store, found.candidates)
    scope = found.scope
    fit = await store.read(lambda ctx: use.load(ctx, scope, chosen, found.given)) if scope and chosen else []
    kept, left_out = use.within_room([*found.given, *fit])
    if not (kept or left_out or found.missing):
        return None
    gone = [
        {"note_id": one, "reason": "deleted or switched off since the session was created"} for one in found.missing
    ]
    full = [{"note_id": one.note_id, "name": one.name, "reason": "no room beside the others"} for one in left_out]
    return {"notes": [_told(one) for one in kept], "left_out": gone + full, "ranked_by": ranked_by}


async def _fitting(runtime: Runtime, store: Store, candidates: Sequence[Candidate]) -> tuple[list[Candidate], str]:
    """Which candidates fit, and by what that was decided. An endpoint that fails costs seconds, never the session."""
    settings = runtime.settings
    if not candidates or not embeddings.is_configured(settings):
        return fitting(candidates, None), "words"
    texts = [f"{one.name}\n{one.trigger}" for one in candidates]
    prompt = store.redactor.text(store.row.prompt)
    try:
        async with asyncio.timeout(embeddings.SECONDS):
            near = await embeddings.similarities(settings, prompt, texts)
    except (embeddings.NoEmbeddings, TimeoutError) as error:
        log.warning("embeddings_failed", session_id=store.row.session_id, error=str(error) or "it took too long")
        return fitting(candidates, None), "words, as the embeddings failed"
    known = [replace(one, similarity=value) for one, value in zip(candidates, near, strict=True)]
    return fitting(known, settings.embedding_similarity), "embeddings"


def _told(note: use.Note) -> dict[str, Any]:
    said = asdict(note)
    because: dict[str, Any] = said.pop("because")
    return said | because


def _shown(told: Json) -> tuple[Knowledge, ...]:
    return tuple(Knowledge(one["name"], _reason(one), one["body"]) for one in told["notes"])


def _reason(one: Json) -> str:
    match one["why"]:
        case "pinned":
            return "for all repositories" if one["pinned_repo"] == "all" else f"for {one['pinned_repo']}"
        case "macro":
            return f"named as {one['macro']}"
        case "trigger":
            return f"applies: {one['trigger']}"
    return "named for this session"
