"""Refused calls leave a record of their own, which costs the answer nothing and cannot fill the disk."""

import asyncio
import time

import pytest

from cogmill.domain.audit_logs import chain, refused
from cogmill.domain.audit_logs.refused import clean
from cogmill.kit.flood import Flood

NOWHERE = "org-" + "0" * 32


@pytest.fixture
def attempt(server):
    async def ask(caller, method, path, expect, **options):
        client = await server.client(caller)
        answer = await client.request(method, path, **options)
        assert answer.status_code == expect, answer.text
        return answer

    return ask


@pytest.fixture
def one_enterprise(monkeypatch, world):
    monkeypatch.setattr(refused, "only_enterprise", lambda _db: world.enterprise)


async def test_a_missing_right(server, attempt, log):
    answer = await attempt("viewer", "POST", server.sessions, 403, json={"prompt": "secret words"})
    record = await log.last()
    assert (record.action, record.org_id) == ("create_session", server.world.org)
    assert record.service_user_id == server.world.ids["viewer"]
    assert record.request_id == answer.headers["x-request-id"]
    assert record.data["refused"] == {"status": 403, "detail": answer.json()["detail"]}
    assert "secret words" not in str(record)


async def test_every_kind_of_refusal(server, attempt, log):
    ended = f"{server.sessions}/devin-{'0' * 32}"
    await attempt("org_admin", "DELETE", ended, 404)
    await attempt("org_admin", "POST", server.sessions, 400, json={"prompt": "x", "playbook_id": "p"})
    await attempt("org_admin", "POST", server.sessions, 422, json={"prompt": 5, "tags": ["x" * 999]})
    await attempt("org_admin", "POST", server.sessions, 413, content=b" " * 5_000_000)
    await attempt("enterprise_admin", "POST", "/v3/organizations/sessions", 400, json={"prompt": "x"})
    found = [(row.action, row.data["refused"]["status"]) for row in await log.rows()]
    assert found == [
        ("terminate_session", 404), ("create_session", 400), ("create_session", 422), ("create_session", 413),
        ("create_session", 400),
    ]  # fmt: skip
    assert (await log.rows())[0].data["devin_id"] == f"devin-{'0' * 32}"
    assert (await log.rows())[2].data["refused"]["detail"] == "body.prompt: string_type; body.tags: string_too_long"
    assert (await log.check()).broken is None


async def test_reading_leaves_nothing(server, attempt, log):
    await attempt("viewer", "GET", f"{server.sessions}/devin-{'0' * 32}", 404)
    await attempt("reader", "GET", server.sessions, 403)
    assert await log.rows() == []


async def test_a_foreign_organization_is_named_only_as_what_was_asked_for(server, attempt, log):
    for org in (server.world.foreign_org, NOWHERE):
        await attempt("org_admin", "POST", f"/v3/organizations/{org}/sessions", 403, json={"prompt": "x"})
        record = await log.last()
        assert (record.org_id, record.data["org_id"]) == (None, org)
    gone = f"/v3/organizations/{server.world.deleted_org}/sessions"
    await attempt("enterprise_admin", "POST", gone, 404, json={"prompt": "x"})
    assert (await log.last()).org_id == server.world.deleted_org


async def test_nobody(server, attempt, log, one_enterprise):
    await attempt("nobody", "POST", server.sessions, 401, json={"prompt": "x"})
    await attempt("expired", "POST", server.sessions, 401, json={"prompt": "x"})
    for record in await log.rows():
        assert (record.user_id, record.service_user_id) == (None, None)
        assert record.data["refused"]["status"] == 401
    assert server.world.tokens["expired"] not in str(await log.rows())


async def test_a_key_that_does_not_work_is_named_by_its_id(server, attempt, log):
    for caller in ("revoked", "expired", "legacy", "of_deleted_org"):
        await attempt(caller, "POST", server.sessions, 401, json={"prompt": "x"})
        record = await log.last()
        assert (record.enterprise_id, record.action) == (server.world.enterprise, "create_session")
        assert (record.user_id, record.service_user_id) == (None, None)  # who sent it is not known
        assert record.data["key"]["api_key_id"].startswith("api-key-")
        assert record.data["key"]["service_user_id"].startswith("service-user-")
        assert server.world.tokens[caller] not in str(record)
    await attempt("unknown", "POST", server.sessions, 401, json={"prompt": "x"})
    assert len(await log.rows()) == 4


