"""Users: inviting, listing, roles at both tiers, removing."""

import pytest
from sqlalchemy import update

from cogmill.models.access import user

USERS = "/v3/enterprise/members/users"


def names(page):
    return [one["email"] for one in page["items"]]


async def test_invited_users_come_in_the_order_of_the_request(ids):
    made = await ids.invite("b@example.org", "A@Example.org ", "b@example.org", "person@example.org")
    assert [one["email"] for one in made] == [
        "b@example.org", "a@example.org", "b@example.org", "person@example.org"
    ]  # fmt: skip
    assert made[0] == made[2]
    assert made[3]["user_id"] == ids.world.ids["person"]
    member = await ids.role("enterprise_member")
    assert made[0]["role_assignments"] == [
        {"role": {"role_id": member, "role_name": "Member", "role_type": "enterprise"}, "org_id": None}
    ]
    record = await ids.audit()
    assert record.action == "add_enterprise_member"
    assert record.data["user_ids"][0] == made[0]["user_id"]


async def test_who_has_a_role_keeps_it(ids):
    await ids.invite("a@example.org", role="enterprise_admin")
    (again,) = await ids.invite("a@example.org", role="enterprise_member")
    assert [one["role"]["role_name"] for one in again["role_assignments"]] == ["Admin"]


@pytest.mark.one_database
async def test_what_an_invitation_takes(ids):
    role = await ids.role("enterprise_member")
    for emails in (["x"], ["a b@c"], ["@"], [f"{n}@example.org" for n in range(101)]):
        await ids.ask("POST", USERS, expect=422, emails=emails, enterprise_role_id=role)
    assert await ids.ask("POST", USERS, emails=[], enterprise_role_id=role) == []
    assert len(await ids.invite(*(f"{n}@example.org" for n in range(100)))) == 100
    org_role = await ids.role("org_member")
    await ids.refused("POST", USERS, 400, "enterprise", emails=["a@example.org"], enterprise_role_id=org_role)
    await ids.refused("POST", USERS, 400, "no role", emails=["a@example.org"], enterprise_role_id="role-none")


async def test_an_address_of_another_enterprise_tells_nothing(ids):
    from tests.factories import create_user

    elsewhere = await ids.server.read(lambda ctx: _other_enterprise(ctx, ids.world.enterprise))
    await ids.server.write(lambda ctx: create_user(ctx.db, elsewhere, "theirs"))
    await ids.refused(
        "POST", USERS, 409, "cannot be invited",
        emails=["new@example.org", "theirs@example.org"], enterprise_role_id=await ids.role("enterprise_member"),
    )  # fmt: skip
    assert (await ids.ask("GET", USERS, email="new@example.org"))["items"] == []


def _other_enterprise(ctx, mine):
    from sqlalchemy import select

    from cogmill.models.access import enterprise

    query = select(enterprise.c.enterprise_id).where(enterprise.c.enterprise_id != mine)
    return ctx.db.execute(query).scalars().first()


async def test_lists_are_pages_and_filter_by_address(ids):
    made = await ids.invite(*(f"u{n}@example.org" for n in range(7)))
    everybody = await ids.pages(USERS, 3)
    assert {one["user_id"] for one in made} < {one["user_id"] for one in everybody}
    assert len({one["user_id"] for one in everybody}) == len(everybody) == 12
    found = await ids.ask("GET", USERS, email="U3@example.org")
    assert names(found) == ["u3@example.org"]
    assert names(await ids.ask("GET", USERS, email="u3")) == []
    await ids.ask("GET", USERS, expect=422, after="nonsense")


async def test_an_organization_lists_those_with_a_direct_role_there(ids):
    found = await ids.ask("GET", f"{ids.organization}/users")
    assert sorted(names(found)) == [f"{n}@example.org" for n in ("colleague", "person", "person_of_two", "wiki_person")]
    for one in found["items"]:
        assert [held["org_id"] for held in one["role_assignments"]] == [ids.world.org]
    both = await ids.ask("GET", f"{USERS}/{ids.world.ids['person_of_two']}")
    assert {held["org_id"] for held in both["role_assignments"]} == {ids.world.org, ids.world.second_org}


async def test_roles_in_an_organization(ids):
    (made,) = await ids.invite("a@example.org")
    path = f"{ids.organization}/users/{made['user_id']}"
    token = await ids.token(made["user_id"])
    sessions = ids.server.sessions
    assert await ids.status(token, sessions) == 403
    await ids.refused("PATCH", path, 404, "no role", role_id=await ids.role("org_member"))
    await ids.refused("DELETE", path, 404, "no role")
    given = await ids.ask("POST", path, role_id=await ids.role("org_member"))
    assert [one["role"]["role_name"] for one in given["role_assignments"]] == ["Member"]
    assert await ids.status(token, sessions) == 200
    assert (await ids.audit()).action == "add_member"
    await ids.refused("POST", path, 409, "already", role_id=await ids.role("org_admin"))
    changed = await ids.ask("PATCH", path, role_id=await ids.role("org_deepwiki"))
    assert [one["role"]["role_name"] for one in changed["role_assignments"]] == ["DeepWiki Only"]
    record = await ids.audit()
    assert (record.action, record.org_id) == ("assign_roles", ids.world.org)
    assert record.data["former_role_id"] == await ids.role("org_member")
    assert await ids.status(token, sessions) == 403
    assert (await ids.ask("DELETE", path))["role_assignments"] == []
    assert (await ids.audit()).action == "delete_member"
    await ids.ask("GET", f"{USERS}/{made['user_id']}")


