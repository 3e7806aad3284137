"""What the session of a code scan reports: looked up in its repository, then written with the event that told of it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cogmill.access.context import Context
from cogmill.domain.code_scans.evidence import Source
from cogmill.domain.code_scans.prompts import FINDINGS
from cogmill.domain.code_scans.taking import Taken, look_up, profile_of, scan_of, write_down
from cogmill.domain.sessions.log import NewEvent
from cogmill.engine.agents.seam import Json
from cogmill.engine.store import Store
from cogmill.engine.workspace import Workspace
from cogmill.scm.git import GitError

Also = Callable[[Context], list[NewEvent]]


async def of_step(store: Store, workspace: Workspace, contents: Json) -> Also | None:
    """What else to do with a finished step: a block whose output is named `findings` has reported."""
    if store.row.scan_id is None or contents.get("output_name") != FINDINGS:
        return None
    if contents.get("truncated"):
        error = "The report is longer than what is kept of a command's output. Print less, or attach it as a file."
        return partial(_written, store, Taken(store.row.scan_id, [], [], error))
    return await of_report(store, workspace, str(contents.get("output", "")))


async def of_report(store: Store, workspace: Workspace, report: Any) -> Also | None:
    """The same for a report that is given as data or as text."""
    scan_id = store.row.scan_id
    if scan_id is None:
        return None
    clean = store.redactor.text(report) if isinstance(report, str) else store.redactor.json(report)
    profile = await store.read(lambda ctx: _profile(ctx, store, scan_id))
    clone, source = next(iter(workspace.clones.values()), None), next(iter(workspace.sources), None)
    place = Source(None, None)
    if clone is not None and source is not None:
        place = Source(source.mirror, clone.base_commit, clone.path)
    try:
        taken = await look_up(scan_id, clean, place, profile)
    except (GitError, OSError) as problem:
        taken = Taken(scan_id, [], [], f"The repository could not be read: {problem}")
    return partial(_written, store, taken)


def _written(store: Store, taken: Taken, ctx: Context) -> list[NewEvent]:
    return write_down(ctx, store.row.org_id, taken)


def _profile(ctx: Context, store: Store, scan_id: str) -> Any | None:
    scan = scan_of(ctx, store.row.org_id, scan_id)
    return None if scan is None else profile_of(ctx, store.enterprise_id, scan)
