"""Messages, tags, sleep, wake, terminate and archive over HTTP, with what each leaves in the log."""

import pytest

from cogmill.domain.sessions.states import Detail, State, Status


async def created(sessions, **body):
    return (await sessions.create(**body))["session_id"]


async def settle(sessions, session_id, status, detail=None):
    """Put a session where the engine would have brought it."""
    state = State(Status(status), detail and Detail(detail))
    await sessions.append(session_id, state=state, run_state="idle")


def extension(server, session_id, verb):
    return f"/cogmill/v1/organizations/{server.world.org}/sessions/{session_id}/{verb}"


async def test_messages_are_listed_in_order(sessions):
    made = await created(sessions, prompt="First")
    for text in ("Second", "Third"):
        await sessions.ask("POST", made, "/messages", json={"message": text})
    page = await sessions.ask("GET", made, "/messages?first=2")
    rest = await sessions.ask("GET", made, f"/messages?after={page['end_cursor']}")
    found = page["items"] + rest["items"]
    assert [one["message"] for one in found] == ["First", "Second", "Third"]
    assert {one["source"] for one in found} == {"user"}
    assert all(set(one) == {"event_id", "created_at", "message", "source"} for one in found)
    assert rest["end_cursor"] is None


@pytest.mark.parametrize("body", [{}, {"message": ""}, {"message": " "}, {"message": None}, [], "x", None])
async def test_malformed_messages(sessions, body):
    await sessions.ask("POST", await created(sessions), "/messages", json=body, expect=422)


@pytest.mark.parametrize(
    ("status", "detail", "after"),
    [
        ("suspended", "inactivity", ("resuming", None)),
        ("suspended", "usage_limit_exceeded", ("resuming", None)),
        ("running", "waiting_for_user", ("running", "working")),
        ("running", "finished", ("running", "working")),
    ],
)
async def test_a_message_wakes(server, sessions, status, detail, after):
    made = await created(sessions)
    await settle(sessions, made, status, detail)
    server.engine.queued.clear()
    answer = await sessions.ask("POST", made, "/messages", json={"message": "Go on"})
    assert (answer["status"], answer["status_detail"]) == after
    row = await sessions.row(made)
    assert (row.run_state, row.idle_since) == ("queued", None)
    assert server.engine.queued == [row.id]


async def test_a_message_to_a_new_session_changes_no_state(sessions):
    made = await created(sessions)
    answer = await sessions.ask("POST", made, "/messages", json={"message": "More"})
    assert answer["status"] == "new"


@pytest.mark.parametrize("end", ["exit", "error", "archived"])
async def test_a_message_to_an_ended_session(server, sessions, end):
    made = await created(sessions)
    if end == "archived":
        await sessions.ask("POST", made, "/archive")
    else:
        await settle(sessions, made, end)
    before = await sessions.row(made)
    client = await server.client("org_admin")
    answer = await client.post(f"{server.sessions}/{made}/messages", json={"message": "Hello?"})
    assert answer.status_code == 409
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["content-type"] == "application/problem+json"
    assert await sessions.row(made) == before


async def test_messages_as_somebody_else(server, sessions):
    made, person = await created(sessions), server.world.ids["person"]
    await sessions.ask("POST", made, "/messages", json={"message": "x", "message_as_user_id": person})
    body = {"message": "x", "message_as_user_id": server.world.ids["outsider"]}
    await sessions.ask("POST", made, "/messages", json=body, expect=403)
    body = {"message": "x", "message_as_user_id": person}
    await sessions.ask("POST", made, "/messages", json=body, caller="org_member", expect=403)
    await sessions.ask("POST", made, "/messages", json=body, caller="person")
    details = await sessions.ask("GET", made, "/events/details?offset=2")
    assert [one["contents"]["user_id"] for one in details["items"]] == [person, person]


async def test_terminate_is_idempotent(server, sessions):
    made = await created(sessions)
    first = await sessions.ask("DELETE", made)
    assert (first["status"], first["status_detail"], first["is_archived"]) == ("exit", None, False)
    again = await sessions.ask("DELETE", made)
    assert {**again, "updated_at": 0} == {**first, "updated_at": 0}
    row = await sessions.row(made)
    assert (row.run_state, row.epoch, row.last_seq) == ("idle", 1, 3)
    assert server.engine.stopped == [row.id]


async def test_terminate_and_archive_at_once(sessions):
    made = await created(sessions)
    assert (await sessions.ask("DELETE", made, "?archive=true"))["is_archived"] is True
    later = await created(sessions)
    await sessions.ask("DELETE", later)
    answer = await sessions.ask("DELETE", later, "?archive=true")
    assert (answer["status"], answer["is_archived"]) == ("exit", True)
    await sessions.ask("DELETE", later, "?archive=perhaps", expect=422)


