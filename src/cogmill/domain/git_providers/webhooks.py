"""What providers send: only that something happened, and where, is taken from it; how it stands is asked for."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from cogmill.access.context import Context
from cogmill.domain.pr_reviews.jobs import changed_there
from cogmill.domain.pull_requests.service import due_now
from cogmill.kit.errors import BadRequest, Forbidden
from cogmill.models.git import git_connection


class NotSigned(Forbidden):
    """Whether the connection is unknown or the signature is wrong is not told."""

    detail = "There is no such webhook, or the delivery is not signed with its secret."


def receive(ctx: Context, connection_id: str, headers: Mapping[str, str], raw: bytes) -> int:
    """Take a delivery; answers how many pull requests will be looked at."""
    query = select(git_connection).where(git_connection.c.git_connection_id == connection_id)
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise NotSigned
    secret = ctx.runtime.keyring.decrypt(row.sealed_webhook, f"git webhook {row.git_connection_id}")
    if not _is_signed(row.kind, secret, headers, raw):
        raise NotSigned
    try:
        found = json.loads(raw)
    except ValueError:
        raise BadRequest("The delivery is no JSON; let the provider send application/json.") from None
    about = _subject(row.kind, found)
    if about is None:
        return 0
    changed_there(ctx, row.git_connection_id, *about)
    return due_now(ctx, row.git_connection_id, *about)


def _is_signed(kind: str, secret: str, headers: Mapping[str, str], raw: bytes) -> bool:
    if kind.startswith("gitlab"):
        return hmac.compare_digest(secret.encode(), headers.get("x-gitlab-token", "").encode())
    mac = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    if kind.startswith("github"):
        return hmac.compare_digest(f"sha256={mac}".encode(), headers.get("x-hub-signature-256", "").encode())
    return kind.startswith("gitea") and hmac.compare_digest(mac.encode(), headers.get("x-gitea-signature", "").encode())


def _subject(kind: str, found: Any) -> tuple[str, int] | None:
    """Repository and number of the pull request that a delivery is about, if it is about one."""
    try:
        if kind.startswith("gitlab"):
            if found["object_kind"] != "merge_request":
                return None
            path, number = found["project"]["path_with_namespace"], found["object_attributes"]["iid"]
        else:
            if "pull_request" not in found:
                return None
            path, number = found["repository"]["full_name"], found["pull_request"]["number"]
    except (KeyError, TypeError):
        return None
    is_good = isinstance(path, str) and isinstance(number, int) and 0 < number < 2**31 and "\0" not in path
    return (path, number) if is_good else None
