"""Findings: written down with the report that tells of them, each once in its repository, and changed by people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.domain.code_scans.evidence import Proved
from cogmill.domain.code_scans.reports import MOST_SHOWN
from cogmill.domain.code_scans.schemas import FindingOut, FindingPatch, SnippetOut
from cogmill.domain.secrets.use import values_to_hide
from cogmill.kit.errors import Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.models.access import organization
from cogmill.models.code_scans import code_scan, code_scan_finding, code_scan_sighting

T = TypeVar("T")
TOGETHER = 500
_C, _SCAN = code_scan_finding.c, code_scan.c
_INSERTS: dict[str, Any] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a report."""

    new: int
    known: int
    """Found by an earlier scan already, or by an earlier report of this one."""


def store(
    ctx: Context, scan: Any, found: Sequence[Proved], problems: Sequence[str], error: str | None = None
) -> Stored:
    """Write down what a report of the scan says, once however often it comes.

    What is open or dismissed already in the repository is the same finding, now seen by this scan as well. What was
    resolved and is there again is a new one that names the old one. `problems`: what could not be taken; `error`: why
    the report could not be read.
    """
    _wait_for_others(ctx, scan.org_id)
    before = _live(ctx, scan, found)
    fresh = [one for one in found if one.fingerprint not in before]
    rows = _rows(ctx, scan, fresh)
    make = _INSERTS[ctx.db.dialect.name]
    for part in _parts(rows[::-1]):  # lists are newest first: what the report begins with is to be there first
        ctx.db.execute(make(code_scan_finding).on_conflict_do_nothing(), part)
    seen = [{"scan": scan.id, "finding": row_id} for row_id in _live(ctx, scan, found).values()]
    for part in _parts(seen):
        ctx.db.execute(make(code_scan_sighting).on_conflict_do_nothing(), part)
    told = list(dict.fromkeys([*(scan.problems or []), *problems]))[:MOST_SHOWN] or None
    counted = {"problems": told, "reports": _SCAN.reports + int(error is None), "error": error, "updated_at": ctx.now}
    ctx.db.execute(update(code_scan).where(_SCAN.id == scan.id).values(counted))
    return Stored(len(fresh), len(found) - len(fresh))


def find(ctx: Context, finding_id: str, *, lock: bool = False) -> Any:
    query = owned(code_scan_finding, ctx.scope).where(_C.finding_id == finding_id)
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no finding {finding_id[:64]!r} here. The list of findings has their ids.")
    return row


def change(ctx: Context, finding_id: str, data: FindingPatch) -> FindingOut:
    """Dismiss it, resolve it, open it again, or note something."""
    row = find(ctx, finding_id, lock=True)
    sent = data.model_dump(include=data.model_fields_set)
    if "status" in sent and sent["status"] is None:
        raise Invalid.at("body", "status", msg="cannot be null; leave it out to keep what is there")
    if row.status == "resolved" and sent.get("status") in {"open", "dismissed"}:
        _wait_for_others(ctx, row.org_id)
        other = _others(ctx, row)
        if other is not None:
            raise Conflict(f"Finding {other} is about the same and is not resolved; go on with that one.")
    ctx.db.execute(update(code_scan_finding).where(_C.id == row.id).values(sent | {"updated_at": ctx.now}))
    ctx.audited |= {"scan_id": row.scan_id, "changed": sorted(sent)} | ({"status": data.status} if data.status else {})
    return present(find(ctx, finding_id))


def present(row: Any, scan_id: str | None = None) -> FindingOut:
    """A finding as the API shows it; `scan_id`: of the scan whose findings are asked for."""
    return FindingOut.model_construct(
        finding_id=row.finding_id, scan_id=scan_id or row.scan_id, repo_name=row.repo_name, severity=row.severity,
        status=row.status, category=row.category, title=row.title, description=row.description,
        recommendation=row.recommendation, note=row.note, code_owners=row.code_owners,
        reference_snippets=[SnippetOut.model_construct(**one) for one in row.snippets],
        related_finding_ids=row.related, orchestrator_session_id=row.orchestrator_session_id,
        session_id=row.session_id, pr_url=row.pr_url, created_at=int(row.created_at),
    )  # fmt: skip