async def test_acting_as_somebody_else_names_both(server, attempt, log):
    target = server.world.ids["colleague"]
    for field, path in (("create_as_user_id", ""), ("message_as_user_id", "/devin-" + "0" * 32 + "/messages")):
        body = {"prompt": "x", "message": "x", field: target}
        await attempt("org_member", "POST", server.sessions + path, 404 if path else 403, json=body)
        record = await log.last()
        assert record.service_user_id == server.world.ids["org_member"]
        assert record.data["as_user_id"] == target


async def test_nobody_where_nobody_knows_whose_log_it_is(server, attempt, log):
    await attempt("nobody", "POST", server.sessions, 401, json={"prompt": "x"})
    assert await log.rows() == []


async def test_a_flood_leaves_few_records_and_how_many_were_left_out(server, attempt, log, one_enterprise, monkeypatch):
    monkeypatch.setattr(refused, "SUMMARY_SECONDS", 0.2)
    for _ in range(80):
        await attempt("nobody", "POST", server.sessions, 401, json={"prompt": "x"})
    assert len(await log.rows()) == 30
    await asyncio.sleep(0.4)
    last = await log.last()
    assert (last.action, last.data) == ("refused_calls", {"refused": {"left_out": 50}})
    await attempt("viewer", "POST", server.sessions, 403, json={})
    assert (await log.last()).data["refused"]["status"] == 403


@pytest.mark.one_database
def test_a_flood_of_one_holds_back_no_other():
    now = 0.0
    flood = Flood(burst=2, every=10, clock=lambda: now)
    assert [flood.holds("a") for _ in range(4)] == [0, 0, 1, 2]
    assert flood.holds("b") == 0
    assert (flood.left_out("a"), flood.left_out("a"), flood.left_out("c")) == (2, 0, 0)
    now = 10.0
    assert [flood.holds("a"), flood.holds("a")] == [0, 1]


async def test_a_record_that_cannot_be_written_does_not_change_the_answer(server, attempt, log, monkeypatch):
    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr(chain, "_INSERT", fail)
    await attempt("viewer", "POST", server.sessions, 403, json={"prompt": "x"})


async def test_a_record_that_takes_long_does_not_hold_up_the_answer(server, attempt, monkeypatch):
    begun = asyncio.Event()

    async def stuck(*_args):
        begun.set()
        await asyncio.sleep(5)

    monkeypatch.setattr(refused, "_write", stuck)
    monkeypatch.setattr(refused, "PATIENCE", 0.1)
    began = time.monotonic()
    await attempt("viewer", "POST", server.sessions, 403, json={"prompt": "x"})
    assert begun.is_set()
    assert time.monotonic() - began < 2


async def test_no_record_no_change(server, sessions, log, monkeypatch):
    made = await sessions.create()

    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr(chain, "_INSERT", fail)
    client = await server.client("org_admin")
    address = f"{server.sessions}/{made['session_id']}"
    answers = [
        await client.post(server.sessions, json={"prompt": "x"}),
        await client.post(server.sessions, json={"prompt": "x"}, headers={"idempotency-key": "k"}),
        await client.put(f"{address}/tags", json={"tags": ["a"]}),
        await client.delete(address),
        await client.post(f"/v3/organizations/{server.world.org}/attachments", files={"file": ("a", b"a")}),
    ]
    assert [one.status_code for one in answers] == [500] * 5
    monkeypatch.undo()
    assert await sessions.ids() == [made["session_id"]]
    assert (await sessions.ask("GET", made["session_id"]))["tags"] == []
    assert (await sessions.ask("GET", made["session_id"]))["status"] == "new"
    assert len(await log.rows()) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("key cog_abc123 and apk_user_9", "key cog_… and apk_…"),
        ("https://me:pass@host/x", "https://…@host/x"),
        ("Bearer abc", "…"),
        ("a\x00b\x1b[2J\n", "ab[2J"),
        ("x" * 500, "x" * 50),
    ],
)
@pytest.mark.one_database
def test_texts_for_the_log(text, shown):
    assert clean(text, 50) == shown
