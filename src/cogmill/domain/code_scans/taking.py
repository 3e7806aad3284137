"""Taking a report of a scan's session, and saying in the session what became of it."""

from dataclasses import dataclass
from typing import Any

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.domain.code_scans import profiles
from cogmill.domain.code_scans.evidence import Proved, Source, prove
from cogmill.domain.code_scans.findings import store
from cogmill.domain.code_scans.reports import Report, Unreadable, read
from cogmill.domain.sessions.log import NewEvent
from cogmill.models.code_scans import code_scan

EVENT = "code_scan_findings"


@dataclass(frozen=True, slots=True)
class Taken:
    """A report that was read and looked up in the repository; writing it down is all that is left."""

    scan_id: str
    found: list[Proved]
    problems: list[str]
    error: str | None = None


async def look_up(scan_id: str, report: Any, source: Source, profile: Any | None) -> Taken:
    """Read a report, whatever it is, and prove its findings."""
    try:
        said: Report = read(report)
        found = await prove(said, source, profile)
    except Unreadable as problem:
        return Taken(scan_id, [], [], str(problem))
    return Taken(scan_id, found, said.told())


def scan_of(ctx: Context, org_id: str, scan_id: str) -> Any | None:
    """The scan of a session of the organization."""
    query = owned(code_scan, Scope("", org_id)).where(code_scan.c.scan_id == scan_id)
    return ctx.db.execute(query).one_or_none()


def profile_of(ctx: Context, enterprise_id: str, scan: Any) -> Any | None:
    """The profile that counts for a scan now; None: it has none, or that one is gone."""
    if scan.profile_id is None:
        return None
    inner = Scope(enterprise_id, scan.org_id)
    return profiles.in_scope(ctx, inner, scan.profile_id)


def write_down(ctx: Context, org_id: str, taken: Taken) -> list[NewEvent]:
    """Store what was found, in the transaction of the event that reported it. Answers what to say of it."""
    scan = scan_of(ctx, org_id, taken.scan_id)
    if scan is None:
        return []
    stored = store(ctx, scan, taken.found, taken.problems, taken.error)
    if taken.error is not None:
        told = {"scan_id": scan.scan_id, "error": taken.error}
        return [NewEvent(EVENT, "other", f"No findings taken: {taken.error}", told)]
    refused = f", {len(taken.problems)} refused: {taken.problems[0]}" if taken.problems else ""
    counted = f"{stored.new} new, {stored.known} known before"
    contents = {"scan_id": scan.scan_id, "new": stored.new, "known": stored.known, "problems": taken.problems}
    return [NewEvent(EVENT, "other", f"Findings: {counted}{refused}", contents)]
