"""The list of findings: every filter finds its page along one index, of which only ids are read."""

from collections.abc import Sequence
from itertools import product
from typing import Any, get_args

from sqlalchemy import ColumnElement, Select, select

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.code_scans.findings import present
from cogmill.domain.code_scans.schemas import FindingListQuery, FindingOut, FindingStatus, Severity
from cogmill.kit.paging import Slice, decode_cursor, encode_cursor
from cogmill.models.code_scans import code_scan, code_scan_finding, code_scan_sighting

MOST_SEARCHES = 60
"""An index holds the findings of one value in order, not those of several: each has a search of its own up to here."""
_C, _SEEN = code_scan_finding.c, code_scan_sighting.c


def list_page(ctx: Context, query: FindingListQuery, org_ids: Sequence[str] | None = None) -> Slice[FindingOut]:
    """Newest first. The rows themselves are read for the one page that is shown."""
    before = None if query.after is None else decode_cursor(query.after)
    if query.scan_id is not None:
        searches, key = _of_scan(ctx, query, org_ids), _SEEN.finding
    else:
        searches, key = _searches(ctx, query, org_ids), _C.id
    ids: set[int] = set()
    for one in searches:
        behind = one if before is None else one.where(key < before)
        ids.update(ctx.db.execute(behind.order_by(key.desc()).limit(query.first + 1)).scalars())
    found = sorted(ids, reverse=True)
    shown = found[: query.first]
    rows = {row.id: row for row in ctx.db.execute(owned(code_scan_finding, ctx.scope).where(_C.id.in_(shown)))}
    items = [present(rows[one], query.scan_id) for one in shown if one in rows]
    return Slice(items, encode_cursor(shown[-1]) if len(found) > query.first else None)


def _searches(ctx: Context, query: FindingListQuery, org_ids: Sequence[str] | None) -> list[Select[Any]]:
    """What to look for; together they find every finding of the list once."""
    is_plain = query.repo_name is None and query.severity is None and query.status is None
    orgs: list[Any] = [None] if org_ids is None else list(dict.fromkeys(org_ids))
    severities = list(dict.fromkeys(query.severity or get_args(Severity)))
    statuses = list(dict.fromkeys(query.status or get_args(FindingStatus)))
    is_many = len(orgs) * (1 if is_plain else len(severities) * len(statuses)) > MOST_SEARCHES
    found = owned(code_scan_finding, ctx.scope, _C.id, along_key=org_ids is None)
    if query.repo_name is not None:
        found = found.where(_C.repo_name == query.repo_name)
    if is_many:
        named = found.where(_C.org_id.in_(orgs)) if org_ids is not None else found
        return [named if is_plain else named.where(_C.severity.in_(severities), _C.status.in_(statuses))]
    of_orgs = [found if one is None else found.where(_C.org_id == one) for one in orgs]
    if is_plain:
        return of_orgs
    pairs = product(of_orgs, statuses, severities)
    return [one.where(_C.status == status, _C.severity == severity) for one, status, severity in pairs]


def _of_scan(ctx: Context, query: FindingListQuery, org_ids: Sequence[str] | None) -> list[Select[Any]]:
    """Those that one scan reported; they are few enough to be looked at one by one."""
    scan = owned(code_scan, ctx.scope, code_scan.c.id).where(code_scan.c.scan_id == query.scan_id)
    if org_ids is not None:
        scan = scan.where(code_scan.c.org_id.in_(org_ids))
    row_id = ctx.db.execute(scan).scalar()
    if row_id is None:
        return []
    found = select(_SEEN.finding).where(_SEEN.scan == row_id)
    wanted = {_C.severity: query.severity, _C.status: query.status}
    limits: list[ColumnElement[bool]] = [column.in_(values) for column, values in wanted.items() if values is not None]
    limits += [_C.repo_name == query.repo_name] if query.repo_name is not None else []
    return [found.join(code_scan_finding, _C.id == _SEEN.finding).where(*limits) if limits else found]