async def test_archive_sleeps_and_takes_the_children_along(server, sessions):
    parent = await created(sessions)
    child = (await sessions.create(parent=parent))["session_id"]
    grandchild = (await sessions.create(parent=child))["session_id"]
    answer = await sessions.ask("POST", parent, "/archive")
    assert (answer["status"], answer["status_detail"], answer["is_archived"]) == ("suspended", "user_request", True)
    for one in (child, grandchild):
        shown = await sessions.ask("GET", one)
        assert (shown["status"], shown["is_archived"]) == ("suspended", True)
    assert len(server.engine.stopped) == 3
    before = await sessions.row(parent)
    assert await sessions.ask("POST", parent, "/archive") == answer
    assert (await sessions.row(parent)).last_seq == before.last_seq
    await sessions.ask("PUT", parent, "/tags", json={"tags": ["a"]}, expect=409)


async def test_sleep_and_wake(server, sessions):
    made = await created(sessions)
    client = await server.client("org_admin")
    for _ in range(2):
        answer = await client.post(extension(server, made, "sleep"))
        assert (answer.json()["status"], answer.json()["status_detail"]) == ("suspended", "user_request")
    row = await sessions.row(made)
    assert (row.epoch, row.run_state) == (1, "idle")
    for _ in range(2):
        answer = await client.post(extension(server, made, "wake"))
        assert answer.json()["status"] == "resuming"
    assert (await sessions.row(made)).run_state == "queued"
    await sessions.ask("DELETE", made)
    for verb in ("sleep", "wake"):
        assert (await client.post(extension(server, made, verb))).status_code == 409


async def test_tags(sessions):
    made = await created(sessions, tags=["b"])
    assert await sessions.ask("GET", made, "/tags") == {"tags": ["b"]}
    answer = await sessions.ask("POST", made, "/tags", json={"tags": ["a", "b", " a "]})
    assert answer == {"tags": ["b", "a"]}
    assert await sessions.ids("tags=a") == [made]
    assert await sessions.ask("PUT", made, "/tags", json={"tags": ["c", "c"]}) == {"tags": ["c"]}
    assert await sessions.ids("tags=a") == []
    assert await sessions.ids("tags=c") == [made]
    assert await sessions.ask("PUT", made, "/tags", json={"tags": []}) == {"tags": []}
    assert (await sessions.ask("GET", made))["tags"] == []


async def test_at_most_fifty_tags(sessions):
    made = await created(sessions, tags=[f"t{n}" for n in range(49)])
    assert len((await sessions.ask("POST", made, "/tags", json={"tags": ["t0", "new"]}))["tags"]) == 50
    await sessions.ask("POST", made, "/tags", json={"tags": ["one more"]}, expect=422)
    assert len((await sessions.ask("GET", made, "/tags"))["tags"]) == 50
    await sessions.ask("PUT", made, "/tags", json={"tags": [str(n) for n in range(51)]}, expect=422)
    await sessions.ask("PUT", made, "/tags", json={}, expect=422)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("session_id", ["devin-" + "0" * 32, "x", "devin-", "0" * 32, "%00", "a%2Fb", "🎉"])
@pytest.mark.one_database
async def test_sessions_that_are_none(sessions, method, session_id):
    answer = await sessions.ask(method, session_id, expect=404)
    assert answer["status"] == 404


async def test_ids_without_prefix(sessions):
    made = await created(sessions)
    assert (await sessions.ask("GET", made.removeprefix("devin-")))["session_id"] == made


async def test_a_foreign_session_is_absent(server, sessions):
    made = await created(sessions)
    for caller, org in (("stranger", "second_org"), ("foreigner", "foreign_org"), ("enterprise_admin", "second_org")):
        client = await server.client(caller)
        org_id = getattr(server.world, org)
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/archive"), ("GET", "/events"), ("GET", "/tags")):
            answer = await client.request(method, f"/v3/organizations/{org_id}/sessions/{made}{path}")
            assert answer.status_code == 404, answer.text
    assert (await sessions.ask("GET", made))["status"] == "new"


async def test_every_change_leaves_an_audit_record(server, sessions):
    from sqlalchemy import select

    from cogmill.models.audit import audit_log

    made = await created(sessions)
    await sessions.ask("POST", made, "/messages", json={"message": "secret words"})
    await sessions.ask("POST", made, "/tags", json={"tags": ["a"]})
    await sessions.ask("POST", made, "/archive")
    await sessions.ask("DELETE", made)
    rows = await server.read(lambda ctx: ctx.db.execute(select(audit_log).order_by(audit_log.c.id)).all())
    assert [row.action for row in rows] == [
        "create_session", "send_message", "update_session_tags", "archive_session", "terminate_session",
    ]  # fmt: skip
    assert rows[2].data["tags"] == ["a"]
    assert all(made in (row.data.get("devin_id"), row.data.get("session_id")) for row in rows)
    assert "secret words" not in str([row.data for row in rows])
