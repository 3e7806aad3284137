"""Which repositories of which connections an organization may use."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, insert, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise, owned
from cogmill.domain.git_providers.schemas import GitPermissionIn, GitPermissionOut, GitPermissionPatch
from cogmill.kit.errors import BadRequest, Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import organization
from cogmill.models.git import git_connection, git_permission
from cogmill.web.params import PageQuery

PermissionRow = Row[Any]
KINDS = ("repo_path", "group_prefix", "prefix_path")
MOST = 10_000
Key = tuple[str, str, str]


def list_page(ctx: Context, query: PageQuery) -> Slice[GitPermissionOut]:
    """Oldest first."""
    key = git_permission.c.git_permission_id
    return fetch_page(ctx.db, owned(git_permission, ctx.scope), key, query.first, query.after).map(_present)


def add(ctx: Context, wanted: Sequence[GitPermissionIn]) -> list[GitPermissionOut]:
    """All of them, or none. One that the organization has already keeps its id and takes over read_only."""
    checked = _checked(ctx, wanted)
    _lock(ctx)
    present = _rows(ctx)
    known = {_key(row): row for row in present}
    new = [key for key in checked if key not in known]
    if len(known) + len(new) > MOST:
        raise Conflict(f"An organization may have {MOST} git permissions. A prefix takes the place of many.")
    for key, read_only in checked.items():
        if key in known and known[key].read_only != read_only:
            _set(ctx, known[key].git_permission_id, read_only)
    _insert(ctx, {key: checked[key] for key in new})
    ctx.audited |= {"permissions": _told(checked)}
    found = {_key(row): row for row in _rows(ctx)}
    return [_present(found[key]) for key in checked]


def replace(ctx: Context, wanted: Sequence[GitPermissionIn]) -> list[GitPermissionOut]:
    """These and no others."""
    checked = _checked(ctx, wanted)
    _lock(ctx)
    ctx.db.execute(delete(git_permission).where(git_permission.c.org_id == ctx.scope.one_org))
    _insert(ctx, checked)
    ctx.audited |= {"permissions": _told(checked)}
    return [_present(row) for row in _rows(ctx)]


def clear(ctx: Context) -> list[GitPermissionOut]:
    """Takes all away; answers them as they were."""
    _lock(ctx)
    rows = _rows(ctx)
    ctx.db.execute(delete(git_permission).where(git_permission.c.org_id == ctx.scope.one_org))
    ctx.audited |= {"permissions": len(rows)}
    return [_present(row) for row in rows]


def change(ctx: Context, permission_id: str, data: GitPermissionPatch) -> GitPermissionOut:
    """read_only, which is all that can be changed; null leaves it."""
    row = _find(ctx, permission_id)
    if data.read_only is not None:
        _set(ctx, row.git_permission_id, data.read_only)
        ctx.audited |= {"read_only": data.read_only}
    return _present(_find(ctx, permission_id))


def remove(ctx: Context, permission_id: str) -> GitPermissionOut:
    row = _find(ctx, permission_id)
    ctx.db.execute(delete(git_permission).where(git_permission.c.git_permission_id == row.git_permission_id))
    ctx.audited |= {row.kind: row.path}
    return _present(row)


def _lock(ctx: Context) -> None:
    """One change of an organization's permissions at a time: two must not find the same set."""
    ctx.db.execute(owned(organization, ctx.scope, organization.c.org_id).with_for_update(key_share=True))


def _rows(ctx: Context) -> list[PermissionRow]:
    return list(ctx.db.execute(owned(git_permission, ctx.scope).order_by(git_permission.c.git_permission_id)))


def _find(ctx: Context, permission_id: str) -> PermissionRow:
    query = _one(ctx, permission_id)
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no git permission {permission_id[:64]!r} in this organization.")
    return row


def _one(ctx: Context, permission_id: str) -> Select[Any]:
    return owned(git_permission, ctx.scope).where(git_permission.c.git_permission_id == permission_id)


def _set(ctx: Context, permission_id: str, read_only: bool) -> None:
    query = update(git_permission).where(git_permission.c.git_permission_id == permission_id)
    ctx.db.execute(query.values(read_only=read_only))


def _insert(ctx: Context, wanted: dict[Key, bool]) -> None:
    values = [
        {
            "git_permission_id": ordered_id("git-permission"), "org_id": ctx.scope.one_org,
            "git_connection_id": connection_id, "kind": kind, "path": path, "read_only": read_only,
            "created_at": ctx.now,
        }
        for (connection_id, kind, path), read_only in wanted.items()
    ]  # fmt: skip
    if values:
        ctx.db.execute(insert(git_permission), values)


def _checked(ctx: Context, wanted: Sequence[GitPermissionIn]) -> dict[Key, bool]:
    """What the bodies ask for, without doubles; of two that differ in read_only the later one counts."""
    named = {one.git_connection_id for one in wanted}
    columns = git_connection.c
    query = of_enterprise(git_connection, ctx.scope, columns.git_connection_id)
    known = set(ctx.db.execute(query.where(columns.git_connection_id.in_(named))).scalars()) if named else set()
    found: dict[Key, bool] = {}
    for place, one in enumerate(wanted):
        if one.git_connection_id not in known:
            raise BadRequest(
                f"permissions.{place}.git_connection_id: {one.git_connection_id[:64]!r} does not exist here."
            )
        kind, path = _chosen(place, one)
        found[one.git_connection_id, kind, path] = one.read_only
    return found


def _chosen(place: int, one: GitPermissionIn) -> tuple[str, str]:
    given = [(kind, path) for kind in KINDS if (path := getattr(one, kind)) is not None]
    if len(given) != 1:
        raise Invalid.at("body", "permissions", place, msg=f"Give exactly one of {', '.join(KINDS)}.")
    kind, path = given[0]
    if kind == "group_prefix" and path.endswith("/"):
        raise Invalid.at("body", "permissions", place, kind, msg="A group prefix has no slash at its end.")
    parts = path.removesuffix("/").split("/")
    everything = kind == "prefix_path" and path == "/"
    if not everything and (any(part in {"", ".", ".."} for part in parts) or any(ord(c) < 33 for c in path)):
        raise Invalid.at(
            "body",
            "permissions",
            place,
            kind,
            msg="Write the path as the provider does, e.g. acme/app: no slash first.",
        )
    if kind == "repo_path" and path.endswith("/"):
        raise Invalid.at("body", "permissions", place, kind, msg="A repository's path has no slash at its end.")
    return kind, path.removesuffix(".git") if kind == "repo_path" else path


def _key(row: PermissionRow) -> Key:
    return row.git_connection_id, row.kind, row.path


def _told(checked: dict[Key, bool]) -> list[dict[str, Any]]:
    """For the audit record, which need not hold more."""
    return [
        {"git_connection_id": connection_id, kind: path, "read_only": read_only}
        for (connection_id, kind, path), read_only in list(checked.items())[:200]
    ]


def _present(row: PermissionRow) -> GitPermissionOut:
    where = {kind: row.path if kind == row.kind else None for kind in KINDS}
    return GitPermissionOut(
        git_permission_id=row.git_permission_id, git_connection_id=row.git_connection_id, read_only=row.read_only,
        created_at=int(row.created_at), **where,
    )  # fmt: skip
