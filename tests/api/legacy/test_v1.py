"""v1 as old scripts use it."""

import asyncio
import json

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.sessions.states import Detail, Status
from cogmill.main import app
from cogmill.models.access import legacy_call
from cogmill.models.audit import audit_log
from cogmill.models.sessions import session

DONE = {"blocked", "finished", "expired"}


@pytest.fixture
async def old(old_keys):
    return await old_keys.client("old_organization")


async def create(old, **body):
    answer = await old.post("/v1/sessions", json={"prompt": "Do it."} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_script_that_creates_polls_answers_and_terminates(old, sessions):
    url = (await old.post("/v1/attachments", files={"file": ("a b.txt", b"text")})).json()
    made = await create(old, prompt=f'Read this.\nATTACHMENT: "{url}"', title="Old", tags=["a"])
    assert set(made) == {"session_id", "url", "is_new_session"}
    assert made["is_new_session"] is True
    one = f"/v1/session/{made['session_id']}"
    seen = (await old.get(one)).json()
    assert (seen["status_enum"], seen["title"], seen["tags"]) == ("working", "Old", ["a"])
    assert seen["messages"][0]["type"] == "initial_user_message"
    assert seen["created_at"].endswith("Z")
    attached = await sessions.ask("GET", made["session_id"], "/attachments")
    assert [file["name"] for file in attached] == ["a b.txt"]
    await sessions.append(
        made["session_id"], NewEvent("devin_message", "message", "Which one?", {"message": "Which one?"}),
        status=Status.RUNNING, status_detail=Detail.WAITING_FOR_USER,
    )  # fmt: skip
    assert (await old.get(one)).json()["status_enum"] in DONE
    answer = await old.post(f"{one}/message", json={"message": "The first."})
    assert (answer.status_code, answer.json()) == (200, None)
    said = (await old.get(f"/v1/sessions/{made['session_id']}")).json()["messages"]
    assert [message["type"] for message in said] == ["initial_user_message", "devin_message", "user_message"]
    ended = await old.delete(f"/v1/sessions/{made['session_id']}")
    assert ended.json() == {"detail": "Session terminated successfully"}
    again = await old.delete(f"/v1/sessions/{made['session_id']}")
    assert (again.status_code, again.json()) == (400, {"detail": "Devin session already exited"})
    assert (await old.get(one)).json()["status_enum"] == "finished"


async def test_the_attachment_is_read_through_its_old_address(old, old_keys):
    url = (await old.post("/v1/attachments", files={"file": ("a.txt", b"text")})).json()
    answer = await old.get(url.removeprefix(old_keys.runtime.settings.base_url))
    assert answer.status_code == 307
    link = answer.headers["location"].split("/", 3)[3]
    assert (await (await old_keys.client()).get(f"/{link}")).content == b"text"


async def test_idempotent_makes_one_session_of_many_requests(old, old_keys):
    body = {"prompt": "Once.", "idempotent": True, "tags": ["a"]}
    answers = await asyncio.gather(*[old.post("/v1/sessions", json=body) for _ in range(8)])
    found = [answer.json() for answer in answers]
    assert len({one["session_id"] for one in found}) == 1
    assert sorted(one["is_new_session"] for one in found) == [False] * 7 + [True]
    other = (await old.post("/v1/sessions", json=body | {"tags": ["b"]})).json()
    another = await (await old_keys.client("old_member")).post("/v1/sessions", json=body)
    assert len({found[0]["session_id"], other["session_id"], another.json()["session_id"]}) == 3
    count = await old_keys.read(lambda ctx: ctx.db.execute(select(func.count()).select_from(session)).scalar_one())
    assert count == 3


async def test_pages_by_offset_and_skip(old):
    made = [(await create(old, tags=[f"t{n}"]))["session_id"] for n in range(5)][::-1]

    async def ids(query):
        answer = await old.get(f"/v1/sessions?{query}")
        assert answer.status_code == 200, answer.text
        return [one["session_id"] for one in answer.json()["sessions"]]

    assert await ids("limit=1000") == made
    assert await ids("limit=2&offset=1") == made[1:3]
    assert await ids("limit=2&skip=3") == made[3:]
    assert await ids("offset=1&skip=4") == made[4:]
    assert await ids("offset=5") == []
    assert await ids("tags=t0&tags=t1") == made[3:]
    assert await ids("user_email=person@example.org") == []
    deep = await old.get("/v1/sessions?offset=10001")
    assert deep.status_code == 400
    assert "v3" in deep.json()["detail"]


async def test_a_malformed_body_is_told_as_a_list(old):
    answer = await old.post("/v1/sessions", json={"title": "no prompt"})
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert set(problem) >= {"loc", "msg", "type"}
    assert problem["loc"] == ["body", "prompt"]
    note = {"name": "n", "body": "b", "trigger_description": "t" * 5001}
    told = (await old.post("/v1/knowledge", json=note)).json()["detail"][0]
    assert told["loc"] == ["body", "trigger_description"]


@pytest.mark.parametrize("field", [{"snapshot_id": "snapshot-1"}, {"unlisted": True}])
@pytest.mark.one_database
async def test_what_cannot_be_honoured_is_refused(old, field):
    answer = await old.post("/v1/sessions", json={"prompt": "x"} | field)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(next(iter(field)))


async def test_a_secret_has_a_name_of_its_own(old_keys):
    old = await old_keys.client("old_admin")
    body = {"type": "key-value", "key": "TOKEN", "value": "hush", "sensitive": True, "note": ""}
    first, second = [await old.post("/v1/secrets", json=body) for _ in range(2)]
    assert set(first.json()) == {"id"}
    assert (second.status_code, second.json()) == (409, {"detail": "Secret name is not unique"})
    assert [one["key"] for one in (await old.get("/v1/secrets")).json()] == ["TOKEN"]


async def test_a_playbook_keeps_its_macro_until_null_and_its_schema_always(old_keys, world):
    old, admin = await old_keys.client("old_admin"), await old_keys.client("org_admin")
    sent = {"title": "T", "body": "B", "macro": "!t", "structured_output_schema": {"type": "object"}}
    made = (await admin.post(f"/v3/organizations/{world.org}/playbooks", json=sent)).json()
    one = f"/v1/playbooks/{made['playbook_id']}"
    for body, macro in (({"title": "U", "body": "C"}, "!t"), ({"title": "V", "body": "D", "macro": None}, None)):
        assert (await old.put(one, json=body)).json() == {"status": "success"}
        now = (await old.get(one)).json()
        assert (now["title"], now["body"], now["macro"]) == (body["title"], body["body"], macro)
    kept = (await admin.get(f"/v3/organizations/{world.org}/playbooks/{made['playbook_id']}")).json()
    assert kept["structured_output_schema"] == {"type": "object"}
    assert (await old.put(one, json={"title": "V"})).status_code == 422


async def test_records_name_the_key_of_an_organization(old, old_keys):
    await create(old)
    query = select(audit_log.c.action, audit_log.c.data, audit_log.c.user_id).order_by(audit_log.c.id.desc()).limit(1)
    record = await old_keys.read(lambda ctx: ctx.db.execute(query).one())
    assert (record.action, record.user_id, record.data["api_key_name"]) == ("create_session", None, "old")


async def test_an_organizations_key_sees_no_other_organization(old, old_keys):
    made = (await create(old))["session_id"]
    for caller in ("old_beside", "old_elsewhere"):
        other = await old_keys.client(caller)
        assert (await other.get(f"/v1/sessions/{made}")).status_code == 404
        assert (await other.get("/v1/sessions")).json() == {"sessions": []}


@pytest.mark.one_database
async def test_headers_tell_of_the_end_and_the_successor(old, old_keys):
    answer = await old.get("/v1/sessions/devin-0")
    assert answer.status_code == 404
    assert answer.headers["deprecation"] == "@1769904000"
    assert answer.headers["sunset"] == "Fri, 31 Dec 2027 00:00:00 GMT"
    org = old_keys.world.org
    assert f'</v3/organizations/{org}/sessions/devin-0>; rel="successor-version"' in answer.headers["link"]
    unknown = await old.get("/v1/nothing")
    assert (unknown.status_code, set(unknown.json())) == (404, {"detail"})
    assert "deprecation" in unknown.headers


@pytest.mark.settings(legacy_v1=False, legacy_sunset=None)
@pytest.mark.one_database
async def test_a_version_that_is_switched_off(old, old_keys):
    for client in (old, await old_keys.client(), await old_keys.client("org_admin")):
        answer = await client.post("/v1/sessions", json={"prompt": "x"})
        assert answer.status_code == 410
        assert "POST /v3/organizations/{org_id}/sessions" in answer.json()["detail"]
        assert "sunset" not in answer.headers


@pytest.fixture
def cogmill(settings, monkeypatch):
    monkeypatch.setenv("COGMILL_DATA", str(settings.data))
    monkeypatch.setenv("COGMILL_DATABASE_URL", settings.database_url.get_secret_value())

    def call(*arguments):
        return CliRunner().invoke(app, [*arguments])

    return call


async def test_who_still_calls_and_what_to_call_instead(old, old_keys, cogmill):
    assert "No key" in cogmill("legacy", "usage").stdout
    for _ in range(3):
        await old.get("/v1/sessions")
    await old.get("/v1/session/devin-0")
    await (await old_keys.client("old_elsewhere")).get("/v1/sessions")
    calls, database = old_keys.runtime.legacy_calls, old_keys.runtime.database
    await calls.flush(database)
    await old.get("/v1/sessions")
    await calls.flush(database)
    (used,) = json.loads(cogmill("legacy", "usage", "--json").stdout)["keys"]  # the other enterprise is none of ours
    assert (used["calls"], used["org_id"]) == (5, old_keys.world.org)
    listed = used["operations"][0]
    assert (listed["call"], listed["calls"]) == ("GET /v1/sessions", 4)
    assert listed["v3"] == ["GET /v3/organizations/{org_id}/sessions"]
    assert used["api_key_id"] in cogmill("legacy", "usage").stdout
    for option, name in (("--key", used["api_key_id"]), ("--org", old_keys.world.org)):
        shown = cogmill("migrate-guide", option, name).stdout
        assert "4 x GET /v1/sessions" in shown
        assert "-> GET /v3/organizations/{org_id}/sessions/{devin_id}" in shown
    assert json.loads(cogmill("migrate-guide", "--org", old_keys.world.second_org, "--json").stdout)["keys"] == []
    for option in ("--key", "--org"):
        assert cogmill("migrate-guide", option, "none").exit_code == 1
    assert cogmill("migrate-guide", "--key", "a", "--org", "b").exit_code == 2


async def test_counts_are_added_up_and_old_ones_go(old, old_keys):
    calls, database = old_keys.runtime.legacy_calls, old_keys.runtime.database
    await old.get("/v1/sessions")
    await calls.flush(database)

    async def rows():
        return await old_keys.read(lambda ctx: ctx.db.execute(select(legacy_call)).all())

    (row,) = await rows()
    calls.note(row.api_key_id, "x", old_keys.runtime.clock() + 100 * 86400)
    calls.note("api-key-gone", "x", old_keys.runtime.clock())
    await calls.flush(database)
    assert [(one.operation, one.calls) for one in await rows()] == [("x", 1)]
