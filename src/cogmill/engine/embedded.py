"""The engine inside the server process: asyncio tasks over a fair queue. Waiting sessions cost nothing."""

import asyncio
import time
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from cogmill.access.context import Context
from cogmill.access.scope import Scope
from cogmill.domain.blueprints.service import AUTOMATIC_BUILDS
from cogmill.domain.code_scans.ingesting import READING
from cogmill.domain.code_scans.service import LOOP as CODE_SCANS
from cogmill.domain.happenings.reactions import AUTOMATIONS
from cogmill.domain.happenings.record import WEBHOOKS
from cogmill.domain.insights.jobs import LOOP as INSIGHTS
from cogmill.domain.mails.service import LOOP as MAILS
from cogmill.domain.outposts.claims import forget_connections
from cogmill.domain.outposts.queue import LOOP as OUTPOSTS
from cogmill.domain.pr_reviews.jobs import LOOP as PR_REVIEWS
from cogmill.domain.pull_requests.service import LOOP as PULL_REQUESTS
from cogmill.domain.repositories.jobs import FETCHING, INDEXING
from cogmill.domain.schedules.service import LOOP as SCHEDULES
from cogmill.domain.sessions.create import PRIORITIES
from cogmill.domain.sessions.log import append, status_event
from cogmill.domain.sessions.states import Detail, State, Trigger, transition
from cogmill.engine.fair_queue import FairQueue
from cogmill.engine.heartbeat import Heartbeat
from cogmill.engine.loops import (
    automatic_builds,
    automations,
    code_scans,
    deleted_organizations,
    idempotent_requests,
    mails,
    outposts,
    pr_reviews,
    pull_requests,
    schedules,
    sums,
    webhooks,
    workspaces,
)
from cogmill.engine.loops.due import DueLoop
from cogmill.engine.loops.fetching import Fetching
from cogmill.engine.loops.indexing import Indexing
from cogmill.engine.loops.insights import Insights
from cogmill.engine.outposts.workers import Workers
from cogmill.engine.runner import Tools, run_session
from cogmill.engine.snapshots.builder import SnapshotBuilder
from cogmill.kit import metrics
from cogmill.kit.logs import logger
from cogmill.models.sessions import session
from cogmill.web.call import Call

log = logger("engine")
BUSY = 8
"""Writes in the queue from which on starting sessions gives way to requests."""


