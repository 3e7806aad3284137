"""Keeping blueprints of the enterprise, of organizations and of their repositories."""

from typing import Any

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.permissions import Permission as P
from cogmill.access.scope import of_enterprise
from cogmill.domain.blueprints.form import Level, Malformed, parse
from cogmill.domain.blueprints.schemas import BlueprintIn, BlueprintOut, BlueprintPatch
from cogmill.domain.sessions.create import check_repository, local_paths
from cogmill.kit.errors import BadRequest, Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.models.access import organization
from cogmill.models.environments import blueprint, blueprint_file
from cogmill.scm.errors import RepositoryRefused
from cogmill.scm.repositories import parse_repository
from cogmill.web import links
from cogmill.web.links import LinkQuery, PresignedUrlOut

BlueprintRow = Row[Any]
INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
AUTOMATIC_BUILDS = "automatic_builds"
"""The loop that looks for changed blueprints."""
MOST = 500
"""Blueprints of one organization: a build runs all of them, and the list has no pages."""


def own(ctx: Context) -> Select[Any]:
    """Blueprints that the scope writes: the organization's, or the enterprise's."""
    rows = of_enterprise(blueprint, ctx.scope).where(blueprint.c.deleted_at.is_(None))
    return rows.where(blueprint.c.org_id == ctx.scope.org_id if ctx.scope.org_id else blueprint.c.org_id.is_(None))


def list_all(ctx: Context, repo_name: str | None = None) -> list[BlueprintRow]:
    """In the order in which builds run them."""
    columns = blueprint.c
    query = own(ctx).order_by(columns.repo_name.is_not(None), columns.position, columns.blueprint_id)
    return list(ctx.db.execute(query if repo_name is None else query.where(columns.repo_name == repo_name)))


def of_builds(ctx: Context, org_id: str) -> list[BlueprintRow]:
    """All that add up to an organization's environment: the enterprise's, its own, those of its repositories."""
    columns, mine = blueprint.c, select(organization.c.enterprise_id).where(organization.c.org_id == org_id)
    query = select(blueprint).where(columns.deleted_at.is_(None), columns.enterprise_id == mine.scalar_subquery())
    query = query.where(or_(columns.org_id == org_id, columns.org_id.is_(None)))
    order = (columns.org_id.is_not(None), columns.repo_name.is_not(None), columns.position, columns.blueprint_id)
    return list(ctx.db.execute(query.order_by(*order)))


def find(ctx: Context, blueprint_id: str, *, lock: bool = False) -> BlueprintRow:
    """One of the scope's own."""
    query = own(ctx).where(blueprint.c.blueprint_id == blueprint_id)
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no blueprint {blueprint_id[:64]!r} here.")
    return row


def create_shared(ctx: Context, contents: str | None) -> BlueprintRow:
    """The enterprise's one blueprint."""
    return _create(ctx, contents or "", None, f"enterprise/{ctx.scope.enterprise_id}")


def create(ctx: Context, data: BlueprintIn) -> BlueprintRow:
    """The organization's blueprint, or one of its repositories'."""
    org_id = ctx.scope.one_org
    if data.repo_name is None:
        ctx.require(P.MANAGE_ORG_SNAPSHOTS, when="no repo_name: a blueprint of the whole organization")
    else:
        _check_repository(ctx, data.repo_name)
    place = f"org/{org_id}" if data.repo_name is None else f"repo/{org_id}/{data.repo_name}"
    return _create(ctx, data.contents or "", data.repo_name, place)


def _create(ctx: Context, contents: str, repo_name: str | None, place: str) -> BlueprintRow:
    check_contents(contents, _level(ctx.scope.org_id, repo_name))
    last = ctx.db.execute(own(ctx).with_only_columns(func.max(blueprint.c.position), func.count())).one()
    if last[1] >= MOST:
        raise Conflict(f"There are {MOST} blueprints already, the most of one organization. Delete one first.")
    values: dict[str, Any] = {
        "blueprint_id": ordered_id("blueprint"), "enterprise_id": ctx.scope.enterprise_id, "org_id": ctx.scope.org_id,
        "repo_name": repo_name, "place": place, "contents": contents,
        "position": 0 if repo_name is None else (last[0] or 0) + 1,
        "created_at": ctx.now, "created_by": ctx.principal.principal_id,
        "updated_at": ctx.now, "updated_by": ctx.principal.principal_id,
    }  # fmt: skip
    # Of two that come at once the second waits for the first, and finds its row.
    made = INSERTS[ctx.db.dialect.name](blueprint).values(values).on_conflict_do_nothing(index_elements=["place"])
    if ctx.db.execute(made.returning(blueprint.c.blueprint_id)).one_or_none() is None:
        whose = f"repo_name: {repo_name}" if repo_name else "The organization" if ctx.scope.org_id else "The enterprise"
        raise Conflict(f"{whose} has a blueprint already. Change that one.")
    ctx.audited |= {"blueprint_id": values["blueprint_id"], "repo_name": repo_name}
    _changed(ctx)
    return find(ctx, values["blueprint_id"])


