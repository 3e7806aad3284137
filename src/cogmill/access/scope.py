"""How far a request reaches, and the only ways to begin a query on tenant data."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, select

from cogmill.kit.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Scope:
    """One organization, or all organizations of an enterprise (`org_id` None)."""

    enterprise_id: str
    org_id: str | None

    @property
    def one_org(self) -> str:
        """The one organization that is written to; a wide scope is refused."""
        if self.org_id is None:
            raise BadRequest("Name the organization: this operation works on one organization, not on the enterprise.")
        return self.org_id


def owned(
    table: Table, scope: Scope, *columns: Column[Any], along_key: bool = False, with_deleted: bool = False
) -> Select[Any]:
    """Rows of `table` that belong to the scope.

    `along_key`: for pages of a wide scope in the order of the primary key, which planners would rather find by
    organization and sort whole. `with_deleted`: those of deleted organizations of the enterprise, too.
    """
    query = select(*(columns or (table,)))
    if scope.org_id is not None:
        return query.where(table.c.org_id == scope.org_id)
    from cogmill.models.access import organization

    inside = select(organization.c.org_id).where(organization.c.enterprise_id == scope.enterprise_id)
    if not with_deleted:
        inside = inside.where(organization.c.deleted_at.is_(None))
    if not along_key:
        return query.where(table.c.org_id.in_(inside))
    # A question about each row. Planners that may join it take it for rare, and sort everything that fits.
    return query.where(inside.where(organization.c.org_id == table.c.org_id).offset(0).exists())


def of_enterprise(table: Table, scope: Scope, *columns: ColumnElement[Any]) -> Select[Any]:
    """Rows of a table whose rows belong to the enterprise as a whole: people, service users, groups, roles."""
    return select(*(columns or (table,))).where(table.c.enterprise_id == scope.enterprise_id)


def of_place(table: Table, scope: Scope, place: str | None, *columns: ColumnElement[Any]) -> Select[Any]:
    """Rows of a table with a `place` that belong to the organization, to the enterprise as such, or (None) to either.

    The place alone, so that planners find them by it and not by the enterprise.
    """
    query, places = select(*(columns or (table,))), [scope.org_id, scope.enterprise_id]
    if place is None:
        return query.where(table.c.place.in_(places))
    if place not in places:
        raise ValueError("the place lies outside the scope")
    return query.where(table.c.place == place)


def visible(table: Table, scope: Scope, *columns: Column[Any]) -> Select[Any]:
    """Rows that the scope may see: its own and, where the table has such, what the enterprise shares (org_id null)."""
    if scope.org_id is None or not table.c.org_id.nullable:
        return owned(table, scope, *columns)
    return select(*(columns or (table,))).where((table.c.org_id == scope.org_id) | table.c.org_id.is_(None))
