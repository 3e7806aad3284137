"""How far a request reaches: `owned` and `visible` never show another tenant's rows."""

import pytest
from sqlalchemy import Column, MetaData, String, Table, insert

from cogmill.access.scope import Scope, owned, visible
from cogmill.kit.errors import BadRequest
from cogmill.models import metadata
from cogmill.models.access import organization, role_assignment, service_user

SHARED = Table(
    "shared_note", MetaData(), Column("name", String, primary_key=True), Column("org_id", String, nullable=True)
)


@pytest.fixture
async def rows(server):
    """One row of each organization, and one that the enterprise shares."""
    world = server.world

    def unit(ctx):
        SHARED.create(ctx.db)
        of = {"main": world.org, "second": world.second_org, "deleted": world.deleted_org}
        of |= {"foreign": world.foreign_org, "everybody": None}
        ctx.db.execute(insert(SHARED), [{"name": name, "org_id": org} for name, org in of.items()])

    await server.write(unit)

    async def ask(begin, org_id, *columns):
        scope = Scope(world.enterprise, org_id)
        found = await server.read(lambda ctx: ctx.db.execute(begin(SHARED, scope, *columns)).all())
        return sorted(row.name for row in found)

    return ask


async def test_one_organization_owns_its_rows(server, rows):
    assert await rows(owned, server.world.org) == ["main"]
    assert await rows(owned, server.world.second_org) == ["second"]
    assert await rows(owned, "org-unknown") == []


async def test_an_enterprise_owns_the_rows_of_its_living_organizations(rows):
    assert await rows(owned, None) == ["main", "second"]


async def test_one_organization_sees_its_own_and_what_is_shared(server, rows):
    assert await rows(visible, server.world.org) == ["everybody", "main"]


async def test_a_wide_scope_sees_what_it_owns(rows):
    assert await rows(visible, None) == ["main", "second"]


async def test_columns_can_be_chosen(server, rows):
    assert await rows(owned, server.world.org, SHARED.c.name) == ["main"]
    assert await rows(visible, server.world.org, SHARED.c.name) == ["everybody", "main"]


def test_a_table_without_shared_rows_is_never_widened():
    scope = Scope("ent-1", "org-1")
    for table in metadata.tables.values():
        column = table.c.get("org_id")
        if column is not None and not column.nullable:
            assert "IS NULL" not in str(visible(table, scope))
            assert str(visible(table, scope)) == str(owned(table, scope))
    assert "IS NULL" in str(visible(service_user, scope))


def test_every_scope_narrows():
    for scope in (Scope("ent-1", None), Scope("ent-1", "org-1")):
        for begin in (owned, visible):
            for table in (service_user, role_assignment, organization):
                assert "WHERE" in str(begin(table, scope))


def test_a_write_needs_one_organization():
    assert Scope("ent-1", "org-1").one_org == "org-1"
    with pytest.raises(BadRequest, match="Name the organization"):
        _ = Scope("ent-1", None).one_org
