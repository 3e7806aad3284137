"""Files of the data folder that belong to an export, and putting them into another one.

State: attachments, logs of snapshot builds, the repositories of the built-in forge. All else is made anew from these
and the rows: mirrors of repositories, indexes of code, snapshots. Workspaces of sessions stay where they are: they are
large, belong to the sandboxes' users, and change while they are read.
"""

import os
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import Connection, select

from cogmill.domain.attachments.service import stored_file
from cogmill.domain.snapshot_builds.service import log_file
from cogmill.models.access import organization
from cogmill.models.content import attachment
from cogmill.models.environments import snapshot_build
from cogmill.scm.names import is_segment

HEX = "[0-9a-f]"
ATTACHMENT = re.compile(rf"attachments/{HEX}{{2}}/{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}")
BUILD_LOG = re.compile(r"build-logs/build-[0-9a-f]+\.log")
IN_FORGE = re.compile(r"forge/(org-[0-9a-f]+)/([^/]+)/([^/]+)\.git/(.+)")
MARKS = ("HEAD", "cogmill-imported", "cogmill-lent", "cogmill-source", "config", "packed-refs")
IN_REPOSITORY = re.compile(
    rf"{'|'.join(MARKS)}|refs/[^\0\\]+|objects/{HEX}{{2}}/{HEX}{{38,62}}|objects/pack/pack-{HEX}+\.(?:pack|idx|rev|bitmap)"
)
"""Only what git reads as data: no hooks, no borrowed objects, none of the settings that run programs."""
PLAIN_SETTING = re.compile(
    r"\[core\]|\[extensions\]|\s+(?:repositoryformatversion = [01]|filemode = (?:true|false)|bare = true"
    r"|objectformat = (?:sha1|sha256))"
)
SMALL = 1 << 20


class Readable(Protocol):
    """What blocks are read from."""

    def read(self, size: int = -1, /) -> bytes: ...


Opened = tuple[str, IO[bytes], int]
"""Name below the data folder, content, size."""


def files(db: Connection, data: Path, org_id: str | None) -> Iterator[Opened]:
    """All files that belong to the rows which `db` sees, in one order; those that are gone meanwhile are left out."""
    db = db.execution_options(stream_results=True, yield_per=1000)
    for path in _attachments(db, data, org_id):
        yield from _opened(data, path)
    for path in _build_logs(db, data, org_id):
        yield from _opened(data, path)
    orgs = select(organization.c.org_id).order_by(organization.c.org_id)
    if org_id is not None:
        orgs = orgs.where(organization.c.org_id == org_id)
    for one in db.execute(orgs).scalars():
        for repository in sorted((data / "forge" / one).glob("*/*.git")):
            if is_segment(repository.parent.name) and is_segment(repository.name.removesuffix(".git")):
                for path in _in_repository(repository):
                    yield from _opened(data, path)


def _attachments(db: Connection, data: Path, org_id: str | None) -> Iterator[Path]:
    rows = select(attachment.c.attachment_id).order_by(attachment.c.attachment_id)
    rows = rows if org_id is None else rows.where(attachment.c.org_id == org_id)
    for attachment_id in db.execute(rows).scalars():
        yield stored_file(data, attachment_id)


def _build_logs(db: Connection, data: Path, org_id: str | None) -> Iterator[Path]:
    rows = select(snapshot_build.c.build_id).order_by(snapshot_build.c.build_id)
    rows = rows if org_id is None else rows.where(snapshot_build.c.org_id == org_id)
    for build_id in db.execute(rows).scalars():
        yield log_file(data, build_id)


def _in_repository(repository: Path) -> Iterator[Path]:
    """References before objects, so that whatever they name is there; single ones before those that are packed."""
    for order in (["refs"], [*MARKS], ["objects"]):
        for name in order:
            path = repository / name
            found = [path] if path.is_file() else sorted(path.rglob("*"))
            for one in found:
                inside = one.relative_to(repository).as_posix()
                if one.is_file() and not one.is_symlink() and IN_REPOSITORY.fullmatch(inside):
                    yield one


def _opened(data: Path, path: Path) -> Iterator[Opened]:
    name = path.relative_to(data).as_posix()
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with os.fdopen(handle, "rb") as file:
        if not is_placeable(name, None):
            return
        size = os.fstat(handle).st_size
        if size > SMALL:
            yield name, file, size
            return
        content = file.read()
        if name.endswith(".git/config"):
            content = plain_settings(content)
        yield name, BytesIO(content), len(content)


def plain_settings(content: bytes) -> bytes:
    """A repository's settings without those that name this machine or run programs."""
    lines = content.decode(errors="replace").splitlines()
    return "".join(f"{line}\n" for line in lines if PLAIN_SETTING.fullmatch(line)).encode()


def is_placeable(name: str, org_id: str | None) -> bool:
    """Whether an import may write a file of this name; with an organization: whether it is one of its forge."""
    if any(part in {"", ".", ".."} for part in name.split("/")):
        return False
    found = IN_FORGE.fullmatch(name)
    if found is None:
        return ATTACHMENT.fullmatch(name) is not None or BUILD_LOG.fullmatch(name) is not None
    org, owner, repository, inside = found.groups()
    is_own = org_id is None or org == org_id
    return is_own and is_segment(owner) and is_segment(repository) and IN_REPOSITORY.fullmatch(inside) is not None


def place(data: Path, name: str, content: Readable) -> None:
    """Write one file below the data folder: it is there as a whole, or not at all."""
    path = data / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755 if name.startswith("forge/") else 0o700)
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        if name.endswith(".git/config"):
            file.write(plain_settings(content.read()))
        else:
            while block := content.read(SMALL):
                file.write(block)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def complete_repositories(data: Path, org_ids: Iterable[str]) -> None:
    """Folders that git expects even when nothing lies in them."""
    for org_id in org_ids:
        for repository in (data / "forge" / org_id).glob("*/*.git"):
            for folder in ("refs/heads", "refs/tags", "objects/info", "objects/pack"):
                (repository / folder).mkdir(parents=True, exist_ok=True)