@pytest.mark.one_database
async def test_roles_fit_the_tier(ids):
    person = ids.world.ids["person"]
    for path in (f"{USERS}/{person}", f"{ids.organization}/users/{person}"):
        wrong = await ids.role("org_member" if path.startswith(USERS) else "enterprise_member")
        await ids.refused("PATCH", path, 400, "type", role_id=wrong)
    await ids.refused("PATCH", f"{USERS}/user-none", 404, role_id=await ids.role("enterprise_member"))
    await ids.refused("PATCH", f"{USERS}/{person}", 404, "no role", role_id=await ids.role("enterprise_member"))
    service_user = ids.world.ids["enterprise_member"]
    await ids.refused("PATCH", f"{USERS}/{service_user}", 404, role_id=await ids.role("enterprise_member"))


async def test_an_enterprise_role_works_at_the_next_request(ids):
    (made,) = await ids.invite("a@example.org")
    token, path = await ids.token(made["user_id"]), f"{USERS}/{made['user_id']}"
    assert await ids.status(token, USERS) == 403
    await ids.ask("PATCH", path, role_id=await ids.role("enterprise_admin"))
    assert await ids.status(token, USERS) == 200
    await ids.ask("PATCH", path, role_id=await ids.role("enterprise_member"))
    assert await ids.status(token, USERS) == 403


async def test_a_removed_user_is_gone_at_once(ids):
    (made,) = await ids.invite("a@example.org")
    user_id = made["user_id"]
    await ids.ask("POST", f"{ids.organization}/users/{user_id}", role_id=await ids.role("org_member"))
    token = await ids.token(user_id)
    assert await ids.works(token)
    gone = await ids.ask("DELETE", f"{USERS}/{user_id}")
    assert len(gone["role_assignments"]) == 2
    assert not await ids.works(token)
    record = await ids.audit()
    assert (record.action, record.data["user_id"], record.data["revoked_keys"]) == ("delete_member", user_id, 1)
    for method, path in (("GET", f"{USERS}/{user_id}"), ("DELETE", f"{USERS}/{user_id}")):
        await ids.ask(method, path, expect=404)
    assert names(await ids.ask("GET", USERS, email="a@example.org")) == []
    assert "a@example.org" not in names(await ids.ask("GET", f"{ids.organization}/users"))


async def test_an_invitation_brings_back_who_was_removed_without_the_old_rights_and_tokens(ids):
    (made,) = await ids.invite("a@example.org", role="enterprise_admin")
    user_id = made["user_id"]
    await ids.ask("POST", f"{ids.organization}/users/{user_id}", role_id=await ids.role("org_member"))
    await ids.execute(update(user).where(user.c.user_id == user_id).values(password_hash="old"))
    token = await ids.token(user_id)
    await ids.group("people", user_id)
    await ids.ask("DELETE", f"{USERS}/{user_id}")
    (back,) = await ids.invite("a@example.org")
    assert back["user_id"] == user_id
    assert [one["role"]["role_name"] for one in back["role_assignments"]] == ["Member"]
    assert not await ids.works(token)
    row = await ids.server.read(lambda ctx: ctx.db.execute(user.select().where(user.c.user_id == user_id)).one())
    assert (row.password_hash, row.sign_in_epoch, row.deleted_at) == (None, 1, None)
    await ids.ask("DELETE", "/v3/enterprise/idp-groups/people")


@pytest.mark.one_database
async def test_assignments_in_deleted_organizations_are_not_shown(ids):
    two = ids.world.ids["person_of_two"]
    await ids.ask("DELETE", f"/v3/enterprise/organizations/{ids.world.org}")
    shown = await ids.ask("GET", f"{USERS}/{two}")
    assert [one["org_id"] for one in shown["role_assignments"]] == [ids.world.second_org]


async def test_another_enterprise_sees_none_of_it(ids):
    person = ids.world.ids["person"]
    assert (await ids.ask("GET", USERS, caller="foreign_admin"))["items"] == []
    for method in ("GET", "DELETE"):
        await ids.ask(method, f"{USERS}/{person}", caller="foreign_admin", expect=404)
    theirs = {"emails": ["x@example.org"], "enterprise_role_id": await ids.role("enterprise_member")}
    await ids.refused("POST", USERS, 400, "no role", caller="foreign_admin", **theirs)


async def test_the_view_permission_reads_and_changes_nothing(ids):
    role = await ids.custom_role("ViewAccountMembership", role_type="enterprise")
    (made,) = await ids.ask("POST", USERS, emails=["v@example.org"], enterprise_role_id=role)
    token = await ids.token(made["user_id"])
    for path in (USERS, f"{ids.organization}/users", "/v3/enterprise/roles", "/v3/enterprise/idp-groups"):
        assert await ids.status(token, path) == 200
    assert await ids.status(token, f"{USERS}/{made['user_id']}", "DELETE") == 403


@pytest.mark.one_database
async def test_lists_take_as_many_queries_for_many_as_for_few(ids):
    from sqlalchemy import event

    await ids.invite(*(f"u{n}@example.org" for n in range(50)))
    counts = []
    await ids.ask("GET", USERS)  # who calls is remembered from here on
    for first in (1, 50):
        seen = []
        listener = lambda *args, seen=seen: seen.append(args[2])  # noqa: E731
        event.listen(ids.server.runtime.database.engine, "before_cursor_execute", listener)
        await ids.ask("GET", USERS, first=first)
        event.remove(ids.server.runtime.database.engine, "before_cursor_execute", listener)
        counts.append(len([one for one in seen if one.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 2
