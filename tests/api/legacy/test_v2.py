"""v2 as old scripts of administrators use it."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from sqlalchemy import select, update

from cogmill.domain.pull_requests.service import open_or_update
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.domain.usage.ledger import Use
from cogmill.engine.loops.insights import Insights
from cogmill.models.access import api_key
from cogmill.models.environments import blueprint, snapshot_build
from cogmill.models.sessions import pull_request, session

TOP = "/v2/enterprise"
DONE = {"status": "success"}


@pytest.fixture
async def old(old_keys):
    return await old_keys.client("old_admin")


async def ok(answer):
    done = await answer
    assert done.status_code == 200, done.text
    return done.json()


async def invited(old, *names):
    answer = await ok(old.post(f"{TOP}/members/invite", json={"emails": [f"{name}@example.org" for name in names]}))
    assert (answer["status"], answer["invited_count"]) == ("success", len(names))
    ids = {email.partition("@")[0]: user_id for user_id, email in answer["invitee_user_id_to_email"].items()}
    return [ids[name] for name in names]


async def test_pages_by_skip(old):
    names = [f"person{n:02}" for n in range(7)]
    await invited(old, *names)
    whole = await ok(old.get(f"{TOP}/members"))
    total = whole["total"]
    assert (len(whole["items"]), whole["has_more"], whole["next_cursor"]) == (total, False, None)
    found, skip = [], 0
    while skip is not None:
        page = await ok(old.get(f"{TOP}/members?skip={skip}&limit=5"))
        assert (page["skip"], page["limit"], page["total"]) == (skip, 5, total)
        found, skip = found + page["items"], page["next_cursor"]
    assert found == whole["items"]
    beyond = await ok(old.get(f"{TOP}/members?skip={total}"))
    assert (beyond["items"], beyond["has_more"], beyond["total"]) == ([], False, total)
    deep = await old.get(f"{TOP}/members?skip=10001")
    assert deep.status_code == 400
    assert deep.json()["detail"].startswith("skip: at most 10000")
    (one,) = (await ok(old.get(f"{TOP}/members?email=PERSON03@example.org")))["items"]
    assert one == await ok(old.get(f"{TOP}/members/{one['user_id']}"))
    assert (one["enterprise_role"], one["sessions_created_count"], one["last_login"]) == ("account_member", 0, None)


async def test_members_come_to_organizations_and_leave_them(old, world):
    ann, ben = await invited(old, "ann", "ben")
    place = f"{TOP}/organizations/{world.org}"
    before = await ok(old.get(place))
    both = {"org_ids": [world.org, world.second_org], "user_ids": [ann, ben]}
    assert await ok(old.post(f"{place}/members", json=both)) == DONE
    assert await ok(old.post(f"{place}/members", json=both | {"user_ids": [ben], "org_role": "org_admin"})) == DONE
    after = await ok(old.get(place))
    gained = {kind: after[f"org_{kind}_count"] - before[f"org_{kind}_count"] for kind in ("admin", "member", "user")}
    assert gained == {"admin": 1, "member": 1, "user": 2}
    held = (await ok(old.get(f"{TOP}/members/{ben}/organizations")))["items"]
    assert {(one["org_id"], one["org_role"], one["enterprise_role"]) for one in held} == {
        (world.org, "org_admin", "account_member"), (world.second_org, "org_admin", "account_member")
    }  # fmt: skip
    (role,) = [
        one for one in await ok(old.get(f"{TOP}/roles")) if one["role_name"] == "Member" and one["role_type"] == "org"
    ]
    assert (
        await ok(old.patch(f"{place}/members/roles", json={"user_ids": [ann, ben], "role_id": role["role_id"]})) == DONE
    )
    listed = {one["user_id"]: one["org_role"] for one in (await ok(old.get(f"{place}/members")))["items"]}
    assert (listed[ann], listed[ben]) == ("org_member", "org_member")
    assert await ok(old.delete(f"{place}/members/{ann}")) == DONE
    assert ann not in {one["user_id"] for one in (await ok(old.get(f"{place}/members")))["items"]}
    assert await ok(old.delete(f"{TOP}/members/{ben}")) == DONE
    assert (await old.get(f"{TOP}/members/{ben}")).status_code == 404


async def test_many_at_once_are_all_or_none(old, world):
    (ann,) = await invited(old, "ann")
    place = f"{TOP}/organizations/{world.org}"
    for wrong in (
        {"user_ids": [ann, "user-0"]}, {"group_names": ["nobody's"]}, {"org_role": "king"},
        {"org_ids": [world.org, world.foreign_org]}, {"org_ids": [world.org, world.deleted_org]},
    ):  # fmt: skip
        sent = {"org_ids": [world.org], "user_ids": [ann]} | wrong
        answer = await old.post(f"{place}/members", json=sent)
        assert answer.status_code in {400, 404}, answer.text
    assert (await ok(old.get(f"{TOP}/members/{ann}/organizations")))["items"] == []
    permissions = f"{place}/git/permissions"
    for more in ({"repo_path": ["b/c"]}, {"connection_id": "git-connection-0", "repo_path": ["b/c"]}):
        one = {"connection_id": "git-connection-1", "repo_path": ["acme/a"]}
        assert (await old.post(permissions, json=[one, one | more])).status_code in {400, 404, 422}
    assert (await ok(old.get(permissions)))["items"] == []


async def test_groups_need_no_role_at_the_enterprise_first(old, world):
    place = f"{TOP}/organizations/{world.org}/groups"
    assert await ok(old.put(f"{TOP}/groups", json={"group_names": ["b", "a/b c"]})) == ["a/b c", "b"]
    assert await ok(old.put(f"{TOP}/groups", json={"group_names": ["c"]})) == ["a/b c", "b", "c"]
    made = await ok(old.post(place, json={"group_name": "a/b c", "role": "org_admin"}))
    assert made == {"group_name": "a/b c", "org_id": world.org, "role": "org_admin"}
    assert (await ok(old.get(place)))["items"] == [made]
    one = await ok(old.get(f"{TOP}/groups/a/b%20c"))
    assert one == {"group_name": "a/b c", "org_count": 1, "role_by_org_id": {world.org: "org_admin"}}
    assert await ok(old.delete(f"{place}/a/b%20c")) == DONE
    assert (await ok(old.get(place)))["items"] == []
    joined = {"org_ids": [world.org], "user_ids": [], "group_names": ["b"]}
    assert await ok(old.post(f"{TOP}/organizations/{world.org}/members", json=joined)) == DONE
    assert [one["role"] for one in (await ok(old.get(place)))["items"]] == ["org_member"]


async def test_organizations_with_their_limits(old, world):
    made = await ok(old.post(f"{TOP}/organizations", json={"display_name": "New", "acu_limit": 5}))
    place = f"{TOP}/organizations/{made['org_id']}"
    assert (made["org_name"], made["max_cycle_acu_limit"], made["org_admin_count"]) == ("New", 5, 1)
    bare = await ok(old.post(f"{TOP}/organizations", json={"display_name": "B", "add_creator_as_member": False}))
    assert bare["org_user_count"] == 0
    assert await ok(old.patch(place, json={"max_acu_limit": None})) == DONE
    now = await ok(old.get(place))
    assert (now["org_name"], now["max_cycle_acu_limit"]) == ("New", None)
    told = (await old.patch(place, json={"max_acu_limit": -1})).json()["detail"][0]
    assert told["loc"] == ["body", "max_acu_limit"]
    assert await ok(old.delete(place)) == DONE
    assert (await old.get(place)).status_code == 404
    assert made["org_id"] not in {one["org_id"] for one in (await ok(old.get(f"{TOP}/organizations")))["items"]}


async def test_keys_are_made_listed_and_revoked(old, old_keys, world):
    there = f"{TOP}/api-keys?org_id={world.second_org}"
    before = {one["id"] for one in (await ok(old.get(there)))["items"]}
    made = await ok(old.post(f"{TOP}/api-keys", json={"org_id": world.second_org}))
    assert made["api_key"].startswith("apk_")
    assert not made["api_key"].startswith("apk_user_")
    headers = {"authorization": f"Bearer {made['api_key']}"}
    script = await old_keys.client()
    assert (await script.get("/v1/sessions", headers=headers)).status_code == 200
    (listed,) = [one for one in (await ok(old.get(there)))["items"] if one["id"] not in before]
    assert (listed["is_service_key"], listed["org_name"], listed["api_key_value"]) == (True, "second", None)
    first = await ok(old.get(f"{TOP}/api-keys?per_page=2"))
    second = await ok(old.get(f"{TOP}/api-keys?per_page=2&page={first['next_cursor']}"))
    assert (first["next_cursor"], first["skip"], second["skip"], second["total"]) == (2, 0, 2, first["total"])
    assert {one["id"] for one in first["items"]}.isdisjoint(one["id"] for one in second["items"])
    assert await ok(old.delete(f"{TOP}/api-keys/{listed['id']}")) == DONE
    assert (await script.get("/v1/sessions", headers=headers)).status_code == 401
    assert (await old.delete(f"{TOP}/api-keys/{listed['id']}")).status_code == 404
    unknown = await old.post(f"{TOP}/api-keys", json={"org_id": world.foreign_org})
    assert unknown.status_code == 404


async def test_revoking_all_keys_ends_the_callers_too_and_no_foreign_ones(old, old_keys):
    assert await ok(old.delete(f"{TOP}/api-keys")) == DONE
    for caller in ("old_admin", "old_organization", "old_beside"):
        assert (await (await old_keys.client(caller)).get("/v1/sessions")).status_code == 401
    assert (await (await old_keys.client("old_elsewhere")).get("/v1/sessions")).status_code == 200
    assert (await (await old_keys.client("org_admin")).get("/v3/self")).status_code == 200
    query = select(api_key.c.legacy).where(api_key.c.revoked_at > old_keys.runtime.clock() - 60)
    assert set(await old_keys.read(lambda ctx: ctx.db.execute(query).scalars().all())) == {True}


async def test_consumption_by_day_organization_and_person(old, old_keys, world):
    day = datetime(2026, 3, 10, tzinfo=UTC)
    spent = []
    for caller, org, after, acus in (
        ("person", world.org, timedelta(hours=9), 1_500_000),
        ("person_of_two", world.org, timedelta(hours=31), 250_000),
        ("person_of_two", world.second_org, timedelta(hours=33), 750_000),
        ("foreigner", world.foreign_org, timedelta(hours=9), 9_000_000),
    ):  # fmt: skip
        made = await ok((await old_keys.client(caller)).post(f"/v3/organizations/{org}/sessions", json={"prompt": "p"}))
        spent.append((made["session_id"], (day + after).timestamp(), acus))

    def spend(ctx):
        rows = {row.session_id: row.id for row in ctx.db.execute(select(session))}
        for one, at, acus in spent:
            append(ctx, rows[one], one, [NewEvent("x", "other", "x")], acus=acus, use=Use(at=at))

    await old_keys.write(spend)
    all_of_it = await ok(old.get(f"{TOP}/consumption/daily"))
    person, two = world.ids["person"], world.ids["person_of_two"]
    assert all_of_it == {
        "total_acus": 2.5, "consumption_by_date": {"2026-03-10": 1.75, "2026-03-11": 0.75},
        "consumption_by_org_id": {world.org: 1.75, world.second_org: 0.75},
        "consumption_by_user": {person: 1.5, two: 1.0},
    }  # fmt: skip
    for query, total in (
        ("start_date=2026-03-11", 0.75), ("end=2026-03-11", 1.75), ("start=2026-03-10T09:00:00Z", 0.75),
        ("start_date=2026-03-10&end_date=2026-03-12", 2.5), (f"org_ids={world.second_org}", 0.75),
        (f"org_ids={world.foreign_org}", 0), ("start_date=1773187200000", 0.75),
    ):  # fmt: skip
        assert (await ok(old.get(f"{TOP}/consumption/daily?{query}")))["total_acus"] == total, query
    one = await ok(old.get(f"{TOP}/consumption/daily/{two}?org_ids={world.org}"))
    assert one == {
        "total_acus": 0.25, "consumption_by_date": {"2026-03-10": 0.25}, "consumption_by_org_id": {world.org: 0.25}
    }  # fmt: skip
    assert (await old.get(f"{TOP}/consumption/daily/user-0")).status_code == 404
    told = (await old.get(f"{TOP}/consumption/daily?start_date=2026-03-11&end_date=2026-03-10")).json()["detail"][0]
    assert "end_date must not be earlier than start_date" in told["msg"]
    cycles = await ok(old.get(f"{TOP}/consumption/cycles"))
    assert all(later["start"] == earlier["end"] for later, earlier in pairwise(cycles))


async def test_a_clone_is_a_blueprint_and_a_build(old, old_keys, world):
    place, repository = f"{TOP}/organizations/{world.org}/clone", "https://git.example.org/acme/app"
    made = await ok(old.post(place, json={
        "repo_path": repository, "pull_repo_commands": ["git pull"], "update_dependencies_commands": ["a", "b: c"],
        "run_tests_commands": ["make test"], "repo_note": "Ask first.",
    }))  # fmt: skip
    assert (made["org_id"], made["status"], made["ami_id"]) == (world.org, "pending", None)

    async def contents():
        query = select(blueprint.c.contents).where(blueprint.c.repo_name == repository)
        return await old_keys.read(lambda ctx: ctx.db.execute(query).scalars().all())

    assert await contents() == [
        "maintenance:\n- name: pull\n  run: git pull\n- name: dependencies\n  run: 'a\n\n    b: c'\n"
        "knowledge:\n- name: test\n  contents: make test\n- name: notes\n  contents: Ask first.\n"
    ]
    await ok(old.post(place, json={"repo_path": repository}))
    assert "git pull" in (await contents())[0]
    await ok(old.post(place, json={"repo_path": repository, "run_lint_commands": ["make lint"]}))
    assert await contents() == ["knowledge:\n- name: lint\n  contents: make lint\n"]
    told = (await old.post(place, json={"repo_path": "x"})).json()["detail"][0]
    assert told["loc"] == ["body", "repo_path"]

    snapshot = f"{TOP}/snapshots/{made['snapshot_id']}"
    seen = await ok(old.get(snapshot))
    assert (seen["status"], seen["is_default"], seen["org"]["display_name"]) == ("pending", False, "main")
    assert [one["script_id"] for one in seen["pending_scripts"]] == [made["snapshot_id"]]
    done = update(snapshot_build).where(snapshot_build.c.build_id == made["snapshot_id"])
    await old_keys.write(lambda ctx: ctx.db.execute(done.values(status="succeeded", completed_at=ctx.now)))
    seen = await ok(old.get(snapshot))
    assert (seen["status"], seen["is_default"], seen["pending_scripts"]) == ("succeeded", True, [])


async def test_playbooks_keep_what_is_left_out(old, world):
    made = await ok(old.post(f"{TOP}/playbooks", json={"title": "T", "body": "B", "macro": "!t"}))
    one = f"{TOP}/playbooks/{made['playbook_id']}"
    assert await ok(old.put(one, json={"title": "U"})) == DONE
    assert await ok(old.put(one, json={"body": None, "macro": None})) == DONE
    now = await ok(old.get(one))
    assert (now["title"], now["body"], now["macro"], now["account_id"]) == ("U", "B", "!t", world.enterprise)
    assert [one["playbook_id"] for one in await ok(old.get(f"{TOP}/playbooks"))] == [made["playbook_id"]]
    assert await ok(old.delete(one)) == DONE


async def test_sessions_by_their_times_and_owners(old, old_keys, world):
    ids = []
    for caller, org in (("person", world.org), ("person_of_two", world.org), ("person_of_two", world.second_org)):
        client = await old_keys.client(caller)
        ids.append((await ok(client.post(f"/v3/organizations/{org}/sessions", json={"prompt": "p"})))["session_id"])
    two = world.ids["person_of_two"]

    async def found(query, place=TOP):
        return [one["session_id"] for one in (await ok(old.get(f"{place}/sessions?{query}")))["items"]]

    assert await found("") == ids[::-1]
    assert await found(f"user_ids={two}") == ids[:0:-1]
    assert await found(f"user_ids={two}&org_ids={world.org}") == [ids[1]]
    assert await found(f"session_ids={ids[0]}&session_ids={ids[2]}&limit=1&skip=1") == [ids[0]]
    assert await found("", f"{TOP}/organizations/{world.second_org}") == [ids[2]]
    assert await found("created_date_from=2001-01-01&created_date_to=2001-01-02") == []
    assert await found(f"org_ids={world.foreign_org}") == []
    (one,) = (await ok(old.get(f"{TOP}/members?email=person_of_two@example.org")))["items"]
    assert one["sessions_created_count"] == 2


async def test_figures_of_some_people_in_some_organizations_in_some_time(old, old_keys, world):
    now = int(old_keys.runtime.clock())

    def age(session_id, at, acus, ctx):
        of = session.c.session_id == session_id
        row_id = ctx.db.execute(select(session.c.id).where(of)).scalar_one()
        facts = {"repo": "a/b", "title": "T", "body": "", "branch": "b", "base_branch": "main"}
        open_or_update(ctx, row_id, facts | {"base_commit": "a" * 40, "head_commit": "b" * 40})
        ctx.db.execute(update(session).where(of).values(created_at=at, acus_micro=acus))
        ctx.db.execute(update(pull_request).where(pull_request.c.session == row_id).values(created_at=at))

    for caller, org, days, acus in (
        ("person", world.org, 0, 1_500_000), ("person_of_two", world.org, 10, 500_000),
        ("person_of_two", world.second_org, 40, 1_000_000), ("foreigner", world.foreign_org, 0, 7_000_000),
    ):  # fmt: skip
        client = await old_keys.client(caller)
        one = await ok(client.post(f"/v3/organizations/{org}/sessions", json={"prompt": f"of {caller}"}))
        await ok(client.get(f"/cogmill/v1/organizations/{org}/code-search?query=x"))
        aged = partial(age, one["session_id"], now - days * 86_400, acus)
        await old_keys.write(aged, org=org)
    person, two = world.ids["person"], world.ids["person_of_two"]
    last = str(datetime.fromtimestamp(now - 20 * 86_400, UTC).date())
    for query, sessions, searches, opened in (
        ("", 3, 3, 3), (f"start_date={last}", 2, 3, 2), (f"end={last}", 1, 0, 1), (f"user_ids={two}", 2, 2, 2),
        (f"user_ids={two}&user_ids={person}&start={last}", 2, 3, 2), (f"org_ids={world.second_org}", 1, 1, 1),
        (f"org_ids={world.org}&user_ids={two}", 1, 1, 1), (f"org_ids={world.foreign_org}", 0, 0, 0),
        (f"user_ids={world.ids['foreigner']}", 0, 0, 0),
    ):  # fmt: skip
        parts = {
            "sessions": {"sessions_count": sessions}, "searches": {"searches_count": searches},
            "prs": {"prs_opened": opened, "prs_closed": 0, "prs_merged": 0},
        }  # fmt: skip
        for name, wanted in parts.items():
            assert await ok(old.get(f"{TOP}/metrics/{name}?{query}")) == wanted, query
        whole = parts["sessions"] | parts["searches"] | parts["prs"]
        assert await ok(old.get(f"{TOP}/metrics/usage?{query}")) == whole, query
    for name in ("prs", "sessions", "searches", "usage"):
        told = (await old.get(f"{TOP}/metrics/{name}?start=2026-03-11&end_date=2026-03-10")).json()["detail"][0]
        assert "end_date must not be earlier than start_date" in told["msg"]
        for wrong in ("start_date=soon", "end=999999999999999", "start_date=9999-12-31T23:59:59-23:59"):
            assert (await old.get(f"{TOP}/metrics/{name}?{wrong}")).status_code == 422, wrong

    listed = await ok(old.get("/beta/v2/enterprise/user-usage-analysis?limit=200"))
    found = {one["user_id"]: one for one in listed["items"]}
    assert set(found) == {one["user_id"] for one in (await ok(old.get(f"{TOP}/members")))["items"]}

    def window(acus, sessions, searches):
        average = acus / sessions if sessions else 0
        return {
            "average_acus_per_session": average, "total_acus_consumed": acus, "sessions_started": sessions,
            "searches_started": searches,
        }  # fmt: skip

    assert [found[two][name] for name in ("last_7_days", "last_30_days", "lifetime")] == [
        window(0, 0, 2), window(0.5, 1, 2), window(1.5, 2, 2)
    ]  # fmt: skip
    assert found[person]["last_7_days"] == found[person]["lifetime"] == window(1.5, 1, 1)
    first = await ok(old.get("/beta/v2/enterprise/user-usage-analysis?limit=1"))
    assert (first["items"], first["next_cursor"], first["total"]) == (listed["items"][:1], 1, listed["total"])
    member = await ok(old.get(f"{TOP}/members/{two}"))
    assert (member["sessions_created_count"], member["searches_created_count"]) == (2, 2)


async def test_sessions_with_what_became_of_them(old, old_keys, world):
    ids = []
    for caller, org in (("person", world.org), ("person_of_two", world.second_org)):
        client = await old_keys.client(caller)
        sent = {"prompt": f"Fix the crash, {caller}."}
        ids.append((await ok(client.post(f"/v3/organizations/{org}/sessions", json=sent)))["session_id"])

    def answer(ctx):
        row_id = ctx.db.execute(select(session.c.id).where(session.c.session_id == ids[0])).scalar_one()
        said = NewEvent("devin_message", "message", "Done.", {"message": "Done."})
        failed = NewEvent("shell_command_completed", "shell", "pytest", {"command": "pytest", "exit_code": 1})
        append(ctx, row_id, ids[0], [failed, said])

    await old_keys.write(answer)
    admin = await old_keys.client("enterprise_admin")
    await ok(admin.post(f"/v3/enterprise/sessions/{ids[0]}/insights/generate"))
    await Insights(old_keys.runtime).run_once()
    page = await ok(old.get(f"{TOP}/sessions/insights"))
    assert ([one["session_id"] for one in page["items"]], page["total"]) == (ids[::-1], 2)
    silent, analysed = page["items"]
    assert (silent["initial_user_message"], silent["session_analysis"]) == ("Fix the crash, person_of_two.", None)
    known = (await ok(admin.get(f"/v3/enterprise/sessions/{ids[0]}/insights")))["analysis"]
    kept = analysed["session_analysis"]
    assert set(kept) == {"suggested_prompt", "action_items", "issues", "timeline"}
    assert [one["title"] for one in kept["timeline"]] == [one["title"] for one in known["timeline"]] != []
    assert all(one["issue_id"] is not None for one in kept["timeline"] + kept["action_items"])
    assert await ok(old.get(f"{TOP}/sessions/{ids[0]}")) == analysed
    assert await ok(old.get(f"{TOP}/sessions/{ids[0].removeprefix('devin-')}")) == analysed
    assert (await old.get(f"{TOP}/sessions/devin-0")).status_code == 404
    for place, query, wanted in (
        (TOP, f"org_ids={world.org}", ids[:1]), (TOP, f"user_ids={world.ids['person_of_two']}", ids[1:]),
        (TOP, f"session_ids={ids[1]}", ids[1:]), (TOP, "limit=1&skip=1", ids[:1]),
        (TOP, "updated_date_to=2001-01-01", []),
        (f"{TOP}/organizations/{world.second_org}", "", ids[1:]),
    ):  # fmt: skip
        found = (await ok(old.get(f"{place}/sessions/insights?{query}")))["items"]
        assert [one["session_id"] for one in found] == wanted, query
    plain = await ok(old.get(f"{TOP}/sessions"))
    assert [{name: one[name] for name in plain["items"][0]} for one in page["items"]] == plain["items"]


async def test_repositories_named_in_a_body_are_looked_for_in_its_organization(old, world):
    path = "/beta/v2/enterprise/repositories/bulk-index"
    for org_id in (world.org, world.foreign_org, "org-0"):
        answer = await old.post(path, json={"org_id": org_id, "repo_names": ["acme/none"]})
        assert answer.status_code == 404
        assert ("org_id" in answer.json()["detail"]) == (org_id != world.org)
    assert await ok(old.get(f"/beta/v2/enterprise/repositories/{world.org}")) == []


@pytest.mark.settings(legacy_v2=False)
@pytest.mark.one_database
async def test_a_version_that_is_switched_off(old, old_keys):
    for path in (f"{TOP}/members", "/beta/v2/enterprise/repositories/org-0"):
        for client in (old, await old_keys.client()):
            answer = await client.get(path)
            assert answer.status_code == 410
            assert "/v3" in answer.json()["detail"]
            assert "deprecation" in answer.headers
    assert (await old.get("/v1/sessions")).status_code == 200
