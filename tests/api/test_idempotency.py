"""Idempotency-Key: the same request gets the first answer again, whatever happens in between."""

import asyncio
import inspect
import json
import time

import pytest
from sqlalchemy import func, select, update

import cogmill.server
from cogmill.api.idempotency import applies, is_documented
from cogmill.api.table import TABLE
from cogmill.domain.attachments import endpoints as attachments
from cogmill.domain.audit_logs import chain
from cogmill.engine.loops import idempotent_requests
from cogmill.models.audit import audit_log, idempotent_request
from cogmill.models.content import attachment
from cogmill.web.call import Call
from tests.contract.test_sweep import Calls, required
from tests.factories import KEYRING

KEYED = [op for op in TABLE if applies(op)]


@pytest.fixture
def post(server):
    async def send(key, body=None, *, caller="org_admin", path=None, expect=200, **options):
        client = await server.client(caller)
        body = {"prompt": "x"} if body is None and "files" not in options else body
        headers = {"idempotency-key": key}
        answer = await client.post(path or server.sessions, json=body, headers=headers, **options)
        assert answer.status_code == expect, answer.text
        return answer

    return send


def replayed(answer):
    return answer.headers.get("idempotent-replayed") == "true"


async def count(server, table):
    return await server.read(lambda ctx: ctx.db.execute(select(func.count()).select_from(table)).scalar())


async def test_the_first_answer_again(server, sessions, post):
    first = await post("a")
    assert not replayed(first)
    await sessions.ask("PUT", first.json()["session_id"], "/tags", json={"tags": ["later"]})
    again = await post("a")
    assert replayed(again)
    assert (again.content, again.status_code) == (first.content, 200)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await sessions.ids() == [first.json()["session_id"]]
    assert await count(server, audit_log) == 2


async def test_other_keys_and_other_callers_are_on_their_own(sessions, post):
    made = [await post("a"), await post("b"), await post("a", caller="org_member"), await post("a", caller="person")]
    assert not any(map(replayed, made))
    assert len(await sessions.ids()) == 4


async def test_every_key_of_a_principal_counts_as_the_principal(server, post):
    from cogmill.domain.identity.service import create_key

    first = await post("a")
    token = await server.write(
        lambda ctx: create_key(ctx.db, KEYRING, server.world.ids["org_admin"], "second", time.time())
    )
    server.world.tokens["org_admin_again"] = token
    assert (await post("a", caller="org_admin_again")).content == first.content
    del server.world.tokens["org_admin_again"]


async def test_another_request_with_the_key_is_refused(server, sessions, post):
    made = (await post("a")).json()
    address = f"{server.sessions}/{made['session_id']}"
    for options in (
        {"body": {"prompt": "y"}},
        {"params": {"devin_id": made["session_id"]}},
        {"path": "/v3/organizations/sessions"},
        {"path": f"{address}/archive", "body": {}},
    ):
        (problem,) = (await post("a", expect=422, **options)).json()["detail"]
        assert problem["loc"] == ["header", "Idempotency-Key"]
        assert "another request" in problem["msg"]
    assert await sessions.ids() == [made["session_id"]]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ä", "a\tb"])
async def test_keys_that_cannot_be(server, sessions, key):
    client = await server.client("org_admin")
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    assert (await client.post(server.sessions, json={"prompt": "x"}, headers=headers)).status_code == 422
    assert await sessions.ids() == []


async def test_keys_that_can(post):
    for key in ("a", "x" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "~!@#$%^&*()"):
        first = await post(key)
        assert (await post(key)).content == first.content


async def test_two_keys_at_once(server):
    client = await server.client("org_admin")
    headers = [(b"idempotency-key", b"a"), (b"idempotency-key", b"b")]
    assert (await client.post(server.sessions, json={"prompt": "x"}, headers=headers)).status_code == 422


