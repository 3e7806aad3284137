"""Drives one session from its log: claim, workspace, agent, end of turn. The activity of any engine driver."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from sqlalchemy import select

from cogmill.access.context import Runtime
from cogmill.domain.attachments.service import stored_file
from cogmill.domain.sessions import children
from cogmill.domain.sessions.log import NewEvent, StaleEpoch
from cogmill.domain.sessions.states import Detail, Trigger
from cogmill.engine.agents.blocks import runbook_text
from cogmill.engine.agents.seam import (
    Agent,
    Attachment,
    Checkout,
    Knowledge,
    LogEvent,
    ModelSettings,
    StepResult,
    Steps,
    Task,
    TurnEnd,
)
from cogmill.engine.allowance import Allowance, Limit
from cogmill.engine.guarding import Asks
from cogmill.engine.knowledge import notes_for
from cogmill.engine.metering import MICRO, ORG_LIMIT, OWN_LIMIT, Meter
from cogmill.engine.outposts import place as outposts
from cogmill.engine.outposts.driver import OutpostDriver
from cogmill.engine.reviewing import Material, fetch_head, prepare, refresh
from cogmill.engine.snapshots.start import load_variables, snapshot_of
from cogmill.engine.store import Claimed, Store, claim
from cogmill.engine.turn import Checkpoint, LiveTurn
from cogmill.engine.variables import Variables
from cogmill.engine.watching import RunWatch
from cogmill.engine.workspace import Source, Workspace
from cogmill.kit.errors import Refusal
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.models.content import attachment
from cogmill.sandbox.protocol import Sandbox, SandboxDriver, SandboxError
from cogmill.sandbox.remote.sandbox import RemoteSandbox
from cogmill.scm.errors import WorkspaceGitError
from cogmill.scm.git import GitError
from cogmill.scm.mirrors import MirrorCache
from cogmill.scm.provider import ProviderError

log = logger("engine")
Outcome = Literal["settled", "again", "released", "gone"]
ChooseAgent = Callable[[str | None, str, str], Agent]
"""From the agent asked for, the text (playbook or prompt) and the mode of the session to the agent that runs."""
LONGEST_DIFF = 512 * 1024


@dataclass(frozen=True, slots=True)
class Tools:
    """What every run of this process shares."""

    runtime: Runtime
    driver: SandboxDriver
    mirrors: MirrorCache
    choose: ChooseAgent
    stopping: asyncio.Event
    model: ModelSettings | None = None
    """Of the installation, for questions that no session asks."""
    looks: set[Callable[[], None]] = field(default_factory=set)
    """Each lets one run look at its limits at once."""


class Unprepared(Exception):
    """The workspace could not be made; the text is for the user."""


async def run_session(tools: Tools, row_id: int) -> Outcome:
    """Run a session until its turn is over. Safe to call at any time, for any session, from any process."""
    claimed = await claim(tools.runtime, row_id)
    if claimed is None:
        return "gone"
    run = Run(tools, claimed)
    outcome: Outcome | None = None
    try:
        outcome = await run.drive()
    except StaleEpoch:
        outcome = "gone"  # ended, put to sleep or taken over: whoever did that wrote it down
    finally:
        run.watch.over(outcome or "lost")
        await asyncio.shield(run.close())
    return outcome


class Run:
    """One claim on one session."""

    def __init__(self, tools: Tools, claimed: Claimed) -> None:
        settings = tools.runtime.settings
        self.tools = tools
        self.claimed = claimed
        self.row = claimed.row
        self.store = Store(tools.runtime, claimed)
        self.workspace = Workspace(tools.runtime, self.store, tools.driver, tools.mirrors)
        which = OWN_LIMIT if claimed.acu_limit == self.row.max_acu_limit else ORG_LIMIT
        gone = self.row.acus_micro + claimed.asked_for
        self.meter = Meter(settings.acu_seconds, settings.acu_per_usd, gone, claimed.acu_limit, which)
        self.allowance = Allowance(self.store, self.meter, tools.stopping, tools.looks)
        self.watch = RunWatch(tools.runtime.traces, self.row, recovered=claimed.recovered)
        self.sandbox: Sandbox | None = None
        self.turn: LiveTurn | None = None
        self.knowledge: tuple[Knowledge, ...] = ()
        self.may_lead = False
        self.review: Material | None = None
        self.refill = ""
        """Ends the keys of steps that fill the workspace, where its files were lost."""

    async def drive(self) -> Outcome:
        """One turn from beginning to end."""
        try:
            if self.claimed.stopped is not None:
                raise Limit(Detail.ORG_USAGE_LIMIT_EXCEEDED, self.claimed.stopped)
            async with self.allowance:
                await self.allowance.ready()
                self.turn = turn = await self._prepare()
                end = await turn.admit() or await self._agent().run(turn)
                await self._note_diff(turn)
        except Limit as limit:
            event = NewEvent("limit_reached", "status", limit.reason, {"detail": limit.detail, "reason": limit.reason})
            return await self._settle(Trigger.SUSPEND, limit.detail, [event], limit.reason, limit.account)
        except Asks:
            end = TurnEnd("waiting_for_approval")
        except Checkpoint:
            await self.store.release()
            return "released"
        except (Unprepared, SandboxError) as error:
            end = TurnEnd("failed", str(error))
        except StaleEpoch:
            raise
        except Exception as error:
            log.exception("run_failed", session_id=self.row.session_id, epoch=self.store.epoch)
            end = TurnEnd(
                "failed", f"The server failed in this session ({type(error).__name__}). Its log has the cause."
            )
        return await self._finish(end)

    async def _finish(self, end: TurnEnd) -> Outcome:
        crash_point("turn_ended")
        events = []
        if end.message:
            events.append(NewEvent("devin_message", "message", end.message, {"message": end.message}))
        if end.outcome == "failed" and not end.resumable:
            return await self._settle(Trigger.FAIL, None, events, end.message)
        if end.outcome == "failed":
            return await self._settle(Trigger.SUSPEND, Detail.ERROR, events, end.message)
        return await self._settle(Trigger.SETTLE, Detail(end.outcome), events, None)

    async def _settle(
        self, trigger: Trigger, detail: Detail | None, events: list[NewEvent], reason: str | None,
        used_up: str | None = None,
    ) -> Outcome:  # fmt: skip
        heard = self.turn.heard if self.turn else 2**31
        booked = self.meter.book()
        settled = await self.store.settle(
            trigger, detail, events, booked=booked, heard=heard, reason=reason, used_up=used_up
        )
        if settled is not None:
            self.watch.settled(settled.status, settled.detail)
            return "settled"
        # Booked with an event: the log must say all that the row says.
        told = {"acus": booked.acus / MICRO}
        event = NewEvent("turn_continued", "lifecycle", "Goes on: the user wrote meanwhile", told)
        await self.store.append([event], booked=booked, use=booked.use(), run_state="queued", active_since=None)
        return "again"

    async def close(self) -> None:
        """Kill what runs in the sandbox; the files stay for the next turn."""
        if self.sandbox is not None:
            sandbox, self.sandbox = self.sandbox, None
            await sandbox.close()

    def _agent(self) -> Agent:
        request = self.row.request
        text = runbook_text(self._playbook(), self.row.prompt)
        return self.tools.choose(self.row.agent, text, request.get("devin_mode", "normal"))

    def _playbook(self) -> str | None:
        """The session's own, or of a review what the repository wants to be run."""
        if self.review is not None and self.review.playbook is not None:
            return self.review.playbook
        text: str | None = self.row.request.get("playbook")
        return text

    async def _prepare(self) -> LiveTurn:
        """Sandbox, clones and attachments as the log says they should be; then the turn over them."""
        await self._note_first_unsafe_use()
        files = await self._attachments()
        repos: list[str] = self.row.request.get("repos") or []
        await asyncio.to_thread(self.workspace.folder.mkdir, parents=True, exist_ok=True, mode=0o711)
        for repo in repos:
            self.workspace.sources.append(await self._fetch(repo))
        self.sandbox = await self._start_sandbox()
        crash_point("sandbox_started")
        history = await self.store.history()
        self.knowledge, told = await notes_for(self.tools.runtime, self.store, history)
        self.may_lead = await self.store.read(lambda ctx: children.may_lead(ctx, self.row))
        await self.store.start(told)
        crash_point("started")
        task = self._task(files)
        turn = self._turn(task, self.sandbox, history)
        self.refill = outposts.suffix(history)
        checkouts = [await self._clone(turn, source) for source in self.workspace.sources]
        for row, path in zip(files, _attachment_paths(files), strict=True):
            await self._bring(turn, f"attachment:{row.attachment_id}", row._asdict() | {"path": path})
        self.turn = turn
        for event in turn.history:
            await self._bring_all(event)
        if not checkouts:
            return turn
        if (about := self.row.request.get("review")) is not None:
            self.review = await self._material(turn, about)
        turn.task = self._task(files, tuple(checkouts))
        return turn

    async def _start_sandbox(self) -> Sandbox:
        """Here, from the organization's snapshot if it has one; or on the worker that serves the session."""
        driver = self.tools.driver
        if isinstance(driver, OutpostDriver):
            return await self._start_at_outpost(driver)
        self.workspace.snapshot = await snapshot_of(self.store, self.workspace.folder)
        self.sandbox = sandbox = self.workspace.sandbox()
        await sandbox.start()
        await load_variables(sandbox, self.workspace)
        return sandbox

    async def _start_at_outpost(self, driver: OutpostDriver) -> Sandbox:
        driver.keep = await outposts.keep_of(self.store)
        try:
            about = self.row.request.get("review") or {}
            await outposts.bring_mirrors(driver, self.workspace, about.get("head_commit"))
        except (GitError, OSError) as error:
            raise Unprepared(f"The repositories cannot be brought to the worker: {error}.") from None
        self.sandbox = sandbox = self.workspace.sandbox()
        await sandbox.start()
        assert isinstance(sandbox, RemoteSandbox)  # noqa: S101 - of that driver
        await outposts.settle(self.store, driver, sandbox, tell_agent=self._agent().name == "model")
        return sandbox

    def _turn(self, task: Task, sandbox: Sandbox, history: Sequence[LogEvent]) -> LiveTurn:
        return LiveTurn(
            self.store,
            self.workspace,
            sandbox,
            task,
            history,
            Variables(self.claimed.secrets),
            self.allowance,
            self.tools.stopping,
            self._bring_all,
            self.watch,
            self.tools.model,
        )

    async def _note_first_unsafe_use(self) -> None:
        if self.tools.driver.name == "none" and self.row.epoch == 1:
            text = "This session runs WITHOUT a sandbox: the server was started with --unsafe-no-sandbox."
            await self.store.append([NewEvent("sandbox_missing", "status", text, {"isolated": False})])

    async def _fetch(self, repo: str) -> Source:
        try:
            about = self.row.request.get("review")
            if about is not None:
                await refresh(self.workspace, about, repo)
            source = await self.workspace.fetch(repo)
            if about is not None:
                await fetch_head(self.workspace, source, about)
            return source
        except (Refusal, GitError, ProviderError, OSError) as error:
            raise Unprepared(
                f"The repository {repo} cannot be cloned: {error}. Put that right, then write a message to try again."
            ) from None

    async def _material(self, turn: LiveTurn, about: dict[str, Any]) -> Material:
        assert self.sandbox is not None  # noqa: S101 - started before
        try:
            return await prepare(turn, self.sandbox, self.workspace.sources[0], about)
        except (Refusal, GitError) as error:
            raise Unprepared(f"Pull request #{about['number']} cannot be looked at: {error}") from None

    async def _clone(self, turn: LiveTurn, source: Source) -> Checkout:
        async def action(steps: Steps) -> StepResult:  # noqa: ARG001 - every action gets them
            assert self.sandbox is not None  # noqa: S101 - started before
            before = outposts.cloned_before(turn.history, source.forge_name) if self.refill else None
            if before is not None:
                return await outposts.clone_again(self.workspace, self.sandbox, source, before)
            return await self.workspace.clone(self.sandbox, source)

        attempt = 1
        while True:
            key = f"clone:{source.forge_name}{self.refill}" + (f":{attempt}" if attempt > 1 else "")
            made = await turn.step(key, "git_clone", "git", f"Clone {source.forge_name}", action)
            if made.ok:
                return self.workspace.know(made.contents)
            if not made.replayed:
                raise Unprepared(f"Cloning {source.forge_name} failed: {made.contents.get('error')}")
            attempt += 1  # it failed in an earlier turn; the user asked to go on

    async def _attachments(self) -> list[Any]:
        ids = self.row.request.get("attachments")
        if not ids:
            return []
        query = (
            select(attachment)
            .where(attachment.c.attachment_id.in_(ids))
            .order_by(attachment.c.created_at, attachment.c.attachment_id)
        )
        return await self.store.read(lambda ctx: list(ctx.db.execute(query)))

    async def _bring_all(self, message: LogEvent) -> None:
        """The files that came with a user's message."""
        files = message.contents.get("attachments") if message.event_type == "user_message" else None
        for one in files or ():
            if isinstance(one, dict) and self.turn is not None:  # the prompt's are there, and only named
                await self._bring(self.turn, f"attachment:{message.seq}:{one['attachment_id']}", one)

    async def _bring(self, turn: LiveTurn, key: str, file: Mapping[str, Any]) -> None:
        async def action(steps: Steps) -> StepResult:  # noqa: ARG001
            assert self.sandbox is not None  # noqa: S101
            content = await asyncio.to_thread(self._stored(file["attachment_id"]).read_bytes)
            await self.sandbox.write_file(file["path"], content)
            return StepResult({"path": file["path"], "size": file["size"]}, summary=f"Attachment {file['name']}")

        await turn.step(key + self.refill, "file_write", "file", f"Bring {file['name']}", action)

    def _stored(self, attachment_id: str) -> Path:
        return stored_file(self.tools.runtime.settings.data, attachment_id)

    def _task(self, files: list[Any], checkouts: tuple[Checkout, ...] = ()) -> Task:
        request = self.row.request
        recording = request.get("recording")
        return Task(
            session_id=self.row.session_id,
            title=self.row.title,
            prompt=self.row.prompt,
            playbook=self._playbook(),
            review=self.review.text if self.review is not None else None,
            structured_output_schema=request.get("structured_output_schema"),
            structured_output_required=request.get("structured_output_required", True),
            devin_mode=request.get("devin_mode", "normal"),
            checkouts=checkouts,
            attachments=tuple(
                Attachment(row.name, path, row.content_type, row.attachment_id, row.size)
                for row, path in zip(files, _attachment_paths(files), strict=True)
            ),
            secrets=tuple(one.name for one in self.claimed.secrets),
            knowledge=self.knowledge,
            session_links=tuple(request.get("session_links") or ()),
            environment=snapshot.text() if (snapshot := self.workspace.snapshot) is not None else None,
            advanced_mode=request.get("advanced_mode"),
            child_playbook=request.get("child_playbook"),
            may_lead=self.may_lead,
            bypass_approval=bool(request.get("bypass_approval")),
            recording=self._stored(recording) if recording else None,
        )

    async def _note_diff(self, turn: LiveTurn) -> None:
        """Write down what the workspace differs in, so that it can be looked at while nothing runs."""
        if not self.workspace.clones or self.sandbox is None or not self.sandbox.alive:
            return
        try:
            diffs = await self.workspace.diffs(self.sandbox)
        except (WorkspaceGitError, SandboxError) as error:
            log.warning("diff_failed", session_id=self.row.session_id, error=str(error))
            return
        for one in diffs:
            one["diff"] = self.store.redactor.text(one["diff"])[:LONGEST_DIFF]
        known = [e.contents.get("diffs") for e in turn.history if e.event_type == "workspace_diff"]
        if not known or known[-1] != self.store.redactor.json(diffs):
            await turn.emit("workspace_diff", "git", "Changes of the workspace", {"diffs": diffs})


def _attachment_paths(files: list[Any]) -> list[str]:
    """Where they lie, in their order; a name that is there already gets a number before its ending."""
    names: list[str] = []
    for row in files:
        name, number = PurePosixPath(row.name), 1
        while (tried := name.name if number == 1 else f"{name.stem}-{number}{name.suffix}") in names:
            number += 1
        names.append(tried)
    return [f"/workspace/attachments/{name}" for name in names]
