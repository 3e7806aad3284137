"""Runs one build: a fresh sandbox, the steps of every blueprint in order, and what is left becomes the snapshot."""

import asyncio
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from cogmill.access.context import Context, Runtime
from cogmill.access.scope import Scope
from cogmill.domain.blueprints.form import Step
from cogmill.domain.snapshot_builds import runs
from cogmill.domain.snapshot_builds.service import log_file
from cogmill.engine.loops.workspaces import remove
from cogmill.engine.redaction import Redactor
from cogmill.engine.snapshots.build_log import BuildLog
from cogmill.engine.snapshots.inputs import Inputs, Part, Unbuildable, read_inputs
from cogmill.engine.snapshots.plan import Plan, Redo, choose, described
from cogmill.engine.snapshots.snapshot import ENVRC, snapshot_folder
from cogmill.engine.snapshots.sources import Fetched, fetch, settle
from cogmill.engine.variables import Variables, to_hide
from cogmill.engine.workspace import numbered, sandbox_environment, sandbox_limits
from cogmill.kit.errors import Refusal
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.sandbox.layers import copy_base
from cogmill.sandbox.protocol import Sandbox, SandboxDriver, SandboxError, SandboxSpec
from cogmill.scm.checkout import Clone, Identity, mark_as_snapshot, prepare_clone
from cogmill.scm.errors import WorkspaceGitError
from cogmill.scm.git import GitError
from cogmill.scm.mirrors import MirrorCache
from cogmill.web.call import Call

log = logger("snapshots")
AGAIN_SECONDS = 5.0
_STEP = 'set -a; [ ! -f "$ENVRC" ] || . "$ENVRC"; set +a; cd -- "$COGMILL_FOLDER" && exec bash -e "$COGMILL_STEP"'


class Failed(Exception):
    """Which step failed, and how."""


@dataclass(frozen=True, slots=True)
class Place:
    """A blueprint's part of the workspace."""

    part: Part
    folder: str
    redo: Redo
    clone: dict[str, str] | None = None


