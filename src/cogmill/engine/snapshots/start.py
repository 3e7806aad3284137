"""Starting a session from its organization's snapshot: chosen at its first run, the same one ever after."""

import asyncio
from pathlib import Path

from cogmill.access.context import Context
from cogmill.domain.git_providers.use import usable
from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.snapshot_builds import runs
from cogmill.engine.snapshots.snapshot import ENVRC, Snapshot
from cogmill.engine.store import Store
from cogmill.engine.workspace import Workspace, forge_of
from cogmill.sandbox.protocol import Sandbox


async def snapshot_of(store: Store, folder: Path) -> Snapshot | None:
    """The snapshot that the session began with; one that has not begun yet takes the one that counts now."""
    row, there_is_one = await store.read(
        lambda ctx: (runs.of_session(ctx, store.row.id), runs.is_any(ctx, store.row.org_id))
    )
    if row is None and there_is_one and not await asyncio.to_thread(_has_begun, folder):

        def work(ctx: Context) -> None:
            nonlocal row
            row = runs.choose(ctx, store.row.id, store.row.org_id)
            if row is not None:
                told = {"build_id": row.build_id, "pinned": row.is_pinned, "built_at": int(row.completed_at)}
                store.write_in(ctx, [NewEvent("snapshot_selected", "lifecycle", f"Snapshot: {row.build_id}", told)])

        await store.fenced(work)
    if row is None:
        return None
    snapshot = Snapshot(row.build_id, row.context or {})
    if names := list(snapshot.clone_folders):
        # A clone borrows from a mirror only while the organization may use that repository.
        forge = forge_of(store.runtime, store.row.org_id)
        snapshot.may_borrow = await store.read(lambda ctx: frozenset(usable(ctx, forge, names)))
    return snapshot


def _has_begun(folder: Path) -> bool:
    """Whether there are files of earlier runs, which no snapshot may change any more."""
    return (folder / "workspace").exists() or (folder / "layers").exists()


async def load_variables(sandbox: Sandbox, workspace: Workspace) -> None:
    """Once in a session's life, what builds left in $ENVRC becomes part of its shell."""
    if workspace.snapshot is None or not workspace.snapshot.has_variables:
        return
    if await asyncio.to_thread((workspace.folder / "state" / "shell").exists):
        return
    place = sandbox.seen(f"/home/agent/{ENVRC}")
    await sandbox.run(f"set -a; . '{place}'; set +a")
