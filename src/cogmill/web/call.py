"""One call that the guard has let in: opens units of work, each one transaction, and tells of what was committed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection, select

from cogmill.access.context import Context, Runtime
from cogmill.access.permissions import Permission
from cogmill.access.principals import Principal
from cogmill.access.scope import Scope, owned
from cogmill.kit.errors import Forbidden, NotFound
from cogmill.models.access import organization

T = TypeVar("T")
Work = Callable[[Context], T]


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, how far the call reaches, and the way into the database."""

    runtime: Runtime
    scope: Scope
    request_id: str
    caller: Principal | None
    held: frozenset[Permission] = field(default_factory=frozenset)

    async def read(self, work: Work[T]) -> T:
        """A reading transaction."""

        def unit(db: Connection) -> T:
            return work(self._context(db))

        return await self.runtime.database.read(unit)

    async def write(self, work: Work[T]) -> T:
        """A writing transaction. The answer exists only once it is durable."""
        contexts: list[Context] = []

        def unit(db: Connection) -> T:
            contexts.append(self._context(db))
            answer = work(contexts[-1])
            for finish in contexts[-1].before_commit:
                finish(db)
            return answer

        answer = await self.runtime.database.write(unit)
        for announce in contexts[-1].after_commit:
            announce()
        return answer

    def _context(self, db: Connection) -> Context:
        self._check_organization(db)
        now = self.runtime.clock()
        return Context(self.runtime, db, self.scope, now, self.request_id, self.caller, self.held)

    def _check_organization(self, db: Connection) -> None:
        """An organization that is not the caller's own home must exist in the caller's enterprise."""
        org_id = self.scope.org_id
        if org_id is None or self.caller is None or self.caller.org_id == org_id:
            return
        query = select(organization.c.deleted_at).where(
            organization.c.org_id == org_id, organization.c.enterprise_id == self.scope.enterprise_id
        )
        found = db.execute(query).one_or_none()
        if found is None:
            raise foreign_organization(org_id)
        if found.deleted_at is not None:
            raise NotFound(f"Organization {org_id} was deleted.")


def enter(ctx: Context, org_id: str) -> None:
    """Go on within an organization of the scope that the body names."""
    known = owned(organization, ctx.scope, organization.c.org_id).where(organization.c.org_id == org_id)
    if ctx.db.execute(known).first() is None:
        raise NotFound(f"org_id: there is no organization {org_id[:64]!r}.")
    ctx.narrow(org_id)


def foreign_organization(org_id: str) -> Forbidden:
    """An unknown and a foreign organization are answered alike."""
    return Forbidden(f"Missing required permission on {org_id[:64]}: your key does not reach this organization.")
