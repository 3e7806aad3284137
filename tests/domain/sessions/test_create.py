"""Creating a session: every documented field, and every rule's refusal."""

import json
import re

import pytest
from sqlalchemy import select

from cogmill.models.audit import audit_log
from cogmill.models.sessions import session_secret


async def test_the_least_there_is(server, sessions):
    made = await sessions.create(prompt="Fix the bug")
    assert re.fullmatch(r"devin-[0-9a-f]{32}", made["session_id"])
    assert made["url"].endswith(f"/organizations/{server.world.org}/sessions/{made['session_id']}")
    told = {key: made[key] for key in made if key not in {"session_id", "url", "created_at", "updated_at"}}
    assert told == {
        "status": "new", "status_detail": None, "title": None, "tags": [], "org_id": server.world.org,
        "user_id": None, "service_user_id": server.world.ids["org_admin"], "acus_consumed": 0.0, "pull_requests": [],
        "structured_output": None, "parent_session_id": None, "child_session_ids": None, "playbook_id": None,
        "is_archived": False, "origin": "api", "category": None, "subcategory": None, "is_advanced": False,
    }  # fmt: skip
    assert isinstance(made["created_at"], int)
    assert made == await sessions.ask("GET", made["session_id"])
    assert server.engine.queued == [(await sessions.row(made["session_id"])).id]


async def test_every_documented_field(server, sessions, data):
    person = server.world.ids["person"]
    schema = {
        "type": "object",
        "properties": {"n": {"$ref": "#/definitions/n"}},
        "definitions": {"n": {"type": "number"}},
    }
    made = await sessions.create(
        title="A title", tags=["b", "a", "b"], repos=[], attachment_urls=[], max_acu_limit=7, knowledge_ids=[],
        structured_output_schema=schema, structured_output_required=False, secret_ids=[],
        session_secrets=[{"key": "TOKEN", "value": "s3cret"}, {"key": "plain", "value": "", "sensitive": False}],
        session_links=["https://example.org"], create_as_user_id=person, bypass_approval=True, platform="Linux",
        devin_mode="fast", advanced_mode="manage", agent="runbook", playbook="```sh\ntrue\n```",
        no_such_field={"ignored": True},
    )  # fmt: skip
    assert made["title"] == "A title"
    assert made["tags"] == ["b", "a"]
    assert made["user_id"] == person
    assert made["is_advanced"] is True
    row = await sessions.row(made["session_id"])
    assert (row.max_acu_limit, row.agent) == (7, "runbook")
    assert row.request["structured_output_schema"] == schema
    assert row.request["structured_output_required"] is False
    assert row.request["devin_mode"] == "fast"


async def test_secrets_are_sealed(server, sessions):
    made = await sessions.create(
        session_secrets=[{"key": "my-key", "value": "s3cret"}, {"key": "my key", "value": "x"}]
    )
    rows = await server.read(lambda ctx: ctx.db.execute(select(session_secret)).all())
    assert sorted(row.name for row in rows) == ["my_key", "my_key_2"]
    assert "s3cret" not in json.dumps([row.sealed for row in rows])
    keyring = server.runtime.keyring
    opened = {row.name: keyring.decrypt(row.sealed, f"{made['session_id']}/{row.name}") for row in rows}
    assert opened == {"my_key": "s3cret", "my_key_2": "x"}


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"prompt": ""}, ["body", "prompt"]),
        ({"prompt": "  \n"}, ["body", "prompt"]),
        ({"prompt": None}, ["body", "prompt"]),
        ({"prompt": 7}, ["body", "prompt"]),
        ({"prompt": "x" * 1_000_001}, ["body", "prompt"]),
        ({"title": "x" * 501}, ["body", "title"]),
        ({"tags": [""]}, ["body", "tags", 0]),
        ({"tags": ["x" * 257]}, ["body", "tags", 0]),
        ({"tags": [str(n) for n in range(51)]}, ["body", "tags"]),
        ({"tags": "a"}, ["body", "tags"]),
        ({"max_acu_limit": 0}, ["body", "max_acu_limit"]),
        ({"max_acu_limit": 10**30}, ["body", "max_acu_limit"]),
        ({"devin_mode": "slow"}, ["body", "devin_mode"]),
        ({"advanced_mode": "x"}, ["body", "advanced_mode"]),
        ({"advanced_mode": "analyze"}, ["body", "session_links"]),
        ({"advanced_mode": "analyze", "session_links": []}, ["body", "session_links"]),
        ({"advanced_mode": "improve"}, ["body", "child_playbook_id"]),
        ({"advanced_mode": "batch"}, ["body", "child_playbook_id"]),
        ({"agent": "x"}, ["body", "agent"]),
        ({"agent": "replay"}, ["body", "recording"]),
        ({"recording": "nothing"}, ["body", "recording"]),
        ({"attachment_urls": ["https://example.org/a"]}, ["body", "attachment_urls"]),
        ({"attachment_urls": ["x" * 2084]}, ["body", "attachment_urls", 0]),
        ({"attachment_urls": [""]}, ["body", "attachment_urls", 0]),
        ({"session_secrets": [{"key": "", "value": "x"}]}, ["body", "session_secrets", 0, "key"]),
        ({"session_secrets": [{"key": "x" * 257, "value": "x"}]}, ["body", "session_secrets", 0, "key"]),
        ({"session_secrets": [{"key": "x", "value": "x" * 65537}]}, ["body", "session_secrets", 0, "value"]),
        ({"session_secrets": [{"key": "x"}]}, ["body", "session_secrets", 0, "value"]),
        ({"structured_output_schema": {"type": "no such"}}, ["body", "structured_output_schema"]),
        ({"structured_output_schema": {"$ref": "https://example.org/s"}}, ["body", "structured_output_schema"]),
        ({"structured_output_schema": {"description": "x" * 65536}}, ["body", "structured_output_schema"]),
        ({"structured_output_schema": []}, ["body", "structured_output_schema"]),
        ({"repos": ["/etc/../no/such"]}, ["body", "repos"]),
        ({"repos": ["owner/missing"]}, ["body", "repos"]),
        ({"repos": ["ext::sh -c true"]}, ["body", "repos"]),
        ({"repos": ["x"] * 21}, ["body", "repos"]),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_malformed(sessions, body, loc):
    answer = await sessions.create(expect=422, **body)
    assert loc in [one["loc"] for one in answer["detail"]], answer
    assert all(set(one) == {"loc", "msg", "type"} for one in answer["detail"])
    assert await sessions.ids() == []


