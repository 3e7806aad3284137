"""Attachments: a file in the data folder, a row that names it, and links that are signed for a short time."""

import re
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

from sqlalchemy import insert, select

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.kit.errors import Forbidden, Invalid, NotFound
from cogmill.models.access import organization
from cogmill.models.content import attachment

LINK_SECONDS = 300
_ID = re.compile(r"[0-9a-fA-F-]{1,40}")
_CONTENT_TYPE = re.compile(r"[\w.+*-]+/[\w.+*-]+(?: ?; ?[\w-]+=(?:[\w.+-]+|\"[\w.+ :/-]*\"))*", re.ASCII)
_IN_URL = re.compile(r"/attachments/([0-9a-fA-F-]{32,36})(?:/[^/]*)?/?$")
_LINE = re.compile(r'^ATTACHMENT:[ \t]*"([^"\n]{1,2083})"[ \t\r]*$', re.MULTILINE)
MOST_NAMED = 50
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)  # fmt: skip
_TOLD_BY_CONTENT = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf")


class AttachmentNotFound(NotFound):
    """No such attachment within reach."""


def stored_file(data: Path, attachment_id: str) -> Path:
    """Where the bytes of an attachment lie. What is no id, in a log from elsewhere, names no file."""
    if _ID.fullmatch(attachment_id) is None:
        raise FileNotFoundError(f"{attachment_id[:100]!r} is no attachment")
    return data / "attachments" / attachment_id[:2] / attachment_id


def clean_name(name: str | None) -> str:
    """A file name that is only a name: no folders, no control characters, no longer than file systems take."""
    plain = unicodedata.normalize("NFC", (name or "").replace("\\", "/").rsplit("/", 1)[-1])
    plain = "".join(c for c in plain if c.isprintable() and c not in '<>:"|?*')
    return plain.encode()[-200:].decode(errors="ignore").strip(" .") or "attachment"


def clean_type(content_type: str | None, content: bytes) -> str:
    """A content type that can be a header later, and that the content does not belie: pictures are what they say."""
    known = content_type is not None and len(content_type) <= 200 and _CONTENT_TYPE.fullmatch(content_type)
    declared = content_type if known and content_type else "application/octet-stream"
    kind = declared.partition(";")[0].strip().lower()
    found = next((told for begin, told in _SIGNATURES if content.startswith(begin)), None)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        found = "image/webp"
    if kind in _TOLD_BY_CONTENT:
        return declared if found == kind else found or "application/octet-stream"
    return found if found and kind == "application/octet-stream" else declared


def attachment_url(base: str, row: Any) -> str:
    """The API address of an attachment; reading it needs a key and redirects to a signed link."""
    return f"{base}/v3/organizations/{row.org_id}/attachments/{row.attachment_id}/{quote(row.name)}"


def record(ctx: Context, attachment_id: str, name: str, content_type: str, size: int) -> Any:
    """Note a file that lies in the data folder already."""
    values = {
        "attachment_id": attachment_id,
        "org_id": ctx.scope.one_org,
        "name": name,
        "content_type": content_type,
        "size": size,
        "created_by": ctx.principal.principal_id,
        "created_at": ctx.now,
    }
    ctx.audited |= {"name": name, "size": size}
    return ctx.db.execute(insert(attachment).values(values).returning(*attachment.c)).one()


def find(ctx: Context, attachment_id: str, name: str | None = None) -> Any:
    """An attachment within reach; with a name, that name must fit."""
    row = None
    try:
        known = str(UUID(attachment_id))
        row = ctx.db.execute(owned(attachment, ctx.scope).where(attachment.c.attachment_id == known)).one_or_none()
    except ValueError:
        pass
    if row is None or (name is not None and row.name != name):
        raise AttachmentNotFound(f"There is no attachment {attachment_id[:64]!r} of that name here.")
    return row


def resolve(ctx: Context, url: str, *, at: str) -> Any:
    """The attachment behind a URL of this server, or behind a bare id; foreign addresses are never fetched."""
    try:
        match = _IN_URL.search(unquote(urlsplit(url).path))
        return find(ctx, match.group(1) if match else url)
    except (AttachmentNotFound, ValueError):  # an address with a bracket too many, for one
        raise Invalid.at(
            "body", at, msg=f"{url[:200]!r} is no attachment of this organization; upload the file first."
        ) from None


def named_in(ctx: Context, text: str, *, at: str) -> list[Any]:
    """The attachments that a text names in lines of the form ATTACHMENT:"url", as clients of the first API write."""
    rows = [resolve(ctx, url, at=at) for url in dict.fromkeys(_LINE.findall(text)[:MOST_NAMED])]
    return list({row.attachment_id: row for row in rows}.values())


def signed_link(ctx: Context, row: Any) -> str:
    """A link that gives the file to whoever holds it, for five minutes."""
    expires = int(ctx.now) + LINK_SECONDS
    signature = ctx.runtime.keyring.sign("attachment", f"{row.attachment_id}.{expires}")
    base = ctx.runtime.settings.base_url
    return f"{base}/files/{row.attachment_id}/{quote(row.name)}?expires={expires}&signature={signature}"


def linked(ctx: Context, attachment_id: str, expires: str, signature: str) -> Any:
    """The attachment that a signed link names; the link is all the right that is needed."""
    check_link(ctx, attachment_id, expires, signature)
    query = select(attachment, organization.c.enterprise_id)
    query = query.join(organization, organization.c.org_id == attachment.c.org_id)
    query = query.where(attachment.c.attachment_id == attachment_id, organization.c.deleted_at.is_(None))
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise AttachmentNotFound("This attachment does not exist any more.")
    return row


def check_link(ctx: Context, attachment_id: str, expires: str, signature: str) -> None:
    """Refuse a link that was changed or is too old."""
    genuine = ctx.runtime.keyring.verify("attachment", f"{attachment_id}.{expires}", signature)
    if not genuine or not expires.isdigit() or int(expires) < ctx.now:
        raise Forbidden("This link is not valid any more. Ask the attachment's address for a new one.")
