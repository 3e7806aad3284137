"""The runner's writes: every one under the session's epoch, in one transaction, redacted."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select

from cogmill.access.context import Context, Runtime
from cogmill.access.scope import Scope
from cogmill.domain.organizations.rules import rules_of
from cogmill.domain.sessions import children
from cogmill.domain.sessions.active_time import MICRO, Unbooked, of_cut_run
from cogmill.domain.sessions.events import MESSAGES, read_log
from cogmill.domain.sessions.log import NewEvent, StaleEpoch, append, status_event
from cogmill.domain.sessions.states import Detail, State, Trigger, transition
from cogmill.domain.usage import accounts, reservations, warnings
from cogmill.domain.usage.accounts import Accounts
from cogmill.domain.usage.ledger import NOTHING, Use
from cogmill.domain.usage.reservations import Answer
from cogmill.domain.usage.times import cycle_of
from cogmill.engine.agents.seam import LogEvent
from cogmill.engine.metering import Booked
from cogmill.engine.redaction import Redactor
from cogmill.engine.variables import SessionSecret, to_hide
from cogmill.kit.faults import crash_point
from cogmill.kit.ids import event_id
from cogmill.models.sessions import session, session_event, session_secret
from cogmill.web.call import Call

T = TypeVar("T")


@dataclass(slots=True)
class Claimed:
    """A session as its run found it."""

    row: Any
    epoch: int
    secrets: list[SessionSecret]
    recovered: bool
    """An earlier run was cut."""
    acu_limit: int | None
    """The smaller of the session's limit and its organization's."""
    stopped: str | None
    """Why nothing may run in its organization; None when sessions may."""
    accounts: Accounts
    """Whose limits of the cycle hold for it."""
    asked_for: int = 0
    """Millionths of an ACU of its own limit that a question for its insights may still cost."""


def title_of(prompt: str) -> str:
    """The first line with words in it, without Markdown's marks, as a title."""
    lines = (line.strip().lstrip("#>-*` ").strip() for line in prompt.splitlines())
    line = next((line for line in lines if line), "Untitled")
    return line if len(line) <= 80 else line[:79].rstrip() + "…"


async def claim(runtime: Runtime, row_id: int) -> Claimed | None:
    """Take a session for this run; writes of every earlier run are refused from now on. None: nobody shall run it."""

    def work(ctx: Context) -> Claimed | None:
        row = ctx.db.execute(select(session).where(session.c.id == row_id).with_for_update()).one_or_none()
        if row is None or row.run_state == "idle":
            return None
        rules = rules_of(ctx, row.org_id, row.user_id)
        if rules.is_deleted:
            return None
        before = State.of(row.status, row.status_detail)
        after, cut = transition(before, Trigger.CLAIM), row.run_state == "running"
        events = [status_event(after)] if after != before else []
        left = of_cut_run(ctx, row) if cut else Unbooked()
        if cut:
            again = "Taken up again after an interruption"
            events.append(NewEvent("session_recovered", "lifecycle", again, left.told()))
        append(
            ctx, row.id, row.session_id, events, epoch=row.epoch, state=after, acus=left.acus, usd=left.usd,
            use=left.use, run_state="running", next_epoch=row.epoch + 1, active_since=ctx.now,
        )  # fmt: skip
        if cut:
            reservations.release(ctx, row.id)
        crash_point("claim_before_commit")
        row = ctx.db.execute(select(session).where(session.c.id == row_id)).one()
        reservations.begin(ctx, row, rules.accounts)
        limit = rules.session_limit(row.max_acu_limit)
        asked_for = reservations.reserved(ctx, row.id, reservations.INSIGHTS) if limit is not None else None
        secrets = secrets_of(ctx, row)
        return Claimed(row, row.epoch, secrets, cut, limit, rules.stopped, rules.accounts, asked_for or 0)

    claimed = await _call(runtime, "", None, f"claim-{row_id}").write(work)
    crash_point("claimed")
    return claimed


def secrets_of(ctx: Context, row: Any) -> list[SessionSecret]:
    """The session's secrets, open."""
    query = select(session_secret).where(session_secret.c.session == row.id)
    open_ = ctx.runtime.keyring.decrypt
    return [
        SessionSecret(one.name, open_(one.sealed, f"{row.session_id}/{one.name}"), one.kind, one.is_sensitive)
        for one in ctx.db.execute(query)
    ]