def replace(ctx: Context, blueprint_id: str, contents: str) -> BlueprintRow:
    """Another text for the enterprise's blueprint."""
    row = find(ctx, blueprint_id, lock=True)
    check_contents(contents, level(row))
    return _store(ctx, row, contents=contents)


def change(ctx: Context, blueprint_id: str, data: BlueprintPatch) -> BlueprintRow:
    """What was sent of text and position."""
    row = find(ctx, blueprint_id, lock=True)
    require_right(ctx, row)
    if data.position is not None and row.repo_name is None:
        raise BadRequest("position: only blueprints of repositories have one; the organization's runs before them.")
    if data.contents is not None:
        check_contents(data.contents, level(row))
    given = {name: value for name in ("contents", "position") if (value := getattr(data, name)) is not None}
    return _store(ctx, row, **given) if given else row


def remove(ctx: Context, blueprint_id: str) -> None:
    """Builds to come do without it; snapshots that exist stay as they are."""
    row = find(ctx, blueprint_id, lock=True)
    require_right(ctx, row)
    ctx.audited["repo_name"] = row.repo_name
    ctx.db.execute(delete(blueprint_file).where(blueprint_file.c.blueprint_id == row.blueprint_id))
    _store(ctx, row, deleted_at=ctx.now, place=None)


def require_right(ctx: Context, row: BlueprintRow) -> None:
    """What is for the whole organization needs more than what is for one repository."""
    if row.org_id is not None and row.repo_name is None:
        ctx.require(P.MANAGE_ORG_SNAPSHOTS, when="the blueprint of the whole organization")


def _store(ctx: Context, row: BlueprintRow, **values: Any) -> BlueprintRow:
    values |= {"updated_at": ctx.now, "updated_by": ctx.principal.principal_id}
    query = update(blueprint).where(blueprint.c.blueprint_id == row.blueprint_id)
    _changed(ctx)
    return ctx.db.execute(query.values(**values).returning(*blueprint.c)).one()


def touch(ctx: Context, row: BlueprintRow) -> None:
    """One of its files was changed."""
    _store(ctx, row)


def _changed(ctx: Context) -> None:
    ctx.after_commit.append(lambda: ctx.runtime.signals.due(AUTOMATIC_BUILDS))


def check_contents(contents: str, at: Level) -> None:
    try:
        parse(contents, at)
    except Malformed as error:
        raise Invalid.at("body", "contents", msg=str(error)) from None


def _check_repository(ctx: Context, name: str) -> None:
    """Refused now rather than in every build."""
    try:
        ref = parse_repository(name, local_paths(ctx.runtime.settings))
    except RepositoryRefused as error:
        raise Invalid.at("body", "repo_name", msg=str(error)) from None
    check_repository(ctx, ref, "repo_name")


def level(row: BlueprintRow) -> Level:
    return _level(row.org_id, row.repo_name)


def _level(org_id: str | None, repo_name: str | None) -> Level:
    return "enterprise" if org_id is None else "org" if repo_name is None else "repo"


def present(row: BlueprintRow) -> BlueprintOut:
    return BlueprintOut(
        blueprint_id=row.blueprint_id, type=level(row), repo_name=row.repo_name, created_at=int(row.created_at),
        updated_at=int(row.updated_at),
    )  # fmt: skip


def link(ctx: Context, blueprint_id: str) -> PresignedUrlOut:
    """A link that gives the text of the blueprint to whoever holds it."""
    row = find(ctx, blueprint_id)
    return links.sign(ctx, "blueprint", f"/files/snapshot-setup/blueprints/{row.blueprint_id}", row.blueprint_id)


def linked(ctx: Context, blueprint_id: str, sent: LinkQuery) -> BlueprintRow:
    """The blueprint that a signed link names; the link is all the right that is needed."""
    links.check(ctx, "blueprint", blueprint_id, sent)
    query = select(blueprint).outerjoin(organization, organization.c.org_id == blueprint.c.org_id)
    query = query.where(blueprint.c.blueprint_id == blueprint_id, blueprint.c.deleted_at.is_(None))
    row = ctx.db.execute(query.where(organization.c.deleted_at.is_(None))).one_or_none()
    if row is None:
        raise NotFound("This blueprint does not exist any more.")
    return row
