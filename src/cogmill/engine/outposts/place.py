"""Where a session of an outpost goes on: in the files that its last run left there, or from what was pushed."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import PurePosixPath
from typing import Any

from cogmill.access.context import Context
from cogmill.domain.outposts import queue
from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.snapshot_builds import runs
from cogmill.engine.agents.seam import LogEvent, StepResult
from cogmill.engine.outposts.driver import OutpostDriver
from cogmill.engine.outposts.mirrors import bring, mirror_key, name_commit
from cogmill.engine.store import Store
from cogmill.engine.workspace import Source, Workspace
from cogmill.sandbox.protocol import Sandbox
from cogmill.sandbox.remote.sandbox import RemoteSandbox
from cogmill.scm.checkout import Clone, reset_to
from cogmill.scm.history import has_commit
from cogmill.scm.mirrors import read_refs

LOST = "workspace_lost"
_TOLD = (
    "This session goes on on another machine than before, or its files there are gone. Its repositories are cloned "
    "anew, with the commits of the work branch that were pushed; whatever was not pushed, and every other file, is "
    "lost. Look at what is there before you go on."
)


async def keep_of(store: Store) -> str | None:
    """The worker's name for the files that the session's last run left; None before the first one."""
    return await store.read(lambda ctx: queue.workspace_of(ctx, store.row.id))


async def bring_mirrors(driver: OutpostDriver, workspace: Workspace, commit: str | None) -> None:
    """What commands find read-only on this server they find so on the worker. `commit`: a further one, of a review."""
    for source in workspace.sources:
        key = mirror_key(source.mirror)
        if commit is not None and source.ref.clone_url is not None and await has_commit(source.mirror, commit):
            await name_commit(source.mirror, commit)
        await bring(driver.attachment.line, source.mirror, key, workspace.folder)
        driver.mounts[source.bind] = key


async def settle(store: Store, driver: OutpostDriver, sandbox: RemoteSandbox, *, tell_agent: bool) -> None:
    """Write down where the session runs, and what it has lost by that. The agent, which may be told, then knows."""
    before, name = driver.keep, sandbox.workspace
    worker = driver.attachment.acceptor_id
    isolation = "" if sandbox.isolated else ", WITHOUT a sandbox"
    told = {"acceptor_id": worker, "isolated": sandbox.isolated, "workspace": name}
    events = [NewEvent("worker_joined", "lifecycle", f"Runs on worker {worker}{isolation}", told)]
    if before is not None and before != name:
        lost = {"workspace": name, "before": before}
        events.append(NewEvent(LOST, "lifecycle", "The files of the last run are not on this worker", lost))
        if tell_agent:
            said = {"message": _TOLD, "user_id": None}
            events.append(NewEvent("user_message", "message", _TOLD, said, "incoming"))

    def work(ctx: Context) -> None:
        if before is None and runs.is_any(ctx, store.row.org_id):
            text = "Sessions on an outpost start without the organization's snapshot"
            events.append(NewEvent("snapshot_skipped", "lifecycle", text, {}))
        store.write_in(ctx, events)
        queue.note_workspace(ctx, store.row.id, name)

    await store.fenced(work)


def suffix(history: Sequence[LogEvent]) -> str:
    """What the keys of steps that fill the workspace end with: each set of files is filled once."""
    lost = [str(event.contents.get("workspace")) for event in history if event.event_type == LOST]
    return f"@{lost[-1]}" if lost else ""


def cloned_before(history: Sequence[LogEvent], name: str) -> dict[str, Any] | None:
    """The clone of a repository as it was first made, in files that are gone."""
    for event in history:
        if event.event_type == "git_clone_completed" and event.contents.get("name") == name and event.contents["ok"]:
            return event.contents
    return None


async def clone_again(workspace: Workspace, sandbox: Sandbox, source: Source, before: dict[str, Any]) -> StepResult:
    """The clone as it was first made, with what was pushed of its work branch."""
    wanted = replace(
        Clone(**{name: before[name] for name in Clone.__dataclass_fields__}),
        path=sandbox.seen(f"/workspace/{PurePosixPath(before['path']).name}"),
    )
    made = await workspace.make_clone(sandbox, source, wanted, await read_refs(source.mirror))
    forge, branch = workspace.forge, made.work_branch
    head = await forge.branch_head(made.name, branch)
    if head is not None:
        assert isinstance(workspace.driver, OutpostDriver)  # noqa: S101 - no other one loses files
        line, key = workspace.driver.attachment.line, mirror_key(source.mirror)
        await bring(line, forge.path(made.name), key, workspace.folder, (f"refs/heads/{branch}",))
        await reset_to(sandbox, made, head)
    told = f"with {head[:12]}, which was pushed" if head is not None else "without commits: none was pushed"
    return StepResult(asdict(made), summary=f"Cloned {made.name} again to {made.path}, {told}")
