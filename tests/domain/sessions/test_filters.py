"""Every filter of the session list, alone and with any other, at both scopes, against a slow look at all sessions."""

import random
from itertools import combinations

import pytest
from sqlalchemy import event, insert, select

from cogmill.models.sessions import session, session_label

MANY = 40
FIRST = 3
USERS, SERVICES, TAGS, REPOS = ("user-1", "user-2"), ("su-1", "su-2"), ("a", "b", "c"), ("acme/x", "acme/y")
TIMES = {"created_after": 1004, "created_before": 1009, "updated_after": 2004, "updated_before": 2009}
FILTERS = {
    "category": "other", "is_archived": "true", "playbook_id": "playbook-1", "schedule_id": "sched-1",
    "origins": "slack,scheduled", "user_ids": ",".join(USERS), "service_user_ids": "su-1", "tags": "a,b",
    "repo_names": "acme/x", **{name: str(at) for name, at in TIMES.items()},
}  # fmt: skip


@pytest.fixture
async def rows(server):
    """Sessions of two organizations: some alike in everything, times included, in no order of their keys."""
    for caller in ("org_admin", "stranger"):
        client = await server.client(caller)
        assert (await client.post("/v3/organizations/sessions", json={"prompt": "x"})).status_code == 200
    chance = random.Random(5)

    def fill(ctx):
        templates = [dict(row._mapping) for row in ctx.db.execute(select(session))]
        found = [one | {"repos": []} for one in templates]
        for number in range(MANY):
            one = chance.choice(templates) | {
                "session_id": f"devin-{number:032x}", "category": chance.choice([None, "other", "bug_fixing"]),
                "is_archived": chance.random() < 0.4, "playbook_id": chance.choice([None, "playbook-1", "playbook-2"]),
                "schedule_id": chance.choice([None, "sched-1"]),
                "origin": chance.choice(["slack", "automation", "api"]),
                "user_id": chance.choice([None, *USERS]), "service_user_id": chance.choice([None, *SERVICES]),
                "created_at": float(chance.randint(1000, 1012)), "updated_at": chance.randint(2000, 2012) + 0.1,
                "tags": chance.sample(TAGS, chance.randint(0, 3)),
            }  # fmt: skip
            del one["id"]
            one["id"] = ctx.db.execute(insert(session).values(one).returning(session.c.id)).scalar_one()
            repos = chance.sample(REPOS, chance.randint(0, 2))
            for kind, values in (("tag", one["tags"]), ("repo", repos)):
                for value in values:
                    label = {"org_id": one["org_id"], "kind": kind, "value": value, "session": one["id"]}
                    ctx.db.execute(insert(session_label).values(label))
            found.append(one | {"repos": repos})
        return found

    return await server.write(fill)


def fits(row, name, value):
    """What a filter means."""
    if name in TIMES:
        column, _, side = name.partition("_")
        at = row[f"{column}_at"]
        return at >= int(value) if side == "after" else at < int(value)
    several = value.split(",")
    if name in {"tags", "repo_names"}:
        return bool(set(several) & set(row["tags" if name == "tags" else "repos"]))
    columns = {"origins": "origin", "user_ids": "user_id", "service_user_ids": "service_user_id"}
    found = row[columns.get(name, name)]
    return str(found).lower() in {"automation" if one == "scheduled" else one for one in several}


def expected(rows, query):
    found = [row for row in rows if all(fits(row, name, value) for name, value in query.items())]
    column = next((one for one in ("updated", "created") if any(name.startswith(one) for name in query)), None)
    found.sort(key=lambda row: (row[f"{column}_at"] if column else 0, row["id"]), reverse=True)
    return [row["session_id"] for row in found]


async def pages(client, path, query):
    seen, after = [], {}
    while after is not None:
        answer = await client.get(path, params={"first": FIRST, **query, **after})
        assert answer.status_code == 200, answer.text
        seen += [one["session_id"] for one in answer.json()["items"]]
        after = {"after": answer.json()["end_cursor"]} if answer.json()["has_next_page"] else None
    return seen


async def test_every_filter_alone_and_with_another(server, rows):
    admin = await server.client("enterprise_admin")
    mine = [row for row in rows if row["org_id"] == server.world.org]
    assert 5 < len(mine) < len(rows) - 5
    both = f"{server.world.org},{server.world.second_org}"
    chance = random.Random(6)
    for names in [*((one,) for one in FILTERS), *combinations(FILTERS, 2)]:
        query = {name: FILTERS[name] for name in names}
        assert await pages(admin, server.sessions, query) == expected(mine, query), query
        narrowed = query | ({"org_ids": both} if chance.random() < 0.5 else {})
        assert await pages(admin, "/v3/enterprise/sessions", narrowed) == expected(rows, query), narrowed
    many = {"user_ids": ",".join([*USERS, *(f"nobody-{n}" for n in range(30))])}
    assert await pages(admin, server.sessions, many) == expected(mine, {"user_ids": ",".join(USERS)})
    some = [row["session_id"] for row in rows[3:9]]
    query = {"session_ids": ",".join(some), "tags": "a,b"}
    wanted = [row for row in rows if row["session_id"] in some]
    assert await pages(admin, "/v3/enterprise/sessions", query) == expected(wanted, {"tags": "a,b"})


async def test_a_cursor_belongs_to_the_order_of_its_list(server, rows):
    admin = await server.client("enterprise_admin")
    by_key = (await admin.get(server.sessions, params={"first": 1})).json()["end_cursor"]
    by_time = (await admin.get(server.sessions, params={"first": 1, "created_after": 0})).json()["end_cursor"]
    for query in ({"after": by_key, "created_after": 0}, {"after": by_time}, {"after": "dG5hbiA1", "updated_after": 0}):
        answer = await admin.get(server.sessions, params=query)
        assert answer.status_code == 422, query
        assert "cursor" in answer.text


@pytest.mark.one_database
async def test_every_filter_has_its_index(server, rows):
    """No filter makes the database sort, or read every session, for a page."""
    admin, engine, seen = await server.client("enterprise_admin"), server.runtime.database.engine, []
    remember = lambda _c, _cursor, statement, parameters, *_: seen.append((statement, parameters))  # noqa: E731
    event.listen(engine, "before_cursor_execute", remember)
    for path in (server.sessions, "/v3/enterprise/sessions"):
        for name, value in FILTERS.items():
            seen.clear()
            assert (await admin.get(path, params={"first": 2, name: value})).status_code == 200
            lists = [one for one in seen if "FROM session" in one[0] and "LIMIT" in one[0]]
            assert lists
            for statement, parameters in lists:
                plan = await server.read(
                    lambda ctx, s=statement, p=parameters: [
                        row.detail for row in ctx.db.exec_driver_sql(f"EXPLAIN QUERY PLAN {s}", p)
                    ]
                )
                steps = "; ".join(plan)
                assert "TEMP B-TREE" not in steps, (path, name, plan)
                assert "SCAN session" not in steps or "ix_session_archived" in steps, (path, name, plan)
    event.remove(engine, "before_cursor_execute", remember)
