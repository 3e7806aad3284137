"""Finding a caller reads a few rows by an index, however many callers there are."""

import pytest
from sqlalchemy import event

from cogmill.access.principals import find_principal
from tests.factories import KEYRING


@pytest.mark.one_database
@pytest.mark.parametrize("caller", ["enterprise_admin", "org_admin", "person"])
async def test_no_table_is_read_from_end_to_end(server, world, caller):
    statements = []

    def remember(_connection, _cursor, statement, parameters, *_):
        statements.append((statement, parameters))

    def work(ctx):
        event.listen(ctx.db, "before_cursor_execute", remember)
        assert find_principal(ctx.db, KEYRING.token_hash(world.tokens[caller])) is not None
        event.remove(ctx.db, "before_cursor_execute", remember)
        return [
            step.detail
            for statement, parameters in statements
            for step in ctx.db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]

    steps = await server.read(work)
    assert any("api_key" in step for step in steps)
    assert [step for step in steps if step.startswith("SCAN") and step != "SCAN CONSTANT ROW"] == []