def _call(runtime: Runtime, enterprise_id: str, org_id: str | None, request_id: str) -> Call:
    return Call(runtime, Scope(enterprise_id, org_id), request_id, None)


class Store:
    """Writes of one run of one session."""

    def __init__(self, runtime: Runtime, claimed: Claimed) -> None:
        self.runtime = runtime
        self.row = claimed.row
        self.epoch = claimed.epoch
        self.redactor = Redactor(to_hide(claimed.secrets))
        self.is_limited = bool(claimed.accounts.limited)
        """Whether a limit of the cycle holds for the session, as far as this run knows."""
        self.enterprise_id = claimed.accounts.enterprise_id
        self._call = _call(runtime, "", self.row.org_id, f"run-{self.row.session_id[6:14]}-{self.epoch}")

    async def append(
        self,
        events: list[NewEvent],
        *,
        state: State | None = None,
        booked: Booked | None = None,
        use: Use = NOTHING,
        also: Callable[[Context], list[NewEvent]] | None = None,
        **changes: Any,
    ) -> int:
        """Append events, redacted; answers the last sequence number. StaleEpoch when this run's claim is over.

        `also`: other work in the same transaction, which answers what more is to be told.
        """
        clean = [self._clean(event) for event in events]

        def work(ctx: Context) -> int:
            last = self._append(ctx, clean, state, booked, changes, use)
            told = [self._clean(event) for event in also(ctx)] if also is not None else []
            return self._append(ctx, told, None, None, {}) if told else last

        return await self._call.write(work)

    def _append(
        self, ctx: Context, events: list[NewEvent], state: State | None, booked: Booked | None,
        changes: dict[str, Any], use: Use = NOTHING,
    ) -> int:  # fmt: skip
        if booked is not None:
            changes = {"active_since": ctx.now, "acus": booked.acus, "usd": booked.usd} | changes
        last = append(ctx, self.row.id, self.row.session_id, events, epoch=self.epoch, state=state, use=use, **changes)
        if self.is_limited and changes.get("run_state") in {"idle", "queued"}:
            reservations.release(ctx, self.row.id)
        self.is_limited |= ctx.is_limited
        return last

    async def reserve(self, need: int, extra: int, used: int) -> Answer:
        """Set aside of the cycle's limits, if any holds; StaleEpoch when this run is over."""

        def work(ctx: Context) -> Answer:
            reservations.lock(ctx, self.enterprise_id)
            mine = select(session).where(session.c.id == self.row.id).with_for_update()
            row = ctx.db.execute(mine).one_or_none()
            if row is None or row.epoch != self.epoch or row.run_state != "running":
                raise StaleEpoch(self.row.session_id)
            return reservations.reserve(ctx, row, reservations.RUN, need, extra, used)

        answer = await self._call.write(work)
        self.is_limited = answer.granted is not None
        crash_point("reserved")
        return answer

    async def look_for_limits(self) -> None:
        """Find out whether a limit holds by now."""
        found = await self.read(lambda ctx: accounts.of(ctx, self.row.org_id, self.row.user_id))
        self.is_limited = bool(found.limited)

    def _clean(self, event: NewEvent) -> NewEvent:
        text, json_ = self.redactor.text, self.redactor.json
        return NewEvent(event.event_type, event.category, text(event.summary), json_(event.contents), event.direction)

    async def history(self) -> list[LogEvent]:
        """The whole log but for live output, oldest first."""

        def work(ctx: Context) -> list[LogEvent]:
            rows = read_log(ctx, self.row.id, 0, 10_000_000)
            return [self._event(row) for row in rows if not row.event_type.endswith("_output")]

        return await self._call.read(work)

    async def messages_after(self, seq: int) -> list[LogEvent]:
        """User messages behind a sequence number."""

        def work(ctx: Context) -> list[LogEvent]:
            return [self._event(row) for row in ctx.db.execute(self._messages(seq))]

        return await self._call.read(work)

    def _messages(self, seq: int) -> Any:
        columns = session_event.c
        query = select(session_event).where(columns.session == self.row.id, columns.seq > seq)
        return query.where(columns.event_type == MESSAGES[0]).order_by(columns.seq)

    def _last_words(self, ctx: Context) -> str | None:
        columns = session_event.c
        said = select(columns.contents).where(columns.session == self.row.id, columns.event_type == "devin_message")
        found = ctx.db.execute(said.order_by(columns.seq.desc()).limit(1)).scalar()
        return None if found is None else str(json.loads(found)["message"])

    def _event(self, row: Any) -> LogEvent:
        return LogEvent(
            seq=row.seq,
            event_id=event_id(self.row.session_id, row.seq),
            event_type=row.event_type,
            category=row.category,
            direction=row.direction,
            created_at=row.created_at,
            contents=json.loads(row.contents),
        )

    async def start(self, first: Sequence[NewEvent] = ()) -> None:
        """The session works now; it gets a title if nobody gave it one. `first`: what is told before that."""
        after = transition(State.of(self.row.status, self.row.status_detail), Trigger.START)
        events = list(first)
        changes: dict[str, Any] = {}
        if (self.row.status, self.row.status_detail) != (after.status, after.detail):
            events.append(status_event(after))
        if self.row.title is None:
            changes["title"] = self.redactor.text(title_of(self.row.prompt))
            events.append(NewEvent("title_changed", "lifecycle", f"Title: {changes['title']}", dict(changes)))
        if events:
            await self.append(events, state=after, **changes)

    async def settle(
        self,
        trigger: Trigger,
        detail: Detail | None,
        events: list[NewEvent],
        *,
        booked: Booked,
        heard: int,
        reason: str | None,
        used_up: str | None = None,
    ) -> State | None:
        """End the turn; None, and nothing is written, when the user said something that the turn has not heard.

        `used_up`: the kind of account whose limit ends it.
        """
        after = transition(State.of("running", "working"), trigger, detail)
        status = status_event(after, reason)
        status.contents["acus"] = booked.acus / MICRO
        clean = [self._clean(event) for event in [*events, status]]

        def work(ctx: Context) -> bool:
            parent = children.lock_parent(ctx, self.row)
            locked = select(session.c.epoch).where(session.c.id == self.row.id).with_for_update()
            if ctx.db.execute(locked).scalar() != self.epoch:
                raise StaleEpoch(self.row.session_id)
            if trigger is Trigger.SETTLE and ctx.db.execute(self._messages(heard)).first() is not None:
                return False
            idle_since = ctx.now if trigger is Trigger.SETTLE else None
            waits = {"run_state": "idle", "idle_since": idle_since, "active_since": None}
            self._append(ctx, clean, after, booked, waits, booked.use())
            if used_up is not None:
                found = accounts.of(ctx, self.row.org_id, self.row.user_id)
                warnings.tell_used_up(ctx, found, used_up, cycle_of(ctx.now))
            if parent is not None:
                children.tell_parent(ctx, parent, self.row, after, reason or self._last_words(ctx))
            return True

        crash_point("before_settle")
        settled = await self._call.write(work)
        crash_point("settled")
        return after if settled else None

    async def release(self) -> None:
        """Give the session back to the queue as it stands, for the next process to take up."""
        await self.append([], run_state="queued", active_since=None)

    async def read(self, work: Callable[[Context], T]) -> T:
        """A reading transaction."""
        return await self._call.read(work)

    async def append_with(self, events: list[NewEvent], also: Callable[[Context, int], T]) -> T:
        """Append events, and do other work in the same transaction, which gets the last sequence number."""
        clean = [self._clean(event) for event in events]
        return await self._call.write(lambda ctx: also(ctx, self._append(ctx, clean, None, None, {})))

    def write_in(self, ctx: Context, events: list[NewEvent]) -> None:
        """Append events within a transaction of `fenced`."""
        self._append(ctx, [self._clean(event) for event in events], None, None, {})

    async def fenced(self, work: Callable[[Context], T]) -> T:
        """Other work in one transaction that counts only while this run's claim stands."""

        def unit(ctx: Context) -> T:
            self._append(ctx, [], None, None, {})
            return work(ctx)

        return await self._call.write(unit)
