"""Who holds UseDevinSessions alone reaches the own sessions, and no others."""

import pytest

CHANGES = [
    ("POST", "/messages", {"message": "Hi"}), ("DELETE", "", None), ("POST", "/archive", None),
    ("POST", "/tags", {"tags": ["a"]}), ("PUT", "/tags", {"tags": ["a"]}),
]  # fmt: skip
READS = ["", "/messages", "/attachments", "/tags", "/events", "/events/search?query=x", "/events/details"]


async def test_own_and_others(sessions):
    own = (await sessions.create("session_user"))["session_id"]
    other = (await sessions.create())["session_id"]
    assert await sessions.ids(caller="session_user") == [own]
    assert await sessions.ids(caller="org_admin") == [other, own]
    for path in READS:
        await sessions.ask("GET", own, path, caller="session_user")
        await sessions.ask("GET", other, path, caller="session_user", expect=404)
    for method, path, body in CHANGES:
        await sessions.ask(method, other, path, json=body, caller="session_user", expect=404)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_own_sessions_can_be_changed(sessions, method, path, body):
    own = (await sessions.create("session_user"))["session_id"]
    await sessions.ask(method, own, path, json=body, caller="session_user")


async def test_a_session_created_for_a_person_is_the_persons(server, sessions):
    made = await sessions.create(create_as_user_id=server.world.ids["colleague"])
    assert await sessions.ids(caller="colleague") == [made["session_id"]]
    await sessions.ask("POST", made["session_id"], "/messages", json={"message": "Hi"}, caller="colleague")


async def test_who_may_view_all_but_manage_none(sessions):
    other = (await sessions.create())["session_id"]
    for path in READS:
        await sessions.ask("GET", other, path, caller="viewer")
    await sessions.create("viewer", expect=403)
    for method, path, body in CHANGES:
        await sessions.ask(method, other, path, json=body, caller="viewer", expect=403)


async def test_the_enterprise_view_permission_reaches_into_organizations(sessions):
    made = (await sessions.create())["session_id"]
    assert await sessions.ids(caller="account_viewer") == [made]
    await sessions.ask("DELETE", made, caller="account_viewer", expect=403)
    await sessions.create("account_viewer", expect=403)


async def test_manage_includes_view_and_create(sessions):
    other = (await sessions.create())["session_id"]
    await sessions.create("manager")
    assert len(await sessions.ids(caller="manager")) == 2
    await sessions.ask("POST", other, "/messages", json={"message": "Hi"}, caller="manager")