async def test_a_refusal_is_not_kept(sessions, post):
    await post("a", {"prompt": "x", "playbook_id": "none"}, expect=400)
    first = await post("a")
    assert not replayed(first)
    assert replayed(await post("a"))
    await post("b", expect=403, caller="viewer")
    await post("b", {"prompt": 5}, expect=422)
    assert len(await sessions.ids()) == 1


async def test_rights_are_asked_for_every_time(server, post):
    from cogmill.models.access import role_assignment

    await post("a", caller="session_user")
    mine = role_assignment.c.principal_id == server.world.ids["session_user"]
    await server.write(lambda ctx: ctx.db.execute(update(role_assignment).where(mine).values(principal_id="gone")))
    server.runtime.authenticator.forget()
    await post("a", caller="session_user", expect=403)


async def test_only_posts_take_keys(server, sessions, post):
    made = (await post("a")).json()
    client = await server.client("org_admin")
    answers = [
        await client.put(
            f"{server.sessions}/{made['session_id']}/tags", json={"tags": [tag]}, headers={"idempotency-key": "a"}
        )
        for tag in "bc"
    ]
    assert [one.json()["tags"] for one in answers] == [["b"], ["c"]]


async def test_at_once(server, sessions, post):
    answers = await asyncio.gather(*(post("a") for _ in range(20)))
    assert len({one.content for one in answers}) == 1
    assert sum(map(replayed, answers)) == 19
    assert len(await sessions.ids()) == 1
    assert await count(server, audit_log) == 1


async def test_a_repeated_one_waits_for_the_first(server, post, monkeypatch):
    """The handler of an upload does much before its transaction."""
    begun, go = asyncio.Event(), asyncio.Event()
    sent_file = attachments._sent_file

    async def slow(request, limit):
        begun.set()
        await go.wait()
        return await sent_file(request, limit)

    monkeypatch.setattr(attachments, "_sent_file", slow)
    path = f"/v3/organizations/{server.world.org}/attachments"
    first = asyncio.create_task(post("a", path=path, files={"file": ("a.txt", b"one")}))
    await begun.wait()
    second = asyncio.create_task(post("a", path=path, files={"file": ("a.txt", b"one")}))
    other = asyncio.create_task(post("b"))
    await other
    await asyncio.sleep(0.1)
    assert not second.done()
    go.set()
    assert (await first).content == (await second).content
    assert replayed(await second)
    assert await count(server, attachment) == 1
    assert len(list((server.runtime.settings.data / "attachments").glob("*/*"))) == 1


async def test_a_form_is_the_same_with_another_boundary(server, post):
    path = f"/v3/organizations/{server.world.org}/attachments"
    first = await post("a", path=path, files={"file": ("a.txt", b"one\r\n--x")})
    assert replayed(await post("a", path=path, files={"file": ("a.txt", b"one\r\n--x")}))
    await post("a", path=path, files={"file": ("a.txt", b"two")}, expect=422)
    await post("a", path=path, files={"file": ("b.txt", b"one\r\n--x")}, expect=422)
    link = (await (await server.client("org_admin")).get(first.json()["url"])).headers["location"]
    assert (await (await server.client()).get(link)).content == b"one\r\n--x"


@pytest.mark.settings(max_attachment=2048, max_body=2048)
async def test_bodies_that_are_too_large(server, post):
    path = f"/v3/organizations/{server.world.org}/attachments"
    await post("a", path=path, files={"file": ("a.txt", b"x" * 100_000)}, expect=413)
    await post("a", path=path, files={"file": ("a.txt", b"x" * 3000)}, expect=413)
    await post("b", {"prompt": "x" * 3000}, expect=413)


