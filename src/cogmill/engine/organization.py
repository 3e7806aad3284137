"""What an agent does in its organization (the seam's `Organization`), by the services that callers use."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from cogmill.access.context import Context
from cogmill.access.permissions import Permission as P
from cogmill.domain.knowledge import queries as note_lists
from cogmill.domain.knowledge import service as notes
from cogmill.domain.knowledge.schemas import NoteIn, NoteListQuery
from cogmill.domain.playbooks import service as playbooks
from cogmill.domain.playbooks.schemas import PlaybookIn
from cogmill.domain.sessions import children, events, queries
from cogmill.domain.sessions.schemas import SessionIn
from cogmill.engine.agents.seam import Denied, Json, NewSession, OtherSession
from cogmill.engine.store import Store
from cogmill.kit.errors import Refusal

T = TypeVar("T")
MOST_MESSAGES = 200
MOST_NOTES = 50


class LiveOrganization:
    """For one run of one session; what it changes counts only while the run's claim stands."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._row = store.row

    async def start_session(self, key: str, wanted: NewSession) -> OtherSession:
        given = {name: value for name in wanted.__dataclass_fields__ if (value := getattr(wanted, name)) is not None}
        if wanted.repos is not None:
            given["repos"] = list(wanted.repos)
        elif repos := self._row.request.get("repos"):
            given["repos"] = repos
        data = _checked(SessionIn, given)
        return await self._change(lambda ctx: self._shown(ctx, children.start(ctx, self._row, key, data)))

    async def children(self) -> list[OtherSession]:
        def work(ctx: Context) -> list[OtherSession]:
            return [self._shown(ctx, one) for one in children.of(ctx, self._row)]

        return await self._read(work)

    async def read_session(self, session_id: str) -> OtherSession:
        def work(ctx: Context) -> OtherSession:
            row = children.read(ctx, self._row, session_id)
            said = events.conversation(children.acting(ctx, self._row), row.session_id, MOST_MESSAGES)
            spoken = tuple(("user" if one.event_type == "user_message" else "devin", one.message) for one in said)
            return self._shown(ctx, row, spoken)

        return await self._read(work)

    async def message_session(self, session_id: str, text: str) -> OtherSession:
        return await self._change(lambda ctx: self._shown(ctx, children.message(ctx, self._row, session_id, text)))

    async def end_session(self, session_id: str) -> OtherSession:
        return await self._change(lambda ctx: self._shown(ctx, children.end(ctx, self._row, session_id)))

    async def save_playbook(self, title: str, body: str, macro: str | None, playbook_id: str | None) -> str:
        # What the agent cannot say, or did not, stays as it was.
        data = _checked(PlaybookIn, {"title": title, "body": body} | ({} if macro is None else {"macro": macro}))

        def work(ctx: Context) -> str:
            inner = children.acting(ctx, self._row)
            inner.require(P.MANAGE_ORG_PLAYBOOKS, when="a session saves a playbook")
            if playbook_id is None:
                saved, action = playbooks.create(inner, data), "create_playbook"
            else:
                saved, action = playbooks.replace(inner, playbook_id, data), "update_playbook"
            self._record(inner, action, {"playbook_id": saved.playbook_id})
            return saved.playbook_id

        return await self._change(work)

    async def notes(self, search: str | None) -> list[Json]:
        query = _checked(NoteListQuery, {"first": MOST_NOTES, "search": search})

        def work(ctx: Context) -> list[Json]:
            inner = children.acting(ctx, self._row)
            inner.require(P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_KNOWLEDGE, when="a session reads notes")
            found = note_lists.list_page(inner, query).items
            return [
                {"note_id": one.note_id, "name": one.name, "trigger": one.trigger, "body": one.body} for one in found
            ]

        return await self._read(work)

    async def save_note(self, name: str, body: str, trigger: str, note_id: str | None) -> str:
        data = _checked(NoteIn, {"name": name, "body": body, "trigger": trigger})

        def work(ctx: Context) -> str:
            inner = children.acting(ctx, self._row)
            inner.require(P.MANAGE_ORG_KNOWLEDGE, when="a session saves a note")
            if note_id is None:
                saved, action = notes.create(inner, data), "create_knowledge"
            else:
                was = notes.get(inner, note_id)  # what the agent cannot say stays as it was
                kept = data.model_copy(update={"folder_id": was.folder_id, "pinned_repo": was.pinned_repo})
                saved, action = notes.replace(inner, note_id, kept), "edit_knowledge"
            self._record(inner, action, {"note_id": saved.note_id})
            return saved.note_id

        return await self._change(work)

    def _record(self, inner: Context, action: str, told: dict[str, Any]) -> None:
        children.record(inner, self._row, action, inner.audited | told | {"session_id": self._row.session_id})

    def _shown(self, ctx: Context, row: Any, messages: tuple[tuple[str, str], ...] = ()) -> OtherSession:
        (out,) = queries.present(ctx, [row])
        status = f"{row.status} ({row.status_detail})" if row.status_detail else row.status
        urls = tuple(one.pr_url for one in out.pull_requests)
        return OtherSession(row.session_id, row.title, status, out.acus_consumed, messages, urls, out.structured_output)

    async def _change(self, work: Callable[[Context], T]) -> T:
        try:
            return await self._store.fenced(work)
        except Refusal as refusal:
            if refusal.afterwards is not None:
                await self._store.fenced(refusal.afterwards)
            raise Denied(_words(refusal)) from None

    async def _read(self, work: Callable[[Context], T]) -> T:
        try:
            return await self._store.read(work)
        except Refusal as refusal:
            raise Denied(_words(refusal)) from None


def _words(refusal: Refusal) -> str:
    return str(refusal.detail)


def _checked(model: type[T], given: dict[str, Any]) -> T:
    try:
        return model(**given)
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise Denied("; ".join(lines)) from None