@dataclass(slots=True)
class Build:
    """One claim on one build."""

    runtime: Runtime
    driver: SandboxDriver
    mirrors: MirrorCache
    row: Any
    stopping: asyncio.Event
    sandbox: Sandbox | None = None
    log: BuildLog | None = None
    places: list[Place] = field(default_factory=list)
    variables: Variables = field(default_factory=lambda: Variables([]))
    number: int = 0

    @property
    def root(self) -> Path:
        return self.runtime.settings.data / "builds" / str(self.row.build_id)

    @property
    def call(self) -> Call:
        return Call(self.runtime, Scope("", self.row.org_id), f"build-{self.row.build_id[6:18]}", None)

    async def run(self) -> None:
        """To the end, whatever happens; cancelling kills what runs."""
        failed: str | None = None
        context: dict[str, Any] | None = None
        try:
            seconds = self.runtime.settings.snapshot_build_seconds
            try:
                async with asyncio.timeout(seconds):
                    context = await self._make()
            except TimeoutError:
                failed = f"The build took longer than {seconds:g} seconds (snapshot_build_seconds)."
            except (Failed, Unbuildable, SandboxError) as error:
                failed = str(error)
            except Exception as error:
                log.exception("build_failed", build_id=self.row.build_id)
                failed = f"The server failed in this build ({type(error).__name__}). Its log has the cause."
            await self._close()
            await self._settle(failed, context)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_up())
            raise

    async def _settle(self, failed: str | None, context: dict[str, Any] | None) -> None:
        """The snapshot lies in its place before anybody is told of it."""
        kept = snapshot_folder(self.runtime.settings.data, self.row.build_id)
        if failed is None:
            failed = await asyncio.to_thread(_keep, self.root, kept)
            crash_point("snapshot_kept")
        self._say(f"FAILED: {failed}" if failed else "The snapshot is ready.")
        clean = None if failed is None else self._clean(failed)
        await asyncio.to_thread(remove, self.root)  # on a full disk this makes room for what follows
        settled = await self._write_end(clean, context)
        if failed is not None or not settled:
            await asyncio.to_thread(remove, kept)
        self._end_log()
        log.info("build_ended", build_id=self.row.build_id, failed=clean, counts=settled)

    async def _write_end(self, failed: str | None, context: dict[str, Any] | None) -> bool:
        """Until it is written: a build that is left as running lets no other one of its organization begin."""
        while True:
            try:
                return await self.call.write(lambda ctx: runs.end(ctx, self.row, failed, context))
            except SQLAlchemyError:
                log.exception("build_end_not_written", build_id=self.row.build_id)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _give_up(self) -> None:
        """Cancelled by a user, or the server stops: then the build waits for the next process."""
        await self._close()
        if self.stopping.is_set():
            await self.call.write(lambda ctx: runs.release(ctx, self.row))
        else:
            self._say("Cancelled.")
        await asyncio.to_thread(remove, self.root)
        self._end_log()

    async def _close(self) -> None:
        if self.sandbox is not None:
            sandbox, self.sandbox = self.sandbox, None
            await sandbox.close()

    def _clean(self, text: str) -> str:
        return self._redactor().text(text)[:2000]

    def _redactor(self) -> Redactor:
        return Redactor(to_hide(self.variables.all))

    def _say(self, text: str) -> None:
        if self.log is not None:
            self.log.line(text)

    def _end_log(self) -> None:
        if self.log is not None:
            self.log.close()
            self.log = None

    # The work

    async def _make(self) -> dict[str, Any]:
        """Run everything; answers what sessions are told."""
        path = log_file(self.runtime.settings.data, self.row.build_id)
        self.log = BuildLog(path, self._redactor())
        await asyncio.to_thread(remove, self.root)
        inputs = await self._read()
        self.variables = Variables(inputs.secrets)
        self.log.close()
        self.log = BuildLog(path, self._redactor())
        self._say(f"Build {self.row.build_id}, attempt {self.row.attempt}: {len(inputs.parts)} blueprint(s).")
        parts, fetched = await self._fetch(inputs.parts)
        plan, folders = await self._plan(inputs, parts, fetched)
        if plan.base_build_id is not None:
            base = snapshot_folder(self.runtime.settings.data, plan.base_build_id)
            await asyncio.to_thread(copy_base, self.root, base)
        self.sandbox = self._sandbox(fetched)
        await self.sandbox.start()
        crash_point("build_started")
        await self._prepare(parts)
        await self._run_parts([self._place(self.sandbox, part, plan, folders, fetched) for part in parts], fetched)
        return await self._context(self.sandbox)

    async def _read(self) -> Inputs:
        def work(ctx: Context) -> Inputs:
            if not runs.stands(ctx, self.row):
                raise Failed("It was cancelled before it began.")
            return replace(read_inputs(ctx, self.row.org_id), base=runs.newest(ctx, self.row.org_id))

        return await self.call.read(work)

    async def _fetch(self, parts: list[Part]) -> tuple[list[Part], dict[str, Fetched]]:
        """The parts with what repositories bring themselves, and each repository by its blueprint's id."""
        known: list[Part] = []
        fetched: dict[str, Fetched] = {}
        seen: dict[str, dict[str, Any]] = {}
        try:
            for part in parts:
                seen[part.blueprint_id] = described(part, None)
                if part.repo_name is not None:
                    self._say(f"Fetching {part.repo_name}")
                    org_id, since = self.row.org_id, self.row.created_at
                    source, refs = await fetch(self.runtime, self.mirrors, org_id, part, since)
                    commit = refs.branches.get(part.form.branch or refs.default_branch or "")
                    seen[part.blueprint_id] = described(part, commit)
                    part, fetched[part.blueprint_id] = await settle(part, source, refs)
                    if part.origin is not None:
                        self._say(f"{part.label}: its blueprint is {part.origin}")
                known.append(part)
        except Unbuildable:  # when the repository has moved, it is tried again
            await self._note(None, 0.0, seen, {})
            raise
        return known, fetched

    async def _note(
        self, base: str | None, full_at: float, parts: dict[str, dict[str, Any]], folders: dict[str, str]
    ) -> None:
        clones = [{"blueprint_id": name, "folder": folder} for name, folder in folders.items()]
        made_of = {"full_at": full_at, "parts": parts, "clones": clones}
        await self.call.write(lambda ctx: runs.note(ctx, self.row, base, made_of))

    async def _plan(
        self, inputs: Inputs, parts: list[Part], fetched: dict[str, Fetched]
    ) -> tuple[Plan, dict[str, str]]:
        """What is run, and where the clones lie; written down for builds to come."""
        now = {
            part.blueprint_id: described(part, one.commit if (one := fetched.get(part.blueprint_id)) else None)
            for part in parts
        }
        plan, began = Plan("every step was asked for"), float(self.row.started_at)
        if self.row.is_partial:
            plan = choose(parts, now, self._base(inputs))
        self._say(f"From nothing: {plan.reason}." if plan.reason else f"On top of the snapshot {plan.base_build_id}.")
        folders = _folders(fetched, plan)
        full_at = began if inputs.base is None or plan.reason else inputs.base.made_of["full_at"]
        await self._note(plan.base_build_id, full_at, now, folders)
        return plan, folders

    def _base(self, inputs: Inputs) -> Any | None:
        """Builds that nobody asked for begin from nothing now and then, so that what has piled up goes."""
        oldest = self.row.started_at - self.runtime.settings.snapshot_full_hours * 3600
        if inputs.base is not None and self.row.trigger == "auto" and inputs.base.made_of["full_at"] <= oldest:
            return None
        return inputs.base

    def _sandbox(self, fetched: dict[str, Fetched]) -> Sandbox:
        s = self.runtime.settings
        self.root.parent.mkdir(exist_ok=True, mode=0o711)
        environment = sandbox_environment(s) | {"COGMILL_BUILD_ID": self.row.build_id}
        binds = {one.source.bind: one.source.mirror for one in fetched.values()}
        network = s.sandbox_network or s.snapshot_network
        return self.driver.create(
            SandboxSpec(self.row.build_id, self.root, binds, network, environment, sandbox_limits(s))
        )

    def _inside(self, sandbox: Sandbox, folder: str) -> str:
        """A folder of the session as commands see it."""
        places = {"workspace": "/workspace", "home": "/home/agent"}
        return places[folder] if sandbox.isolated else str(self.root / folder)

    async def _prepare(self, parts: list[Part]) -> None:
        """The files of blueprints, outside of what is kept."""
        assert self.sandbox is not None  # noqa: S101 - started before
        home = self._inside(self.sandbox, "home")
        await self.sandbox.exec(["mkdir", "-p", f"{home}/.cogmill"])
        for part in parts:
            for file in part.files:
                await self.sandbox.write_file(self._file(part, file.name), file.content)

    def _scratch(self) -> str:
        """A folder inside that is not kept."""
        assert self.sandbox is not None  # noqa: S101
        return "/tmp/build" if self.sandbox.isolated else str(self.root / "state" / "build")  # noqa: S108 - its own

    def _file(self, part: Part, name: str) -> str:
        return f"{self._scratch()}/{part.blueprint_id}/{name}"

    def _place(
        self, sandbox: Sandbox, part: Part, plan: Plan, folders: dict[str, str], fetched: dict[str, Fetched]
    ) -> Place:
        if part.repo_name is None:
            return Place(part, self._inside(sandbox, "home"), plan.of(part))
        source, folder = fetched[part.blueprint_id].source, folders[part.blueprint_id]
        mirror = source.mirror.relative_to(self.runtime.settings.data)
        clone = {"name": source.forge_name, "folder": folder, "mirror": str(mirror)}
        return Place(part, f"{self._inside(sandbox, 'workspace')}/{folder}", plan.of(part), clone)

    async def _run_parts(self, places: list[Place], fetched: dict[str, Fetched]) -> None:
        """Enterprise and organization first, then each repository in its clone, at the end what checks the whole."""
        self.places = places
        wide = [place for place in places if place.clone is None]
        files = dict[str, str]()
        for place in wide:
            files |= self._files(place.part)
            await self._run_part(place, files)
        for place in places:
            if place.clone is not None:
                if place.redo != "nothing":
                    await self._clone(place, fetched[place.part.blueprint_id])
                await self._run_part(place, files | self._files(place.part))
        for place in wide:
            for step in place.part.form.post_build:
                await self._step(place, step, files)

    def _files(self, part: Part) -> dict[str, str]:
        return {file.variable: self._file(part, file.name) for file in part.files}

    async def _run_part(self, place: Place, files: dict[str, str]) -> None:
        form = place.part.form
        if place.redo == "nothing":
            self._say(f"{place.part.label}: nothing has changed")
        initialize = form.initialize if place.redo == "all" else []
        maintenance = form.maintenance if place.redo != "nothing" else []
        for step in (*initialize, *maintenance):
            await self._step(place, step, files)

    async def _clone(self, place: Place, fetched: Fetched) -> None:
        """Make the clone, or bring the one that came with the base to the newest commit."""
        assert self.sandbox is not None  # noqa: S101
        settings, source, branch = self.runtime.settings, fetched.source, fetched.branch
        self._say(f"Cloning {source.forge_name} ({branch}) to {place.folder}")
        wanted = Clone(source.forge_name, place.folder, branch, fetched.commit, branch)
        try:
            if place.redo == "all":
                await self.sandbox.exec(["rm", "-rf", "--", place.folder])
            await prepare_clone(
                self.sandbox, wanted, fetched.refs, mirror=self.sandbox.seen(source.bind), origin=source.ref.origin,
                identity=Identity(settings.git_author_name, settings.git_author_email),
            )  # fmt: skip
            await mark_as_snapshot(self.sandbox, wanted)
        except (Refusal, GitError, WorkspaceGitError, OSError) as error:
            raise Failed(f"{place.part.label}: it cannot be cloned: {error}") from None

    async def _step(self, place: Place, step: Step, files: dict[str, str]) -> None:
        """One script in a shell of its own; what it appends to $ENVRC counts for all that follow."""
        assert self.sandbox is not None  # noqa: S101
        assert self.log is not None  # noqa: S101
        what = f"{place.part.label}: {step.name}"
        self.number += 1
        self._say(f"== {what}")
        script = f"{self._scratch()}/step-{self.number}.sh"
        await self.sandbox.write_file(script, step.run.encode())
        own = {"ENVRC": f"{self._inside(self.sandbox, 'home')}/{ENVRC}", "COGMILL_FOLDER": place.folder}
        own |= {"COGMILL_STEP": script}
        variables = {**self.variables, **files, **step.env, **own}
        seconds = self.runtime.settings.snapshot_build_seconds
        done = await self.sandbox.run(f"({_STEP})", timeout=seconds, secrets=variables, on_output=self.log.add)
        if done.stopped is not None:
            raise Failed(f"{what}: stopped ({done.stopped.replace('_', ' ')})")
        if done.exit_code != 0:
            raise Failed(f"{what}: exit code {done.exit_code}")

    async def _context(self, sandbox: Sandbox) -> dict[str, Any]:
        variables = await sandbox.exec(["test", "-s", f"{self._inside(sandbox, 'home')}/{ENVRC}"])
        clean = self._redactor().json
        parts = [
            {
                "label": place.part.label, "folder": place.folder,
                "maintenance": [step.run for step in place.part.form.maintenance],
                "knowledge": [asdict(note) for note in place.part.form.knowledge],
            }
            for place in self.places
        ]  # fmt: skip
        clones = [place.clone for place in self.places if place.clone is not None]
        return {"parts": clean(parts), "clones": clones, "has_variables": variables.exit_code == 0}


def _folders(fetched: dict[str, Fetched], plan: Plan) -> dict[str, str]:
    """Where each clone lies in the workspace: those of the base stay where they are."""
    found = {name: plan.folders[name] for name in fetched if name in plan.folders}
    taken = {"attachments", *found.values()}
    for name, one in fetched.items():
        if name not in found:
            own = one.source.ref.name.rpartition("/")[2]
            found[name] = next(folder for folder in numbered(own) if folder not in taken)
            taken.add(found[name])
    return found


def _keep(root: Path, kept: Path) -> str | None:
    """Only workspace and home are kept; one rename puts them in their place. Answers why that cannot be done."""
    try:
        remove(kept)
        kept.parent.mkdir(exist_ok=True, mode=0o711)
        for name in ("control", "state"):
            shutil.rmtree(root / name, ignore_errors=True)
        root.rename(kept)
    except OSError as error:
        return f"The snapshot cannot be put into its place: {error.strerror or type(error).__name__}."
    return None
