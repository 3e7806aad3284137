"""Taking over findings from reports of other tools: SARIF by the server itself, anything else by a session."""

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from cogmill.access.context import Context
from cogmill.domain.attachments.service import resolve, stored_file
from cogmill.domain.code_scans import profiles
from cogmill.domain.code_scans.evidence import Proved, Source, prove
from cogmill.domain.code_scans.evidence import resolve as commit_at
from cogmill.domain.code_scans.findings import store
from cogmill.domain.code_scans.reports import Unreadable, read
from cogmill.domain.code_scans.schemas import CodeScanOut, IngestionIn
from cogmill.domain.code_scans.service import (
    add,
    check_backlog,
    cloned_as,
    give_session,
    present,
    repository_of,
)
from cogmill.domain.code_scans.states import ScanStatus
from cogmill.domain.code_scans.taking import profile_of
from cogmill.kit.errors import BadRequest
from cogmill.models.access import organization
from cogmill.models.code_scans import code_scan
from cogmill.web.call import Call

READING = "code_scan_reports"
"""The background loop that reads reports."""
AT_ONCE = 4
LARGEST = 25 * 1024**2
_BEGINNING = 64 * 1024
_SARIF = re.compile(rb'"\$schema"\s*:\s*"[^"]*sarif|"runs"\s*:\s*\[|"version"\s*:\s*"2\.1\.0"')
_C = code_scan.c


@dataclass(frozen=True, slots=True)
class Waiting:
    """An ingestion whose SARIF files the server has still to read."""

    row: Any
    profile: Any | None
    files: tuple[tuple[str, Path], ...]
    """Id and place of each."""


async def ingest(call: Call, data: IngestionIn) -> CodeScanOut:
    """Accept reports. Files are looked at before the transaction begins."""
    files = await call.read(lambda ctx: _files(ctx, data))
    flags = await asyncio.gather(*(asyncio.to_thread(_looks_like_sarif, path) for _, path in files))
    sarif = [file_id for (file_id, _), is_sarif in zip(files, flags, strict=True) if is_sarif]
    others = [file_id for (file_id, _), is_sarif in zip(files, flags, strict=True) if not is_sarif]
    return await call.write(lambda ctx: _accept(ctx, data, sarif, others))


def waiting(ctx: Context) -> list[int]:
    """Row ids of ingestions that wait, the oldest first; those of deleted organizations wait until these come back."""
    query = select(_C.id).join(organization, organization.c.org_id == _C.org_id)
    due = query.where(_C.due_at.is_not(None), _C.mode == "ingest", organization.c.deleted_at.is_(None))
    return list(ctx.db.execute(due.order_by(_C.due_at, _C.id).limit(AT_ONCE)).scalars())


def take(ctx: Context, row_id: int) -> Waiting | None:
    """One of them with its files; None when it has been read meanwhile."""
    query = select(code_scan, organization.c.enterprise_id).join(organization, organization.c.org_id == _C.org_id)
    row = ctx.db.execute(query.where(_C.id == row_id, _C.due_at.is_not(None))).one_or_none()
    if row is None:
        return None
    data = ctx.runtime.settings.data
    files = tuple((one, stored_file(data, one)) for one in row.attachments or ())
    return Waiting(row, profile_of(ctx, row.enterprise_id, row), files)


@dataclass(frozen=True, slots=True)
class Read:
    """What the files say: what can stand, what cannot, and why nothing could be read."""

    found: list[Proved]
    problems: list[str]
    error: str | None = None


async def look_up(waits: Waiting, git_dir: Path) -> Read:
    """Read all files of an ingestion."""
    found: list[Proved] = []
    problems: list[str] = []
    for file_id, path in waits.files:
        try:
            report = await asyncio.to_thread(_read, path)
        except (Unreadable, OSError) as problem:
            return Read([], [], f"Attachment {file_id} cannot be read: {problem}")
        commit = await commit_at(git_dir, report.commit) if report.commit else None
        source = Source(git_dir, commit or await commit_at(git_dir, None), is_strict=False)
        found += await prove(report, source, waits.profile)
        problems += report.told()
    return Read(found, problems, None if found or not problems else f"Nothing could be taken over: {problems[0]}")


def write_down(ctx: Context, waits: Waiting, read: Read) -> None:
    """The end of an ingestion, once: what was found, and the state that follows from it."""
    mine = (_C.id == waits.row.id, _C.due_at == waits.row.due_at)
    claimed = ctx.db.execute(update(code_scan).where(*mine).values(due_at=None, attachments=None).returning(*_C))
    row = claimed.one_or_none()
    if row is None:
        return
    store(ctx, row, read.found, read.problems, read.error)
    if row.session is None or (read.error is not None and row.status == ScanStatus.COMPLETED):
        status = ScanStatus.COMPLETED if read.error is None else ScanStatus.FAILED
        ctx.db.execute(update(code_scan).where(_C.id == row.id).values(status=status.value, updated_at=ctx.now))


def _read(path: Path) -> Any:
    if path.stat().st_size > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST // 1024**2} MB; send it in parts.")
    return read(path.read_bytes())


def _files(ctx: Context, data: IngestionIn) -> list[tuple[str, Path]]:
    """The attachments, when everything else about the request is right."""
    _profile(ctx, data.profile_id)
    repository_of(ctx, data.repo_name, data.host)
    rows = [resolve(ctx, url, at="attachment_urls") for url in data.attachment_urls or []]
    known = {row.attachment_id: stored_file(ctx.runtime.settings.data, row.attachment_id) for row in rows}
    return list(known.items())


def _profile(ctx: Context, profile_id: str) -> Any:
    profile = profiles.find(ctx, profile_id)
    if profile.mode != "ingest":
        raise BadRequest(
            f"profile_id: profile {profile_id} has mode {profile.mode}; ingestion needs one in mode ingest."
        )
    return profile


def _looks_like_sarif(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            begin = file.read(_BEGINNING)
    except FileNotFoundError:
        return False
    return begin.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" and _SARIF.search(begin) is not None


def _accept(ctx: Context, data: IngestionIn, sarif: list[str], others: list[str]) -> CodeScanOut:
    profile, ref = _profile(ctx, data.profile_id), repository_of(ctx, data.repo_name, data.host)
    check_backlog(ctx)
    wanted = {
        "repo_name": ref.name, "repository": cloned_as(ref), "host": data.host, "scan_type": profile.scan_type,
        "attachments": sarif or None, "due_at": ctx.now if sarif else None,
    }  # fmt: skip
    row = add(ctx, wanted, profile)
    if sarif:
        ctx.after_commit.append(partial(ctx.runtime.signals.due, READING))
    if others or not sarif:
        row = give_session(ctx, row, profile, others)
    ctx.audited |= {"scan_id": row.scan_id, "repo_name": row.repo_name, "attachment_ids": [*sarif, *others]}
    ctx.audited |= {"session_id": row.session_id} if row.session_id else {}
    return present(row)
