"""Organizations of v2, their limits, and what git may do for them."""

from collections.abc import Sequence

from cogmill.access.context import Context
from cogmill.api.legacy.reading import as_input, everything, iso
from cogmill.api.legacy.v2.pages import DONE, page_of
from cogmill.api.legacy.v2.schemas import (
    GitConnectionV2Out,
    GitPermissionsV2In,
    GitPermissionsV2Out,
    GitPermissionV2In,
    GitPermissionV2Out,
    OrganizationV2In,
    OrganizationV2Out,
    OrganizationV2Patch,
    PageV2Out,
    SkipQuery,
    SuccessOut,
)
from cogmill.domain.git_providers import connections, permissions
from cogmill.domain.git_providers.schemas import GitPermissionIn, GitPermissionOut, GitPermissionsIn
from cogmill.domain.members import bulk
from cogmill.domain.organizations import service
from cogmill.domain.organizations.schemas import OrganizationIn, OrganizationOut, OrganizationPatch
from cogmill.kit.errors import BadRequest
from cogmill.web.params import PageQuery

NAMES = {"name": "display_name", "max_cycle_acu_limit": "acu_limit"}


def list_(ctx: Context, query: SkipQuery) -> PageV2Out[OrganizationV2Out]:
    """Oldest first."""
    return page_of(
        lambda after, first: service.list_page(ctx, PageQuery(after=after, first=first)).map(service.present),
        query,
        lambda found: _shown(ctx, found),
    )


def get(ctx: Context) -> OrganizationV2Out:
    return _shown(ctx, [service.present(service.find(ctx))])[0]


def create(ctx: Context, body: OrganizationV2In) -> OrganizationV2Out:
    """`acu_limit` is the limit of a billing cycle."""
    data = as_input(OrganizationIn, {"name": body.display_name, "max_cycle_acu_limit": body.acu_limit}, NAMES)
    made = service.present(service.create(ctx, data))
    if body.add_creator_as_member:
        bulk.join_as_admin(ctx)
    return _shown(ctx, [made])[0]


def update(ctx: Context, body: OrganizationV2Patch) -> SuccessOut:
    sent = body.model_dump(exclude_unset=True)
    names = {"display_name": "name", "max_acu_limit": "max_cycle_acu_limit"}
    values = {names[field]: value for field, value in sent.items()}
    service.change(ctx, as_input(OrganizationPatch, values, {new: old for old, new in names.items()}))
    return DONE


def delete(ctx: Context) -> SuccessOut:
    """Deletes the organization; the server's administrator can restore it for a while."""
    service.delete(ctx)
    return DONE


def _shown(ctx: Context, found: Sequence[OrganizationOut]) -> list[OrganizationV2Out]:
    people = bulk.counts(ctx, [one.org_id for one in found])
    return [
        OrganizationV2Out(
            org_id=one.org_id, org_name=one.name, created_at=iso(one.created_at),
            max_session_acu_limit=one.max_session_acu_limit, max_cycle_acu_limit=one.max_cycle_acu_limit,
            org_admin_count=people[one.org_id].get("org_admin", 0),
            org_member_count=people[one.org_id].get("org_member", 0),
            org_user_count=sum(people[one.org_id].values()),
        )
        for one in found
    ]  # fmt: skip


def list_connections(ctx: Context, query: SkipQuery) -> PageV2Out[GitConnectionV2Out]:
    """Connections of the enterprise; what an organization may use of them is in its permissions."""
    return page_of(
        lambda after, first: connections.list_page(ctx, PageQuery(after=after, first=first)),
        query,
        lambda found: [
            GitConnectionV2Out(
                connection_id=one.git_connection_id, type=one.git_provider_type, host=one.host, name=one.name,
                created_at=iso(one.created_at),
            )
            for one in found
        ],
    )  # fmt: skip


def list_permissions(ctx: Context, query: SkipQuery) -> PageV2Out[GitPermissionV2Out]:
    return page_of(
        lambda after, first: permissions.list_page(ctx, PageQuery(after=after, first=first)),
        query,
        lambda found: _permissions(ctx, found),
    )


def _permissions(ctx: Context, found: list[GitPermissionOut]) -> list[GitPermissionV2Out]:
    known = everything(lambda after, first: connections.list_page(ctx, PageQuery(after=after, first=first)))
    hosts = {one.git_connection_id: one.host for one in known}
    return [
        GitPermissionV2Out(
            permission_id=one.git_permission_id, host=hosts[one.git_connection_id], repo_path=one.repo_path,
            group_prefix=one.group_prefix, prefix_path=one.prefix_path,
        )
        for one in found
    ]  # fmt: skip


def add_permissions(ctx: Context, body: GitPermissionsV2In) -> GitPermissionsV2Out:
    """All or none; each element names repositories, groups or a beginning of paths at a connection."""
    wanted = [one for asked in body.root for one in _each(asked)]
    made = permissions.add(ctx, as_input(GitPermissionsIn, {"permissions": wanted}).permissions)
    names = {one.git_permission_id: one.repo_path or one.group_prefix or one.prefix_path or "" for one in made}
    return GitPermissionsV2Out(status="success", permission_ids=list(names), permission_names=names)


def _each(asked: GitPermissionV2In) -> list[GitPermissionIn]:
    if asked.repo_url is not None or asked.group_prefix_url is not None:
        raise BadRequest("repo_url, group_prefix_url: name the repository by repo_path, the group by group_prefix.")
    named = [("repo_path", one) for one in asked.repo_path or []]
    named += [("group_prefix", one) for one in asked.group_prefix or []]
    named += [("prefix_path", asked.prefix_path)] if asked.prefix_path is not None else []
    return [as_input(GitPermissionIn, {"git_connection_id": asked.connection_id, kind: one}) for kind, one in named]


def delete_permission(ctx: Context, permission_id: str) -> SuccessOut:
    permissions.remove(ctx, permission_id)
    return DONE
