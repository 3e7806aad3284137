"""What scans and findings take over from sessions and pull requests, in the transaction in which these change."""

from typing import Any

from sqlalchemy import select, update

from cogmill.access.context import Context
from cogmill.domain.code_scans.states import ScanStatus, follow
from cogmill.domain.sessions.states import State
from cogmill.models.code_scans import code_scan, code_scan_finding
from cogmill.models.sessions import session

_SCAN, _FINDING = code_scan.c, code_scan_finding.c
UNREPORTED = "Its session ended without a report of findings."


def session_changed(ctx: Context, scan_id: str, state: State | None, *, is_archived: bool) -> None:
    """The session that carries out a scan got into another state, or was put away."""
    if state is None and not is_archived:
        return
    row = ctx.db.execute(select(code_scan).where(_SCAN.scan_id == scan_id)).one_or_none()
    if row is None:
        return
    if state is None:
        state = _state_of(ctx, row.session)
    reported = row.reports > 0 and row.error is None
    after = follow(ScanStatus(row.status), state, is_archived=is_archived, has_reported=reported)
    if after == row.status:
        return
    values: dict[str, Any] = {"status": after.value, "updated_at": ctx.now}
    if after is ScanStatus.FAILED and row.error is None:
        is_silent = state.detail == "finished"
        values["error"] = UNREPORTED if is_silent else f"Session {row.session_id} ended in an error. Its log says why."
    elif after is not ScanStatus.FAILED and row.reports == 0:
        values["error"] = None  # it goes on
    ctx.db.execute(update(code_scan).where(_SCAN.id == row.id).values(values))


def _state_of(ctx: Context, row_id: int) -> State:
    row = ctx.db.execute(select(session.c.status, session.c.status_detail).where(session.c.id == row_id)).one()
    return State.of(row.status, row.status_detail)


def pull_request_changed(ctx: Context, org_id: str, session_row: int, url: str, state: str) -> None:
    """A session opened a pull request, or it was merged: the finding that the session remedies knows of it."""
    mine = select(session.c.session_id).where(session.c.id == session_row).scalar_subquery()
    remedied = update(code_scan_finding).where(_FINDING.session_id == mine, _FINDING.org_id == org_id)
    values: dict[str, Any] = {"pr_url": url, "updated_at": ctx.now}
    if state == "merged":
        ctx.db.execute(remedied.where(_FINDING.status == "open").values(status="resolved", **values))
    ctx.db.execute(remedied.values(values))
