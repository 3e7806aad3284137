"""Sessions seen and steered from above the organizations."""

import pytest
from sqlalchemy import event, select

from cogmill.domain.identity.service import create_organization
from cogmill.models.audit import audit_log

BASE = "/v3/enterprise/sessions"


@pytest.fixture
async def two(server, sessions):
    """A session in each of two organizations of the enterprise, the later one last."""
    first = await sessions.create(tags=["a"])
    admin = await server.client("enterprise_admin")
    path = f"/v3/organizations/{server.world.second_org}/sessions"
    second = (await admin.post(path, json={"prompt": "There.", "tags": ["b"]})).json()
    return first, second


@pytest.fixture
async def ask(server):
    async def ask(method, path="", *, caller="enterprise_admin", expect=200, **options):
        answer = await (await server.client(caller)).request(method, BASE + path, **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    return ask


async def ids(ask, **params):
    return [one["session_id"] for one in (await ask("GET", params=params))["items"]]


async def test_the_list_reaches_all_organizations(ask, two, server):
    first, second = (one["session_id"] for one in two)
    assert await ids(ask) == [second, first]
    assert await ids(ask, org_ids=[server.world.org]) == [first]
    assert await ids(ask, org_ids=["org-none"]) == []
    assert await ids(ask, tags=["b", "a"]) == [second, first]
    assert await ids(ask, tags="a") == [first]
    page = await ask("GET", params={"first": 1})
    assert await ids(ask, after=page["end_cursor"]) == [first]
    for caller in ("org_admin", "person"):
        await ask("GET", caller=caller, expect=403)


async def test_nothing_of_another_enterprise(ask, two, server):
    assert await ids(ask) == [two[1]["session_id"], two[0]["session_id"]]
    foreign = await server.client("foreign_admin")
    assert (await foreign.get(BASE)).json()["items"] == []
    assert (await foreign.get(f"{BASE}/{two[0]['session_id']}")).status_code == 404


async def test_one_session_by_its_id_alone(ask, two, server):
    first, second = two
    assert (await ask("GET", f"/{second['session_id']}"))["org_id"] == server.world.second_org
    named = {"org_id": server.world.second_org}
    assert (await ask("GET", f"/{second['session_id']}", params=named))["session_id"] == second["session_id"]
    await ask("GET", f"/{first['session_id']}", params=named, expect=404)
    assert await ask("GET", f"/{first['session_id']}/attachments") == []
    messages = await ask("GET", f"/{second['session_id']}/messages")
    assert [one["message"] for one in messages["items"]] == ["There."]


async def test_changes_are_on_record_in_the_organization(ask, two, server):
    path = f"/{two[1]['session_id']}"
    await ask("POST", f"{path}/messages", json={"message": "More."})
    assert (await ask("POST", f"{path}/tags", json={"tags": ["c"]}))["tags"] == ["b", "c"]
    assert (await ask("PUT", f"{path}/tags", json={"tags": ["d"]}))["tags"] == ["d"]
    assert (await ask("GET", f"{path}/tags"))["tags"] == ["d"]
    query = select(audit_log.c.action, audit_log.c.org_id).order_by(audit_log.c.id.desc()).limit(3)
    rows = await server.read(lambda ctx: ctx.db.execute(query).all())
    assert [tuple(row) for row in rows] == [
        ("update_session_tags", server.world.second_org), ("update_session_tags", server.world.second_org),
        ("send_message", server.world.second_org),
    ]  # fmt: skip


async def test_tags_follow_the_rules_of_the_sessions_organization(ask, two, server):
    admin = await server.client("enterprise_admin")
    allowed = f"/v3/enterprise/organizations/{server.world.second_org}/tags"
    assert (await admin.put(allowed, json={"tags": ["x"]})).status_code == 200
    await ask("POST", f"/{two[1]['session_id']}/tags", json={"tags": ["y"]}, expect=400)
    await ask("POST", f"/{two[0]['session_id']}/tags", json={"tags": ["y"]})


async def test_deleted_organizations_are_listed_on_request_only(ask, two, server):
    admin = await server.client("enterprise_admin")
    first, second = (one["session_id"] for one in two)
    await server.write(lambda ctx: create_organization(ctx.db, server.world.enterprise, "primary", 0.0))
    assert (await admin.delete(f"/v3/enterprise/organizations/{server.world.second_org}")).status_code == 200
    assert await ids(ask) == [first]
    assert await ids(ask, include_deleted_orgs=True) == [second, first]
    assert await ids(ask, include_deleted_orgs=True, tags="b") == [second]
    await ask("GET", f"/{second}", expect=404)


@pytest.mark.one_database
async def test_a_page_is_found_along_the_key(ask, two, server):
    """Not by organization: the sessions of a whole enterprise would be sorted for every page."""
    seen = []
    engine = server.runtime.database.engine
    remember = lambda _c, _cursor, statement, parameters, *_: seen.append((statement, parameters))  # noqa: E731
    event.listen(engine, "before_cursor_execute", remember)
    await ids(ask)
    event.remove(engine, "before_cursor_execute", remember)
    statement, parameters = next(one for one in seen if "FROM session" in one[0] and "LIMIT" in one[0])
    plan = await server.read(
        lambda ctx: [row.detail for row in ctx.db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    )
    assert not any("TEMP B-TREE" in step for step in plan), plan
