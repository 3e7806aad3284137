"""Starting scans and looking at them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, update

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise, owned
from cogmill.domain.code_scans import profiles, prompts
from cogmill.domain.code_scans.defaults import of_type
from cogmill.domain.code_scans.schemas import (
    AutoScanOut,
    CodeScanIn,
    CodeScanOut,
    ProfileRefOut,
    ScanListQuery,
    ScanProfileIn,
)
from cogmill.domain.code_scans.states import UNFINISHED, ScanStatus
from cogmill.domain.sessions.create import OfScan, check_repository, create_session, local_paths
from cogmill.domain.sessions.schemas import SessionIn
from cogmill.kit.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_merged_page
from cogmill.models.code_scans import code_scan
from cogmill.models.git import git_connection
from cogmill.scm.errors import RepositoryRefused
from cogmill.scm.repositories import RepositoryRef, parse_repository

LOOP = "code_scans"
"""The background loop that repeats scans."""
_C = code_scan.c


def start(ctx: Context, data: CodeScanIn) -> CodeScanOut:
    """A scan whose session waits to be run when this commits."""
    profile = None if data.profile_id is None else profiles.find(ctx, data.profile_id)
    if profile is not None and profile.mode != "discover":
        raise BadRequest(f"profile_id: profile {profile.profile_id} takes over reports; send them to …/ingestion.")
    scan_type = data.scan_type or (profile.scan_type if profile is not None else "security")
    _check_type(scan_type, profile)
    ref = repository_of(ctx, data.repo_name, data.host)
    check_backlog(ctx)
    wanted = {
        "repo_name": ref.name, "repository": cloned_as(ref), "host": data.host, "scan_type": scan_type,
        "commit_sha": data.commit_sha,
    }  # fmt: skip
    row = begin(ctx, wanted, profile)
    ctx.audited |= {"scan_id": row.scan_id, "repo_name": row.repo_name, "session_id": row.session_id}
    return present(row)


def begin(ctx: Context, wanted: dict[str, Any], profile: Any | None, **more: Any) -> Any:
    """Write a scan down and start its session; answers its row."""
    row = add(ctx, wanted, profile, **more)
    return give_session(ctx, row, profile or of_type(row.scan_type), [])


def add(ctx: Context, wanted: dict[str, Any], profile: Any | None, **more: Any) -> Any:
    """A scan without a session yet."""
    values = wanted | {
        "scan_id": ordered_id("scan"), "org_id": ctx.scope.one_org, "mode": profile.mode if profile else "discover",
        "profile_id": profile and profile.profile_id, "profile_name": profile and profile.name,
        "status": ScanStatus.WAITING.value, "reports": 0, "user_id": ctx.principal.user_id,
        "service_user_id": ctx.principal.service_user_id, "created_at": ctx.now, "updated_at": ctx.now,
    }  # fmt: skip
    return ctx.db.execute(insert(code_scan).values(values | more).returning(*_C)).one()


def give_session(ctx: Context, row: Any, profile: Any, attachments: list[str]) -> Any:
    """Start the session that carries the scan out; `attachments`: ids of files for it."""
    by_blocks = prompts.reports_by_blocks(profile)
    data = SessionIn(
        prompt=prompts.prompt_of(row.scan_type, row.repo_name, profile), repos=[row.repository],
        title=prompts.title_of(row.scan_type, row.repo_name, row.mode), attachment_urls=attachments or None,
        agent="runbook" if by_blocks else None, structured_output_schema=None if by_blocks else prompts.SCHEMA,
        secret_ids=None if by_blocks else [],  # a model reads and reports; blocks may need a scanner's token
    )  # fmt: skip
    made = create_session(ctx, data, None, "api", of_scan=OfScan(row.scan_id, row.commit_sha))
    given = {"session": made.id, "session_id": made.session_id}
    return ctx.db.execute(update(code_scan).where(_C.id == row.id).values(given).returning(*_C)).one()


def list_page(ctx: Context, query: ScanListQuery, org_ids: Sequence[str] | None = None) -> Slice[CodeScanOut]:
    """Newest first."""
    found = owned(code_scan, ctx.scope, along_key=org_ids is None)
    if query.repo_name is not None:
        found = found.where(_C.repo_name == query.repo_name)
    orgs = [] if org_ids is None else list(dict.fromkeys(org_ids))
    many = [found.where(_C.org_id == one) for one in orgs] if len(orgs) <= 25 else [found.where(_C.org_id.in_(orgs))]
    parts = [found] if org_ids is None else many
    return fetch_merged_page(ctx.db, parts, _C.id, query.first, query.after, descending=True).map(present)


def get(ctx: Context, scan_id: str) -> CodeScanOut:
    return present(find(ctx, scan_id))


def set_profile(ctx: Context, scan_id: str, data: ScanProfileIn) -> CodeScanOut:
    """What counts for remediation and repetitions from now on; the scan's own session has its task already.

    Who says what repetitions do has them done in the own name.
    """
    row = find(ctx, scan_id, lock=True)
    profile = None if data.profile_id is None else profiles.find(ctx, data.profile_id)
    if profile is not None:
        if profile.mode != row.mode:
            raise BadRequest(f"profile_id: profile {profile.profile_id} has mode {profile.mode}, the scan {row.mode}.")
        _check_type(row.scan_type, profile)
    values = {"profile_id": profile and profile.profile_id, "profile_name": profile and profile.name}
    if row.frequency is not None:
        values |= {"user_id": ctx.principal.user_id, "service_user_id": ctx.principal.service_user_id}
    ctx.db.execute(update(code_scan).where(_C.id == row.id).values(values | {"updated_at": ctx.now}))
    ctx.audited |= {"profile_id": data.profile_id}
    return get(ctx, scan_id)


def find(ctx: Context, scan_id: str, *, lock: bool = False) -> Any:
    query = owned(code_scan, ctx.scope).where(_C.scan_id == scan_id)
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no code scan {scan_id[:64]!r} here. The list of scans has their ids.")
    return row


def repository_of(ctx: Context, repo_name: str, host: str | None) -> RepositoryRef:
    """The repository, if the organization may use it. What cannot be used is not visible: NotFound, which says why."""
    text = repo_name if host is None else _at_host(ctx, repo_name, host)
    try:
        ref = parse_repository(text, local_paths(ctx.runtime.settings))
        check_repository(ctx, ref, "repo_name")
    except (RepositoryRefused, Forbidden) as refusal:
        raise NotFound(f"repo_name: {str(refusal).removeprefix('repo_name: ')}") from None
    except Invalid as refusal:
        raise NotFound(f"repo_name: {refusal.problems[0]['msg']}") from None
    return ref


def cloned_as(ref: RepositoryRef) -> str:
    """How sessions name it: a name stays one, for the git permissions decide where that lies."""
    return ref.name if ref.clone_url is None else ref.clone_url


def check_backlog(ctx: Context) -> None:
    """Refuse more scans than may wait and run in the organization."""
    most = ctx.runtime.settings.code_scan_backlog
    unfinished = owned(code_scan, ctx.scope, _C.id).where(_C.status.in_([one.value for one in UNFINISHED]))
    if len(ctx.db.execute(unfinished.limit(most)).all()) >= most:
        raise Conflict(f"{most} code scans of this organization wait or run already. Start more when some have ended.")


def present(row: Any) -> CodeScanOut:
    named = ProfileRefOut(profile_id=row.profile_id, name=row.profile_name) if row.profile_id else None
    next_at = int(row.due_at) if row.frequency and row.due_at is not None else None
    repeats = AutoScanOut(frequency=row.frequency, next_run_at=next_at) if row.frequency else None
    return CodeScanOut.model_construct(
        scan_id=row.scan_id, org_id=row.org_id, repo_name=row.repo_name, host=row.host, profile=named,
        status=ScanStatus(row.status), created_at=int(row.created_at), session_id=row.session_id,
        scan_type=row.scan_type, mode=row.mode, commit_sha=row.commit_sha, error=row.error, auto_scan=repeats,
        problems=row.problems or [],
        repeated_scan_id=row.repeated_scan_id,
    )  # fmt: skip


def _check_type(scan_type: str, profile: Any | None) -> None:
    if profile is None and scan_type != "security":
        raise Invalid.at("body", "profile_id", msg=f"a scan of type {scan_type} needs a profile of that type")
    if profile is not None and profile.scan_type != scan_type:
        said = f"must be the type of profile {profile.profile_id}, which is {profile.scan_type}"
        raise Invalid.at("body", "scan_type", msg=said)


def _at_host(ctx: Context, repo_name: str, host: str) -> str:
    """The address of a repository at the git connection of that host."""
    known = of_enterprise(git_connection, ctx.scope).where(git_connection.c.host == host)
    found = ctx.db.execute(known.order_by(git_connection.c.git_connection_id).limit(1)).one_or_none()
    if found is None:
        raise NotFound(f"host: there is no git connection to {host[:200]!r}. Leave host out for other repositories.")
    return f"{found.address}/{repo_name.strip('/').removesuffix('.git')}.git"