async def test_two_processes(settings, world, server, post):
    """Another application over the same database, which knows nothing of this one's requests."""
    path = f"/v3/organizations/{world.org}/attachments"
    options = {"settings": settings, "installation": cogmill.server.Installation(KEYRING, None)}
    app, _ = cogmill.server.build(**options)
    import httpx

    headers = {"authorization": f"Bearer {world.tokens['org_admin']}", "idempotency-key": "a"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://b", headers=headers) as other,
    ):
        here = [post("a") for _ in range(10)]
        there = [other.post(server.sessions, json={"prompt": "x"}) for _ in range(10)]
        answers = await asyncio.gather(*(one for pair in zip(here, there, strict=True) for one in pair))
        assert [one.status_code for one in answers] == [200] * 20
        assert len({one.content for one in answers}) == 1
        assert sum(map(replayed, answers)) == 19
        file = {"file": ("a", b"a")}
        uploads = [post("f", path=path, files=file)]
        uploads += [other.post(path, files=file, headers={"idempotency-key": "f"}) for _ in range(3)]
        assert len({one.content for one in await asyncio.gather(*uploads)}) == 1
        assert await count(server, attachment) == 1


async def test_the_answer_is_there_only_if_the_change_is(server, sessions, post, monkeypatch):
    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr(chain, "_INSERT", fail)
    await post("a", expect=500)
    monkeypatch.undo()
    assert await count(server, idempotent_request) == 0
    assert not replayed(await post("a"))


async def test_an_answer_that_cannot_be_kept_undoes_the_change(server, sessions, post, monkeypatch):
    from cogmill.api.idempotency import Once

    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr(Once, "_keep", fail)
    await post("a", expect=500)
    assert await sessions.ids() == []
    assert await count(server, audit_log) == 0


async def test_answers_lie_encrypted(server, post):
    made = (await post("a", {"prompt": "Where it lies", "title": "A title"})).json()
    row = await server.read(lambda ctx: ctx.db.execute(select(idempotent_request)).one())
    for text in (made["session_id"], "A title", "Where"):
        assert text not in str(row)
        assert text.encode() not in row.answer
    assert (row.status, row.principal_id) == (200, server.world.ids["org_admin"])


@pytest.mark.settings(idempotency_keep_hours=1)
async def test_answers_are_kept_for_a_while(server, sessions, post):
    await post("a")
    await post("b")
    old = update(idempotent_request).where(idempotent_request.c.key == "a").values(created_at=time.time() - 3601)
    await server.write(lambda ctx: ctx.db.execute(old))
    assert not replayed(await post("a"))
    assert replayed(await post("a"))
    await server.write(lambda ctx: ctx.db.execute(old))
    call = Call(server.runtime, sessions.server.runtime and _nowhere(), "test", None)
    assert await idempotent_requests.run_once(call, 3600) == 1
    assert await idempotent_requests.run_once(call, 3600) == 0
    assert replayed(await post("b"))
    assert len(await sessions.ids()) == 3


def _nowhere():
    from cogmill.access.scope import Scope

    return Scope("", None)


@pytest.mark.parametrize("caller", ["enterprise_admin", "org_admin"])
async def test_every_post_of_the_table(server, caller):
    """Whatever a row answers well, it answers again in the same words: what its one write answered."""
    calls, client = Calls(server), await server.client(caller)
    for number, op in enumerate(KEYED):
        client.headers["idempotency-key"] = f"row-{number}"
        first = await calls(op, caller)
        assert first.status_code < 500, f"{op.id}: {first.text}"
        again = await calls(op, caller)
        if first.status_code < 300:
            assert replayed(again), op.id
            assert (again.status_code, again.content) == (first.status_code, first.content)
        else:
            assert not replayed(again), op.id
    assert (await client.post(server.sessions, json={"prompt": "x"})).status_code in {200, 422}


def test_every_post_is_documented_with_the_header():
    from cogmill.api.document import document

    assert KEYED
    assert not inspect.iscoroutinefunction(required)
    paths = document()["paths"]
    for op in TABLE:
        if not op.hidden:
            operation = paths[op.address][op.method.lower()]
            named = [one["name"] for one in operation.get("parameters", []) if one["in"] == "header"]
            assert (named == ["Idempotency-Key"]) == is_documented(op), op.id
            assert is_documented(op) or not applies(op)
    assert json.dumps(paths)