def _wait_for_others(ctx: Context, org_id: str) -> None:
    """One report at a time in an organization: two about the same repository would wait for each other's rows."""
    inside = owned(organization, Scope("", org_id), organization.c.org_id)
    ctx.db.execute(inside.with_for_update(key_share=True))


def _in_repository(scan: Any, *columns: Any) -> Any:
    """Findings of the scan's repository."""
    return owned(code_scan_finding, Scope("", scan.org_id), *columns).where(_C.repo_name == scan.repo_name)


def _live(ctx: Context, scan: Any, found: Iterable[Proved]) -> dict[str, int]:
    """Row ids of those that are open or dismissed, by fingerprint."""
    rows: dict[str, int] = {}
    query = _in_repository(scan, _C.fingerprint, _C.id).where(_C.status != "resolved")
    for part in _fingerprints(found):
        rows |= {one.fingerprint: one.id for one in ctx.db.execute(query.where(_C.fingerprint.in_(part)))}
    return rows


def _resolved(ctx: Context, scan: Any, found: Iterable[Proved]) -> dict[str, str]:
    """Ids of those that were resolved, by fingerprint; of several the newest."""
    rows: dict[str, str] = {}
    query = _in_repository(scan, _C.fingerprint, _C.finding_id).where(_C.status == "resolved").order_by(_C.id)
    for part in _fingerprints(found):
        rows |= {one.fingerprint: one.finding_id for one in ctx.db.execute(query.where(_C.fingerprint.in_(part)))}
    return rows


def _fingerprints(found: Iterable[Proved]) -> Iterator[list[str]]:
    return _parts(list(dict.fromkeys(one.fingerprint for one in found)))


def _parts(several: list[T]) -> Iterator[list[T]]:
    """So many at a time as one statement takes."""
    return (several[at : at + TOGETHER] for at in range(0, len(several), TOGETHER))


def _others(ctx: Context, row: Any) -> str | None:
    """Another one of the same fingerprint that is not resolved."""
    query = _in_repository(row, _C.finding_id).where(_C.fingerprint == row.fingerprint, _C.status != "resolved")
    other: str | None = ctx.db.execute(query.limit(1)).scalar()
    return other


def _rows(ctx: Context, scan: Any, fresh: Sequence[Proved]) -> list[dict[str, Any]]:
    """Findings as they are kept. Like a search, they show none of the organization's secrets."""
    hide = ctx.runtime.redactor(values_to_hide(replace(ctx, scope=Scope("", scan.org_id))))
    ids = [ordered_id("finding") for _ in fresh]
    labels = {one.reported.label: own for one, own in zip(fresh, ids, strict=True) if one.reported.label}
    resolved = _resolved(ctx, scan, fresh)
    rows = []
    for one, own in zip(fresh, ids, strict=True):
        related = [labels[label] for label in one.reported.related if labels.get(label, own) != own]
        related += [resolved[one.fingerprint]] if one.fingerprint in resolved else []
        rows.append(_said(one, hide) | {"finding_id": own, "related": list(dict.fromkeys(related))})
    common = {
        "org_id": scan.org_id, "scan": scan.id, "scan_id": scan.scan_id, "scan_created_at": scan.created_at,
        "repo_name": scan.repo_name, "orchestrator_session_id": scan.session_id, "session_id": None, "pr_url": None,
        "created_at": ctx.now, "updated_at": ctx.now,
    }  # fmt: skip
    return [row | common for row in rows]


def _said(one: Proved, hide: Callable[[str], str]) -> dict[str, Any]:
    """What the report says of it."""
    said = one.reported
    texts = {name: getattr(said, name) for name in ("category", "title", "description", "recommendation", "note")}
    snippets = [asdict(place) for place in said.places]
    for snippet in snippets:
        snippet |= {name: hide(snippet[name]) for name in ("commentary", "code") if snippet[name] is not None}
    return {
        **{name: None if text is None else hide(text) for name, text in texts.items()}, "severity": said.severity,
        "fingerprint": one.fingerprint, "status": "dismissed" if said.is_dismissed else "open",
        "code_owners": one.code_owners, "snippets": snippets,
    }  # fmt: skip
