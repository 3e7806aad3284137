"""Sessions and messages in somebody else's name: who may, for whom, with whose rights."""

from sqlalchemy import update

from cogmill.models.access import user


async def create(sessions, user_id, caller="impersonator", expect=200, **body):
    return await sessions.create(caller, expect=expect, create_as_user_id=user_id, **body)


async def test_members_by_any_assignment_are_targets(ids, sessions):
    outsider, stays = ids.world.ids["outsider"], ids.world.ids["wiki_person"]
    await create(sessions, outsider, expect=403)
    await ids.group("devs", outsider)
    await ids.ask("POST", "/v3/enterprise/members/idp-groups/devs", role_id=await ids.role("enterprise_member"))
    await create(sessions, outsider, expect=403)
    await ids.ask("POST", f"{ids.organization}/idp-groups/devs", role_id=await ids.role("org_member"))
    made = await create(sessions, outsider)
    assert (made["user_id"], made["service_user_id"]) == (outsider, ids.world.ids["impersonator"])
    (admin,) = await ids.invite("a@example.org", role="enterprise_admin")
    assert (await create(sessions, admin["user_id"]))["user_id"] == admin["user_id"]
    (member,) = await ids.invite("b@example.org", role="enterprise_member")
    for user_id in (member["user_id"], stays):
        await create(sessions, user_id, expect=403)


async def test_who_is_no_target(ids, sessions):
    service_user = ids.world.ids["org_admin"]
    group = await ids.group("devs")
    await ids.ask("POST", "/v3/enterprise/members/idp-groups/devs", role_id=await ids.role("enterprise_admin"))
    await ids.ask("DELETE", f"/v3/enterprise/members/users/{ids.world.ids['person']}")
    answers = [
        await create(sessions, one, expect=403) for one in (service_user, group, ids.world.ids["person"], "user-none")
    ]
    assert all("no member" in one["detail"] for one in answers)


async def test_a_user_of_another_enterprise_is_no_target(ids, sessions):
    from sqlalchemy import select

    from cogmill.models.access import enterprise
    from tests.factories import assign_default_role, create_user

    def unit(ctx):
        query = select(enterprise.c.enterprise_id).where(enterprise.c.enterprise_id != ids.world.enterprise)
        theirs = ctx.db.execute(query).scalar_one()
        user_id = create_user(ctx.db, theirs, "theirs")
        assign_default_role(ctx.db, theirs, user_id, None, "enterprise_admin", 1.0)
        return user_id

    await create(sessions, await ids.server.write(unit), expect=403)


async def test_the_session_has_the_rights_of_its_user(ids, sessions):
    person, colleague = ids.world.ids["person"], ids.world.ids["colleague"]
    await sessions.create("impersonator", expect=403, bypass_approval=True)
    await create(sessions, person, bypass_approval=True)
    answer = await create(sessions, colleague, "org_admin", 403, bypass_approval=True)
    assert "UseDevinExpert" in answer["detail"]


async def test_it_shows_in_that_users_list(ids, sessions):
    person = ids.world.ids["person"]
    made = (await create(sessions, person))["session_id"]
    await sessions.create("impersonator")
    assert await sessions.ids(f"user_ids={person}") == [made]
    assert made in await sessions.ids(f"service_user_ids={ids.world.ids['impersonator']}")


async def test_messages_in_somebody_elses_name(ids, sessions):
    person = ids.world.ids["person"]
    made = (await sessions.create("org_admin"))["session_id"]
    body = {"message": "Hi", "message_as_user_id": person}
    await sessions.ask("POST", made, "/messages", json=body, caller="org_admin")
    record = await ids.audit()
    assert (record.action, record.service_user_id) == ("send_message", ids.world.ids["org_admin"])
    assert record.data["as_user_id"] == person
    await sessions.ask("POST", made, "/messages", json=body, caller="org_member", expect=403)
    await sessions.ask("POST", made, "/messages", json=body, caller="person")
    body["message_as_user_id"] = ids.world.ids["wiki_person"]
    await sessions.ask("POST", made, "/messages", json=body, caller="org_admin", expect=403)


async def test_nobody_acts_for_an_account_that_is_switched_off(sessions, server):
    person = server.world.ids["person"]
    session = await create(sessions, person)
    await server.write(lambda ctx: ctx.db.execute(update(user).where(user.c.user_id == person).values(disabled_at=1.0)))
    refused = await create(sessions, person, expect=403)
    assert "is no member of this organization who may use sessions" in refused["detail"]
    message = {"message": "More.", "message_as_user_id": person}
    await sessions.ask("POST", session["session_id"], "/messages", caller="impersonator", expect=403, json=message)
