"""Having a finding put right by a session of its own."""

from typing import Any

from sqlalchemy import update

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.code_scans import profiles, prompts
from cogmill.domain.code_scans.findings import find
from cogmill.domain.code_scans.schemas import RemediationOut
from cogmill.domain.code_scans.service import find as find_scan
from cogmill.domain.sessions.create import create_session
from cogmill.domain.sessions.schemas import SessionIn
from cogmill.kit.errors import Conflict, NotFound
from cogmill.models.code_scans import code_scan_finding, code_scan_sighting
from cogmill.models.sessions import session

_TOLD = ("severity", "category", "title", "description", "recommendation", "note")


def remediate(ctx: Context, scan_id: str, finding_id: str) -> RemediationOut:
    """Start one session for a finding. A second one only when the first has ended and the finding is still open."""
    scan = find_scan(ctx, scan_id)
    row = find(ctx, finding_id, lock=True)
    _check_sighted(ctx, scan, row)
    if row.status != "open":
        raise Conflict(f"Finding {finding_id} is {row.status}; only open ones are remedied.")
    if row.session_id is not None and not _has_ended(ctx, row.session_id):
        said = f"Session {row.session_id} is linked to finding {finding_id} already. Write to it, or end it first."
        raise Conflict(said, session_id=row.session_id)
    profile = None if scan.profile_id is None else profiles.if_there(ctx, scan.profile_id)
    told = {name: value for name in _TOLD if (value := getattr(row, name)) is not None}
    told |= {"finding_id": row.finding_id, "reference_snippets": row.snippets}
    data = SessionIn(
        prompt=prompts.remedy(row.repo_name, told, profile), repos=[scan.repository],
        title=f"Remedy: {row.title or row.finding_id}"[:200],
    )  # fmt: skip
    made = create_session(ctx, data, None, "api")
    change = update(code_scan_finding).where(code_scan_finding.c.id == row.id)
    ctx.db.execute(change.values(session_id=made.session_id, pr_url=None, updated_at=ctx.now))
    return RemediationOut(finding_id=row.finding_id, session_id=made.session_id)


def _check_sighted(ctx: Context, scan: Any, row: Any) -> None:
    """The finding must be one that the scan of the address has reported."""
    columns = code_scan_sighting.c
    seen = owned(code_scan_finding, ctx.scope, code_scan_finding.c.id).join(
        code_scan_sighting, columns.finding == code_scan_finding.c.id
    )
    if ctx.db.execute(seen.where(columns.scan == scan.id, columns.finding == row.id)).first() is None:
        raise NotFound(f"There is no finding {row.finding_id!r} of this scan; it is one of {row.scan_id}.")


def _has_ended(ctx: Context, session_id: str) -> bool:
    """Whether nothing more can come of a session."""
    columns = session.c
    query = owned(session, ctx.scope, columns.status, columns.is_archived).where(columns.session_id == session_id)
    row = ctx.db.execute(query).one_or_none()
    return row is None or row.is_archived or row.status in {"exit", "error"}
