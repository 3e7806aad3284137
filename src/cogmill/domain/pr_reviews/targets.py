"""Which pull request an address means: one of the built-in forge, or one at a connection's provider."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import ColumnElement, func, or_

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.git_providers.use import covers, governs, granted_at, is_plain, path_below
from cogmill.kit.errors import Forbidden, Invalid, NotFound
from cogmill.models.git import git_connection, git_permission
from cogmill.models.reviews import pr_review
from cogmill.models.sessions import pull_request
from cogmill.scm.repositories import Address

_HERE = re.compile(r"/organizations/(?P<org>org-[^/]{1,64})/pull-requests/(?P<id>pr-[^/]{1,64})/?")
_THERE = {
    "github": re.compile(r"(?P<path>/.+?)/pull/(?P<number>[1-9][0-9]{0,8})(?:/.*)?"),
    "gitlab": re.compile(r"(?P<path>/.+?)/(?:-/)?merge_requests/(?P<number>[1-9][0-9]{0,8})(?:/.*)?"),
    "gitea": re.compile(r"(?P<path>/.+?)/pulls/(?P<number>[1-9][0-9]{0,8})(?:/.*)?"),
}
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """A pull request that an organization may have reviewed."""

    org_id: str
    repo_path: str
    """With the host in front."""
    number: int
    repo: str
    """As a session names the repository."""
    pull_request: Any = None
    """The row of one at the built-in forge."""
    connection: Any = None
    """Of the provider, for one that lies there."""
    path: str = ""
    """The repository there."""
    read_only: bool = False

    def same(self) -> ColumnElement[bool]:
        """Reviews of the same pull request."""
        columns = pr_review.c
        if self.pull_request is not None:
            here: ColumnElement[bool] = columns.pull_request_id == self.pull_request.pull_request_id
            return here
        there: ColumnElement[bool] = (columns.git_connection_id == self.connection.git_connection_id) & (
            columns.number == self.number
        )
        return there & (func.lower(columns.provider_path) == self.path.lower())


def find(ctx: Context, url: str, where: str) -> Target:
    """The pull request that an address means. `where` is the part of the request that has it, for messages.

    Invalid when the address can be none, NotFound when there is no such pull request within reach, Forbidden when
    its organization has no permission for the repository.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _unusable(where) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _unusable(where)
    here = _HERE.fullmatch(parts.path)
    if here is not None:
        return _here(ctx, here["org"], here["id"])
    port = None if port == _PORTS[parts.scheme] else port
    place = Address(parts.scheme, parts.hostname.lower().rstrip("."), port, "")
    return _at_provider(ctx, place, unquote(parts.path), where)


def _here(ctx: Context, org_id: str, pull_request_id: str) -> Target:
    """A pull request by the address of its page on this server."""
    columns = pull_request.c
    named = owned(pull_request, ctx.scope).where(columns.org_id == org_id, columns.pull_request_id == pull_request_id)
    row = ctx.db.execute(named).one_or_none()
    if row is None:
        raise NotFound(f"pr_url: there is no pull request {pull_request_id!r} here.")
    if row.git_connection_id is None:
        host = urlsplit(ctx.runtime.settings.base_url).netloc
        return Target(row.org_id, f"{host}/{row.repo}", row.number, row.repo, pull_request=row)
    known = of_enterprise(git_connection, Scope(ctx.scope.enterprise_id, None))
    connection = ctx.db.execute(known.where(git_connection.c.git_connection_id == row.git_connection_id)).one_or_none()
    if connection is None:
        raise NotFound("pr_url: the connection to the provider of this pull request is gone.")
    return _granted(ctx, row.org_id, connection, row.provider_path, row.number)


def _at_provider(ctx: Context, place: Address, path: str, where: str) -> Target:
    known = of_enterprise(git_connection, Scope(ctx.scope.enterprise_id, None))
    rows = ctx.db.execute(known.order_by(git_connection.c.git_connection_id)).all()
    found = []
    for connection in rows:
        match = None if is_plain(connection) else _THERE[connection.kind.partition("_")[0]].fullmatch(path)
        if match is None:
            continue
        address = Address(place.scheme, place.host, place.port, match["path"].strip("/"))
        if governs(connection, address):
            found.append((connection, path_below(connection, address), int(match["number"])))
    if not found:
        raise _uncovered(where, place.host)
    refusal: Forbidden | None = None
    for connection, repository, number in found:
        try:
            return _granted(ctx, _organization(ctx, connection, repository), connection, repository, number)
        except Forbidden as error:
            refusal = refusal or error
    assert refusal is not None  # noqa: S101 - each of them was refused
    raise refusal


def _granted(ctx: Context, org_id: str, connection: Any, path: str, number: int) -> Target:
    grant = granted_at(ctx, org_id, connection, path)
    return Target(
        org_id, f"{connection.host}/{path}", number, grant.ref.clone_url or grant.ref.name,
        connection=connection, path=path, read_only=grant.read_only,
    )  # fmt: skip


def _organization(ctx: Context, connection: Any, path: str) -> str:
    """The scope's organization; of an enterprise the one that may write there, by the oldest of the permissions."""
    if ctx.scope.org_id is not None:
        return ctx.scope.org_id
    columns = git_permission.c
    mine = or_(columns.kind != "repo_path", func.lower(columns.path) == path.lower())
    query = owned(git_permission, ctx.scope).where(columns.git_connection_id == connection.git_connection_id, mine)
    rows = ctx.db.execute(query.order_by(columns.git_permission_id)).all()
    fitting = [row for row in rows if covers(row.kind, row.path, connection, path)]
    for row in sorted(fitting, key=lambda one: bool(one.read_only)):
        return str(row.org_id)
    raise Forbidden(f"pr_url: no organization has a git permission for {path[:200]} at {connection.host}.")


def _unusable(where: str) -> Invalid:
    return Invalid.at(where, "pr_url", msg="Give the address of a pull request, such as https://host/owner/repo/pull/7")


def _uncovered(where: str, host: str) -> Invalid:
    said = (
        f"No connection leads to a pull request of this address at {host[:200]}. Give the address of its page at "
        "GitHub, GitLab or Gitea, or on this server; GET /v3/enterprise/git-providers/connections lists connections."
    )
    return Invalid.at(where, "pr_url", msg=said)