@pytest.mark.parametrize("field", ["playbook_id", "child_playbook_id", "knowledge_ids", "secret_ids"])
@pytest.mark.one_database
async def test_what_does_not_exist_here_is_refused(sessions, field):
    answer = await sessions.create(expect=400, **{field: ["x-1"] if field.endswith("s") else "x-1"})
    assert answer["detail"].startswith(f"{field}: 'x-1'")


@pytest.mark.one_database
async def test_platforms(sessions):
    for label in ("linux", "LINUX", "inherit", "Default", None):
        await sessions.create(platform=label)
    answer = await sessions.create(expect=400, platform="windows")
    assert "linux" in answer["detail"]


@pytest.mark.one_database
async def test_expert_fields_need_the_expert_permission(sessions):
    for body in ({"advanced_mode": "manage"}, {"bypass_approval": True}):
        answer = await sessions.create("session_user", expect=403, **body)
        assert "UseDevinExpert" in answer["detail"]
    await sessions.create("session_user", bypass_approval=False)


async def test_impersonation(server, sessions):
    person, ids = server.world.ids["person"], server.world.ids
    assert (await sessions.create("impersonator", create_as_user_id=person))["user_id"] == person
    assert (await sessions.create("impersonator", create_as_user_id=ids["colleague"]))["user_id"] == ids["colleague"]
    for target in (ids["outsider"], ids["wiki_person"], "user-nobody"):
        answer = await sessions.create("impersonator", expect=403, create_as_user_id=target)
        assert "UseDevinSessions" in answer["detail"]
    answer = await sessions.create("org_member", expect=403, create_as_user_id=person)
    assert "ImpersonateOrgSessions" in answer["detail"]


async def test_a_person_needs_no_permission_to_name_itself(server, sessions):
    person = server.world.ids["person"]
    made = await sessions.create("person", create_as_user_id=person)
    assert (made["user_id"], made["service_user_id"]) == (person, None)
    assert (await sessions.create("person"))["user_id"] == person


async def test_children(sessions):
    parent = (await sessions.create())["session_id"]
    first = await sessions.create(parent=parent)
    second = await sessions.create(parent=parent.removeprefix("devin-"))
    assert first["parent_session_id"] == second["parent_session_id"] == parent
    shown = await sessions.ask("GET", parent)
    assert shown["child_session_ids"] == [first["session_id"], second["session_id"]]
    await sessions.create(parent="devin-" + "0" * 32, expect=404)
    await sessions.ask("DELETE", parent)
    await sessions.create(parent=parent, expect=409)


async def test_a_foreign_parent_does_not_exist(server, sessions):
    stranger = await server.client("stranger")
    made = (await stranger.post("/v3/organizations/sessions", json={"prompt": "x"})).json()
    await sessions.create(parent=made["session_id"], expect=404)


@pytest.mark.as_caller("org_member")
async def test_the_key_names_the_organization(client, server):
    answer = await client.post("/v3/organizations/sessions", json={"prompt": "x"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["org_id"] == server.world.org


async def test_create_leaves_two_events_and_an_audit_record(server, sessions):
    made = await sessions.create("impersonator", prompt="Hello", create_as_user_id=server.world.ids["person"])
    events = (await sessions.ask("GET", made["session_id"], "/events"))["items"]
    assert [one["event_type"] for one in events] == ["session_created", "user_message"]
    record = await server.read(lambda ctx: ctx.db.execute(select(audit_log)).one())
    assert (record.action, record.org_id, record.service_user_id) == (
        "create_session", server.world.org, server.world.ids["impersonator"],
    )  # fmt: skip
    assert record.data == {"session_id": made["session_id"], "as_user_id": server.world.ids["person"]}
    assert "Hello" not in str(record.data)


async def test_a_refused_create_leaves_nothing_but_its_record(server, sessions):
    await sessions.create(expect=400, playbook_id="x")
    record = await server.read(lambda ctx: ctx.db.execute(select(audit_log)).one())
    assert (record.action, record.data["refused"]["status"]) == ("create_session", 400)
    assert await sessions.ids() == []
    assert server.engine.queued == []


@pytest.mark.parametrize("text", ["päng 漢字 🎉", "a\u2028b", '"; DROP TABLE session; --', "x" * 100_000])
async def test_texts_come_back_as_they_were(sessions, text):
    made = await sessions.create(prompt=text, title=text[:400], tags=[text[:200]])
    assert made["title"] == text[:400]
    assert made["tags"] == [text[:200].strip()]
    messages = await sessions.ask("GET", made["session_id"], "/messages")
    assert messages["items"][0]["message"] == text
