"""How long a refusal takes tells nothing: a foreign id and one of nothing cause the very same statements.

Times themselves would tell what the machine is busy with. Equal statements over the same indexes take equal times.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from cogmill.access import addresses
from cogmill.access.principals import Authenticator

from .test_foreign_objects import FIELDS, GATED, MISSING, TENANTS, Tenants, fields_of
from .test_sweep import PARTS, name

BESIDE_THE_CALL = ("UPDATE api_key SET last_used_at",)
"""Written now and then for many calls at once, whatever they asked."""


@pytest.fixture(autouse=True)
def _memory_lasts(monkeypatch):
    """However slow the machine is, the second of two calls finds remembered what the first one found."""
    monkeypatch.setattr(addresses, "LIFETIME", 3600.0)
    monkeypatch.setattr(Authenticator, "LIFETIME", 3600.0)


@pytest.fixture(params=TENANTS)
async def tenants(old_keys, request):
    made = Tenants(old_keys, request.param)
    await made.make_own()
    await made.make_foreign()
    return made


@contextmanager
def statements(server: Any) -> Iterator[list[str]]:
    """What the database is asked, without the values."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(BESIDE_THE_CALL):
            found.append(statement)

    server.runtime.authenticator.forget()  # else the first of two calls would look up what the second remembers
    server.runtime.addresses.forget()
    server.runtime.guardrails.forget()
    server.runtime.guardrails.lifetime = 3600.0
    event.listen(server.runtime.database.engine, "before_cursor_execute", note)
    yield found
    event.remove(server.runtime.database.engine, "before_cursor_execute", note)


async def test_ids_in_paths(server, tenants):
    compared = 0
    for op in GATED:
        for foreign, missing in tenants.pairs(op):
            with statements(server) as of_foreign:
                await tenants.ask(op, foreign)
            with statements(server) as of_missing:
                await tenants.ask(op, missing)
            assert of_foreign
            assert of_foreign == of_missing, f"{name(op)}: {foreign}"
            compared += 1
    assert compared > 20


async def test_ids_in_queries_and_bodies(server, tenants):
    compared = 0
    for op in GATED:
        for place, field in [(where, one) for where in ("query", "body") for one in sorted(fields_of(op, where))]:
            if not tenants.is_foreign(op, FIELDS[field]):
                continue
            asked = []
            for one in (tenants.foreign[FIELDS[field]][0], MISSING[FIELDS[field]]):
                sent = {place: {field: [one] if field.endswith("s") else one}}
                with statements(server) as found:
                    await tenants.ask(op, tenants.own_parts(op), **sent)
                asked.append(found)
            assert asked[0] == asked[1], f"{name(op)}: {field}"
            compared += 1
    assert compared > 3


async def test_a_foreign_organization_and_an_unknown_one(old_keys):
    server, world = old_keys, old_keys.world
    compared = 0
    for caller in ("org_admin", "enterprise_admin", "person", "old_admin"):
        client = await server.client(caller)
        named = [one for one in GATED if "{org_id}" in one.path and one.method == "GET" and "stream" not in one.id]
        for op in [one for one in named if (one.legacy is not None) == (caller == "old_admin")]:
            asked = []
            for org_id in (world.foreign_org, "org-" + "0" * 32):
                with statements(server) as found:
                    answer = await client.get(op.address.format(org_id=org_id, **PARTS))
                assert answer.status_code in {403, 404, 422}
                asked.append(found)
            assert asked[0] == asked[1], name(op)
            compared += 1
    assert compared > 20