class EmbeddedEngine:
    """Driver of the `Engine` seam for one process."""

    def __init__(self, tools: Tools) -> None:
        settings = tools.runtime.settings
        self._tools = tools
        self._queue = FairQueue(settings.max_running_sessions, settings.max_running_sessions_per_org)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._again: dict[int, tuple[str, int]] = {}
        self._workers = Workers(tools, self._tasks)
        self._runnable_since: dict[int, float] = {}
        self._idle_changed = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._call = Call(tools.runtime, Scope("", None), "engine", None)
        clock = tools.runtime.clock
        runs = {MAILS: mails.run_once, PULL_REQUESTS: pull_requests.run_once, PR_REVIEWS: pr_reviews.run_once}
        self._due = {name: DueLoop(name, partial(run, self._call), clock) for name, run in runs.items()}
        self._burst = schedules.Burst()
        self._due[SCHEDULES] = DueLoop(SCHEDULES, partial(schedules.run_once, self._call, self._burst), clock)
        self._deliveries = webhooks.Deliveries(self._call, lambda: self.due(WEBHOOKS))
        self._due[AUTOMATIONS] = DueLoop(AUTOMATIONS, partial(automations.run_once, self._call), clock)
        self._due[WEBHOOKS] = DueLoop(WEBHOOKS, self._deliveries.run_once, clock)
        self._due[sums.LOOP] = DueLoop(sums.LOOP, partial(sums.run_once, self._call), clock)
        self._due[OUTPOSTS] = DueLoop(OUTPOSTS, partial(outposts.run_once, self._call), clock)
        self._due[INDEXING] = DueLoop(INDEXING, Indexing(tools.runtime).run_once, clock)
        self._fetching = Fetching(self._call, tools.mirrors, lambda: self.due(FETCHING))
        self._due[FETCHING] = DueLoop(FETCHING, self._fetching.run_once, clock)
        self._due[AUTOMATIC_BUILDS] = DueLoop(
            AUTOMATIC_BUILDS, partial(automatic_builds.queue_changed, self._call), clock
        )
        moves = automatic_builds.Moves(self._call, tools.mirrors)
        self._due[automatic_builds.MOVES] = DueLoop(automatic_builds.MOVES, moves.run_once, clock)
        self._due[CODE_SCANS] = DueLoop(CODE_SCANS, partial(code_scans.repeat_due, self._call), clock)
        reading = partial(code_scans.read_reports, self._call, tools.mirrors)
        self._due[READING] = DueLoop(READING, reading, clock)
        self._due[INSIGHTS] = DueLoop(INSIGHTS, Insights(tools.runtime, tools.model).run_once, clock)
        self._builder = SnapshotBuilder(tools.runtime, tools.driver, tools.mirrors, tools.stopping)
        self._heartbeat = Heartbeat(self._call, lambda: self._queue.running, self._hold)
        tools.runtime.signals.build_queued = self._builder.wake
        tools.runtime.signals.build_cancelled = self._builder.cancelled

    async def start(self) -> None:
        """Take up what the last process left."""
        await self._heartbeat.begin()
        await self._call.write(forget_connections)

        def work(ctx: Context) -> list[tuple[int, str, int]]:
            columns = (session.c.id, session.c.org_id, session.c.request)
            waiting = session.c.outpost_id.is_(None), session.c.run_state != "idle"
            query = select(*columns).where(*waiting).order_by(session.c.id)
            rows = ctx.db.execute(query)
            return [(row.id, row.org_id, PRIORITIES.get(row.request.get("devin_mode"), 1)) for row in rows]

        left = await self._call.read(work)
        if left:
            log.info("sessions_taken_up", count=len(left))
        for row_id, org_id, priority in left:
            self._add(row_id, org_id, priority)
        self._pump()
        await self._builder.start()
        loops = {
            "heartbeat": self._heartbeat.run,
            "suspend_idle": self._suspend_idle,
            "clean_up": self._clean_up,
            "forget_answers": self._forget_answers,
            "purge": self._purge,
            "forget_deliveries": self._forget_deliveries,
            **{name: one.run for name, one in self._due.items()},
        }
        self._loops = [asyncio.create_task(loop(), name=name) for name, loop in loops.items()]
        for task in self._loops:
            task.add_done_callback(_tell_if_dead)

    def runnable(self, row_id: int, org_id: str, priority: int) -> None:
        """Queue a session; one whose last turn is just ending is queued when it has ended."""
        if row_id in self._tasks:
            self._again[row_id] = (org_id, priority)
        else:
            self._add(row_id, org_id, priority)
            self._pump()

    def cancelled(self, row_id: int) -> None:
        """Stop a session's run; its sandbox dies with it."""
        task = self._tasks.get(row_id)
        if task is not None:
            task.cancel()

    def limited(self) -> None:
        """Let everything that runs look at its limits now."""
        for look in self._tools.looks:
            look()

    @property
    def workers(self) -> Workers:
        """Of outposts."""
        return self._workers

    def runs(self, row_id: int) -> bool:
        """Whether a session runs here now."""
        return row_id in self._tasks

    def trouble(self) -> str | None:
        """Why the engine does not do its work: background work that has ended, or a database that takes nothing."""
        dead = sorted(task.get_name() for task in self._loops if task.done())
        if dead and not self._tools.stopping.is_set():
            return f"background work has ended ({', '.join(dead)}); the log says why, a restart begins it anew"
        return self._heartbeat.trouble

    def due(self, loop: str) -> None:
        """Wake a background loop by its name."""
        self._due[loop].wake()

    async def stop(self) -> None:
        """Let running steps end for a moment, then cut them; every session stays queued for the next start."""
        self._tools.stopping.set()
        await self._builder.stop()
        for task in (*self._loops, *self._deliveries.attempts(), *self._fetching.attempts()):
            task.cancel()
        running = list(self._tasks.values())
        if running:
            _, late = await asyncio.wait(running, timeout=self._tools.runtime.settings.shutdown_grace_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=5)
        await self._heartbeat.end()

    def _hold(self, is_held: bool) -> None:
        """Take no session and no build, or take them again. What runs goes on."""
        self._queue.is_held = is_held
        self._builder.hold(is_held)
        self._workers.hold(is_held)
        self._pump()

    def _add(self, row_id: int, org_id: str, priority: int) -> None:
        self._runnable_since.setdefault(row_id, time.monotonic())
        self._queue.add(row_id, org_id, priority)

    def _pump(self) -> None:
        while not self._tools.stopping.is_set() and (taken := self._queue.take()) is not None:
            row_id, org_id = taken
            task = asyncio.create_task(self._run(row_id))
            self._tasks[row_id] = task
            task.add_done_callback(partial(self._ended, row_id, org_id))
        metrics.SESSIONS_RUNNING.set(self._queue.running)
        metrics.SESSIONS_WAITING.set(self._queue.waiting)

    async def _run(self, row_id: int) -> None:
        await self._give_way()
        metrics.SESSION_QUEUE_SECONDS.observe(time.monotonic() - self._runnable_since.pop(row_id, time.monotonic()))
        outcome = await run_session(self._tools, row_id)
        if outcome == "again":
            self._again.setdefault(row_id, ("", 0))
        elif outcome == "settled":
            self._idle_changed.set()

    async def _give_way(self) -> None:
        """A session that may start lets a burst of requests go first for a second, of schedules for three."""
        for tries in range(300):
            is_busy = tries < 100 and self._tools.runtime.database.waiting >= BUSY
            if not is_busy and not self._burst.is_on:
                return
            await asyncio.sleep(0.01)

    def _ended(self, row_id: int, org_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(row_id, None)
        self._queue.done(org_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("run_lost", row=row_id, error=repr(error), exc_info=error)
            asyncio.get_running_loop().call_later(5, self.runnable, row_id, org_id, 1)
        again = self._again.pop(row_id, None)
        if again is not None:
            self._add(row_id, org_id, again[1])
        self._pump()

    async def _suspend_idle(self) -> None:
        """Put sessions to sleep that waited long enough; sleeps itself until the first one is due."""
        patience = self._tools.runtime.settings.idle_suspend_seconds
        while True:
            self._idle_changed.clear()
            try:
                due = await self._call.read(_next_idle)
                if due is None:
                    await self._idle_changed.wait()
                    continue
                await asyncio.sleep(max(due + patience - self._tools.runtime.clock(), 0) + 0.01)
                await self._call.write(partial(_suspend_before, self._tools.runtime.clock() - patience))
            except (OSError, SQLAlchemyError):
                metrics.LOOP_FAILURES.labels("idle_not_suspended").inc()
                log.exception("idle_not_suspended")
                await asyncio.sleep(DueLoop.AFTER_FAILURE)

    async def _clean_up(self) -> None:
        settings = self._tools.runtime.settings
        while True:
            try:
                await workspaces.run_once(self._call, settings.data / "sessions", settings.workspace_keep_hours * 3600)
            except (OSError, SQLAlchemyError):
                metrics.LOOP_FAILURES.labels("clean_up_failed").inc()
                log.exception("clean_up_failed")
            await asyncio.sleep(workspaces.EVERY_SECONDS)

    async def _forget_answers(self) -> None:
        keep = self._tools.runtime.settings.idempotency_keep_hours * 3600
        while True:
            try:
                await idempotent_requests.run_once(self._call, keep)
            except SQLAlchemyError:
                metrics.LOOP_FAILURES.labels("answers_not_removed").inc()
                log.exception("answers_not_removed")
            await asyncio.sleep(idempotent_requests.EVERY_SECONDS)

    async def _purge(self) -> None:
        settings = self._tools.runtime.settings
        while True:
            try:
                keep = settings.organization_retention_days * 86_400
                await deleted_organizations.run_once(self._call, settings.data, keep)
            except (OSError, SQLAlchemyError):
                metrics.LOOP_FAILURES.labels("organization_not_purged").inc()
                log.exception("organization_not_purged")
            await asyncio.sleep(deleted_organizations.EVERY_SECONDS)

    async def _forget_deliveries(self) -> None:
        keep = self._tools.runtime.settings.webhook_log_days * 86_400
        while True:
            try:
                await webhooks.forget(self._call, keep)
                await automations.forget(self._call, keep)
            except SQLAlchemyError:
                metrics.LOOP_FAILURES.labels("deliveries_not_removed").inc()
                log.exception("deliveries_not_removed")
            await asyncio.sleep(webhooks.FORGET_EVERY_SECONDS)


def _tell_if_dead(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("loop_ended", loop=task.get_name(), error=repr(error), exc_info=error)


def _next_idle(ctx: Context) -> float | None:
    """Since when the session waits that waits longest."""
    columns = session.c
    query = select(columns.idle_since).where(columns.idle_since.is_not(None)).order_by("idle_since").limit(1)
    found: float | None = ctx.db.execute(query).scalar()
    return found


def _suspend_before(moment: float, ctx: Context) -> None:
    query = select(session).where(session.c.idle_since <= moment).limit(200).with_for_update()
    for row in ctx.db.execute(query).all():
        after = transition(State.of(row.status, row.status_detail), Trigger.SUSPEND, Detail.INACTIVITY)
        append(ctx, row.id, row.session_id, [status_event(after)], state=after, idle_since=None)
