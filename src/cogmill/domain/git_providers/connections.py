"""Keeping connections. Credentials come in, are sealed, and go out to the provider only."""

from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise
from cogmill.domain.git_providers.credentials import checked_address, checked_api, given, seal
from cogmill.domain.git_providers.schemas import (
    Credentials,
    GitConnectionIn,
    GitConnectionOut,
    GitConnectionPatch,
    NewGitConnectionOut,
)
from cogmill.kit.crypto import new_token
from cogmill.kit.errors import Conflict, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.git import git_connection, git_permission
from cogmill.web.params import PageQuery

ConnectionRow = Row[Any]
MOST = 200


def list_page(ctx: Context, query: PageQuery) -> Slice[GitConnectionOut]:
    """Oldest first."""
    found, key = of_enterprise(git_connection, ctx.scope), git_connection.c.git_connection_id
    return fetch_page(ctx.db, found, key, query.first, query.after).map(present)


def find(ctx: Context, connection_id: str) -> ConnectionRow:
    columns = git_connection.c
    found = of_enterprise(git_connection, ctx.scope).where(columns.git_connection_id == connection_id)
    row = ctx.db.execute(found).one_or_none()
    if row is None:
        raise NotFound(f"There is no git connection {connection_id[:64]!r} here.")
    return row


def create(ctx: Context, data: GitConnectionIn) -> NewGitConnectionOut:
    """One more connection, which no organization may use yet."""
    kind = data.git_provider_type
    address, host = checked_address(data)
    found, api = given(kind, data), checked_api(data)
    count = ctx.db.execute(of_enterprise(git_connection, ctx.scope, git_connection.c.git_connection_id).limit(MOST))
    if len(count.all()) == MOST:
        raise Conflict(f"The enterprise has {MOST} git connections, and may have no more. Delete some first.")
    connection_id, secret = ordered_id("git-connection"), new_token("whsec_")
    values = {
        "git_connection_id": connection_id, "enterprise_id": ctx.scope.enterprise_id, "kind": kind,
        "name": data.name, "host": host, "address": address, "api_address": api,
        "sealed": seal(ctx.runtime.keyring, connection_id, found),
        "sealed_webhook": ctx.runtime.keyring.encrypt(secret, f"git webhook {connection_id}"),
        "created_at": ctx.now, "created_by": ctx.principal.principal_id, "updated_at": ctx.now,
    }  # fmt: skip
    ctx.db.execute(insert(git_connection).values(values))
    _note(ctx, "create", kind, {"connection_id": connection_id, "host": host})
    url = f"{ctx.runtime.settings.base_url}/cogmill/v1/git-connections/{connection_id}/webhook"
    shown = present(find(ctx, connection_id)).model_dump()
    return NewGitConnectionOut(**shown, webhook_url=url, webhook_secret=secret)


def change(ctx: Context, connection_id: str, data: GitConnectionPatch) -> GitConnectionOut:
    """Another name, or other credentials; they count from the next clone or push on."""
    row = find(ctx, connection_id)
    values: dict[str, Any] = {"updated_at": ctx.now}
    if "name" in data.model_fields_set:
        values["name"] = data.name
    renewed = any(getattr(data, name) is not None for name in Credentials.model_fields)
    if renewed:
        values["sealed"] = seal(ctx.runtime.keyring, row.git_connection_id, given(row.kind, data))
    ctx.db.execute(update(git_connection).where(git_connection.c.git_connection_id == connection_id).values(values))
    _note(ctx, "update", row.kind, {"host": row.host, "credentials": "renewed" if renewed else "kept"})
    return present(find(ctx, connection_id))


def remove(ctx: Context, connection_id: str) -> GitConnectionOut:
    """Takes the credentials away, and every organization's permission with them."""
    row = find(ctx, connection_id)
    gone = delete(git_permission).where(git_permission.c.git_connection_id == connection_id)
    count = ctx.db.execute(gone.returning(git_permission.c.git_permission_id)).all()
    ctx.db.execute(delete(git_connection).where(git_connection.c.git_connection_id == connection_id))
    _note(ctx, "delete", row.kind, {"host": row.host, "permissions": len(count)})
    return present(row)


def _note(ctx: Context, verb: str, kind: str, said: dict[str, Any]) -> None:
    """The record's action has the name that the contract gives it for this kind of provider."""
    family = next((one for one in ("github", "gitlab") if kind.startswith(one)), "git")
    ctx.action = (
        "refresh_github_integration" if (verb, family) == ("update", "github") else f"{verb}_{family}_integration"
    )
    ctx.audited |= {"git_provider_type": kind, **said}


def present(row: ConnectionRow) -> GitConnectionOut:
    return GitConnectionOut(
        git_connection_id=row.git_connection_id, git_provider_type=row.kind, name=row.name, host=row.host,
        created_at=int(row.created_at),
    )  # fmt: skip
