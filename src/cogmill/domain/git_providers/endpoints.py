"""Handlers of git connections (making and changing them is ours) and of organizations' git permissions."""

from starlette.requests import Request

from cogmill.access.context import Context
from cogmill.domain.git_providers import connections, permissions, repositories, webhooks
from cogmill.domain.git_providers.credentials import provider_of
from cogmill.domain.git_providers.schemas import (
    GitCheckOut,
    GitConnectionIn,
    GitConnectionOut,
    GitConnectionPatch,
    GitConnectionRepositoryOut,
    GitPermissionOut,
    GitPermissionPatch,
    GitPermissionsIn,
    GitWebhookOut,
    NewGitConnectionOut,
    RepositoryQuery,
)
from cogmill.kit.errors import TooLarge
from cogmill.scm.provider import ProviderError
from cogmill.web.call import Call
from cogmill.web.inputs import bounded
from cogmill.web.params import Page, PageQuery, page_of


def list_connections(ctx: Context, query: PageQuery) -> Page[GitConnectionOut]:
    return page_of(connections.list_page(ctx, query))


def create_connection(ctx: Context, body: GitConnectionIn) -> NewGitConnectionOut:
    """Connects a provider; give organizations permissions to use it. Nothing shows the credentials again."""
    return connections.create(ctx, body)


def update_connection(ctx: Context, connection_id: str, body: GitConnectionPatch) -> GitConnectionOut:
    """Another name, or other credentials of the same kind."""
    return connections.change(ctx, connection_id, body)


def delete_connection(ctx: Context, connection_id: str) -> GitConnectionOut:
    """Takes the connection and all permissions for it away."""
    return connections.remove(ctx, connection_id)


async def check_connection(call: Call, connection_id: str) -> GitCheckOut:
    """Asks the provider whose the credentials are."""
    row = await call.read(lambda ctx: connections.find(ctx, connection_id))
    try:
        said, works = await provider_of(call.runtime.keyring, row).check(), True
    except ProviderError as error:
        said, works = str(error), False
    return GitCheckOut(git_connection_id=row.git_connection_id, works=works, detail=said)


async def list_repositories(call: Call, connection_id: str, query: RepositoryQuery) -> Page[GitConnectionRepositoryOut]:
    """Repositories that the connection's credentials reach, as the provider tells them now."""
    row = await call.read(lambda ctx: connections.find(ctx, connection_id))
    return page_of(await repositories.list_page(call.runtime.keyring, row, query))


async def receive_webhook(call: Call, request: Request, connection_id: str) -> GitWebhookOut:
    """A provider tells that something happened to a pull request; how it stands now is asked there."""
    limit = call.runtime.settings.max_body
    raw = await bounded(request, limit, TooLarge(f"The body may have at most {limit} bytes.")).body()
    headers = dict(request.headers)
    noticed = await call.write(lambda ctx: webhooks.receive(ctx, connection_id, headers, raw))
    return GitWebhookOut(pull_requests=noticed)


def list_permissions(ctx: Context, query: PageQuery) -> Page[GitPermissionOut]:
    return page_of(permissions.list_page(ctx, query))


def add_permissions(ctx: Context, body: GitPermissionsIn) -> list[GitPermissionOut]:
    """All or none; each names a repository, a group or a beginning of paths at a connection."""
    return permissions.add(ctx, body.permissions)


def replace_permissions(ctx: Context, body: GitPermissionsIn) -> list[GitPermissionOut]:
    return permissions.replace(ctx, body.permissions)


def clear_permissions(ctx: Context) -> list[GitPermissionOut]:
    return permissions.clear(ctx)


def update_permission(ctx: Context, git_permission_id: str, body: GitPermissionPatch) -> GitPermissionOut:
    return permissions.change(ctx, git_permission_id, body)


def delete_permission(ctx: Context, git_permission_id: str) -> GitPermissionOut:
    return permissions.remove(ctx, git_permission_id)
