"""Figures of scans that were created within some days (docs/code-scans.md defines each)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.code_scans.reports import SEVERITIES
from cogmill.domain.code_scans.schemas import CodeScanMetricsOut, MetricsQuery
from cogmill.kit.errors import Invalid
from cogmill.models.code_scans import code_scan, code_scan_finding
from cogmill.models.sessions import pull_request, session

LONGEST_SPAN = 100 * 86400
_SCAN, _C, _PR = code_scan.c, code_scan_finding.c, pull_request.c


def figures(ctx: Context, query: MetricsQuery, org_ids: Sequence[str] | None = None) -> CodeScanMetricsOut:
    """All of them, of the organization or of all that are in reach."""
    _check(query)
    scans = _within(owned(code_scan, ctx.scope, _SCAN.id), _SCAN.created_at, query)
    open_ = _within(owned(code_scan_finding, ctx.scope), _C.scan_created_at, query).where(_C.status == "open")
    remedied = _within(owned(code_scan_finding, ctx.scope), _C.scan_created_at, query)
    if org_ids is not None:
        scans, open_ = scans.where(_SCAN.org_id.in_(org_ids)), open_.where(_C.org_id.in_(org_ids))
        remedied = remedied.where(_C.org_id.in_(org_ids))
    counted = scans.with_only_columns(func.count(), func.count(_SCAN.repo_name.distinct()))
    scans_count, repos_count = ctx.db.execute(counted).one()
    # One by one: the index of times is in order within one severity.
    one_of = open_.with_only_columns(func.count())
    critical, high, medium, low = [ctx.db.execute(one_of.where(_C.severity == one)).scalar_one() for one in SEVERITIES]
    return CodeScanMetricsOut(
        scans_count=scans_count, repos_scanned_count=repos_count,
        open_critical_findings_count=critical, open_high_findings_count=high, open_medium_findings_count=medium,
        open_low_findings_count=low,
        **_pull_requests(ctx, remedied),
    )  # fmt: skip


def _pull_requests(ctx: Context, remedied: Select[Any]) -> dict[str, Any]:
    """Those of the sessions that remedy the findings, each once."""
    sessions = remedied.with_only_columns(_C.session_id).where(_C.session_id.is_not(None))
    mine = select(session.c.id).where(session.c.session_id.in_(sessions))
    query = owned(pull_request, ctx.scope, _PR.state, _PR.created_at, _PR.updated_at).where(_PR.session.in_(mine))
    rows = ctx.db.execute(query).all()
    merged = [one.updated_at - one.created_at for one in rows if one.state == "merged"]
    lasted = [(ctx.now if one.state == "open" else one.updated_at) - one.created_at for one in rows]
    states = [one.state for one in rows]
    return {
        "prs_created_count": len(rows), "prs_open_count": states.count("open"),
        "prs_merged_count": len(merged), "prs_closed_count": states.count("closed"),
        "avg_pr_time_to_merge_seconds": sum(merged) / len(merged) if merged else None,
        "avg_pr_open_duration_seconds": sum(lasted) / len(lasted) if lasted else None,
    }  # fmt: skip


def _within(found: Select[Any], column: Any, query: MetricsQuery) -> Select[Any]:
    return found.where(column >= query.time_after, column < query.time_before)


def _check(query: MetricsQuery) -> None:
    if query.time_after >= query.time_before:
        raise Invalid.at("query", "time_before", msg="time_before must be later than time_after.")
    if query.time_before - query.time_after > LONGEST_SPAN:
        raise Invalid.at("query", "time_before", msg="At most 100 days may lie between time_after and time_before.")
