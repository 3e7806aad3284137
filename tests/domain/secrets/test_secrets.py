"""Secrets over HTTP: shapes, who sees what, what a session takes along, and that no answer holds a value."""

import base64
import json
import subprocess

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select, update

from cogmill.domain.secrets import totp
from cogmill.engine.store import claim
from cogmill.engine.variables import Variables
from cogmill.models.audit import audit_log
from cogmill.models.content import secret
from cogmill.models.sealed import UNSET
from cogmill.models.sessions import session, session_event, session_label

CANARY = "canary-4d1f9b7e55"
SEED = "JBSWY3DPEHPK3PXP"


class Secrets:
    def __init__(self, server):
        self.server, self.path = server, f"/v3/organizations/{server.world.org}/secrets"

    async def ask(self, method, path="", *, caller="org_admin", expect=200, **options):
        answer = await (await self.server.client(caller)).request(method, self.path + path, **options)
        assert answer.status_code == expect, answer.text
        assert CANARY not in answer.text
        return answer.json()

    async def create(self, key="API_TOKEN", value=CANARY, type="key-value", *, caller="org_admin", expect=200, **more):
        return await self.ask(
            "POST", caller=caller, expect=expect, json={"type": type, "key": key, "value": value} | more
        )

    async def keys(self, caller="org_admin"):
        return [one["key"] for one in (await self.ask("GET", caller=caller))["items"]]

    async def variables(self, made):
        """The environment of a session's commands."""
        of_session = select(session.c.id).where(session.c.session_id == made["session_id"])
        row_id = await self.server.read(lambda ctx: ctx.db.execute(of_session).scalar_one())
        claimed = await claim(self.server.runtime, row_id)
        return dict(Variables(claimed.secrets))


@pytest.fixture
def secrets(server):
    return Secrets(server)


async def test_the_life_of_a_secret(secrets, server):
    made = await secrets.create(note="for deployments")
    assert made["secret_id"].startswith("secret-")
    assert made | {"secret_id": "", "created_at": 0} == {
        "secret_id": "", "secret_type": "key-value", "key": "API_TOKEN", "note": "for deployments",
        "is_sensitive": True,
        "access_type": "org", "repository": None, "created_at": 0, "created_by": server.world.ids["org_admin"],
        "updated_at": None, "updated_by": None,
    }  # fmt: skip
    assert (await secrets.ask("GET"))["items"] == [made]
    assert await secrets.ask("DELETE", f"/{made['secret_id']}") == made
    await secrets.ask("DELETE", f"/{made['secret_id']}", expect=404)
    assert await secrets.keys() == []
    query = select(audit_log.c.action, audit_log.c.data).where(
        audit_log.c.action.in_(["create_secret", "delete_secret"])
    )
    records = await server.read(lambda ctx: ctx.db.execute(query.order_by(audit_log.c.id)).all())
    assert [one.action for one in records] == ["create_secret", "delete_secret", "delete_secret"]
    assert CANARY not in json.dumps([one.data for one in records])
    assert records[0].data["key"] == "API_TOKEN"


async def test_values_are_sealed_for_their_own_place(secrets, server):
    one, other = await secrets.create(), await secrets.create("OTHER")
    rows = await server.read(lambda ctx: ctx.db.execute(select(secret)).all())
    assert CANARY not in str([row._asdict() for row in rows])
    sealed = {row.secret_id: row.sealed for row in rows}
    opened = server.runtime.keyring.decrypt
    assert opened(sealed[one["secret_id"]], one["secret_id"]) == CANARY
    with pytest.raises(InvalidTag):
        opened(sealed[one["secret_id"]], other["secret_id"])


async def test_pages(secrets):
    for number in range(5):
        await secrets.create(f"K{number}")
    seen, after = [], ""
    while after is not None:
        page = await secrets.ask("GET", params={"first": 2} | ({"after": after} if after else {}))
        seen += [one["key"] for one in page["items"]]
        after = page["end_cursor"]
    assert seen == ["K4", "K3", "K2", "K1", "K0"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"type": "totp", "value": "not base32!"}, "value"), ({"type": "totp", "value": "JBSWY3"}, "value"),
        ({"type": "totp", "value": "otpauth://hotp/x?secret=" + SEED}, "value"),
        ({"type": "totp", "value": f"otpauth://totp/x?secret={SEED}&digits=99"}, "value"),
        ({"type": "totp", "value": f"otpauth://totp/x?secret={SEED}&period=0"}, "value"),
        ({"type": "cookie", "value": base64.b64encode(b"[" * 30_000).decode()}, "value"),
        ({"type": "cookie", "value": "plain"}, "value"), ({"type": "cookie", "value": "InRleHQi"}, "value"),
        ({"value": ""}, "value"), ({"value": "x" * 65_537}, "value"),
        ({"key": ""}, "key"), ({"key": "x" * 257}, "key"), ({"type": "file"}, "type"),
        ({"access_type": "all"}, "access_type"),
    ],
)  # fmt: skip
async def test_what_is_no_secret_is_refused_in_words(secrets, body, place):
    answer = await secrets.create(expect=422, **({"type": "key-value", "value": "v"} | body))
    assert answer["detail"][0]["loc"][-1] == place
    assert SEED not in json.dumps(answer)


async def test_personal_secrets_are_their_owners_alone(secrets, sessions):
    await secrets.create("SHARED")
    mine = await secrets.create("MINE", caller="person", access_type="personal")
    assert mine["access_type"] == "personal"
    assert await secrets.keys("person") == ["MINE", "SHARED"]
    assert await secrets.keys() == ["SHARED"]
    await secrets.ask("DELETE", f"/{mine['secret_id']}", expect=404)
    assert "MINE" in await secrets.variables(await sessions.create("person"))
    assert "MINE" not in await secrets.variables(await sessions.create())
    await sessions.create(secret_ids=[mine["secret_id"]], expect=400)
    refused = await secrets.create("BOTS", access_type="personal", expect=400)
    assert "only people" in refused["detail"]


async def test_only_sessions_created_afterwards_have_it(secrets, sessions):
    before = await sessions.create()
    made = await secrets.create()
    after = await sessions.create()
    await secrets.ask("DELETE", f"/{made['secret_id']}")
    late = await sessions.create()
    assert [await secrets.variables(one) for one in (before, after, late)] == [{}, {"API_TOKEN": CANARY}, {}]


async def test_which_secrets_a_session_takes(secrets, sessions, server):
    one, two = await secrets.create("ONE", "v-one"), await secrets.create("TWO", "v-two")
    names = {"ONE": "v-one", "TWO": "v-two"}
    assert await secrets.variables(await sessions.create()) == names
    assert await secrets.variables(await sessions.create(secret_ids=[])) == {}
    assert await secrets.variables(await sessions.create(secret_ids=[two["secret_id"]])) == {"TWO": "v-two"}
    refused = await sessions.create(secret_ids=[one["secret_id"], "secret-none"], expect=400)
    assert "secret_ids: 'secret-none' does not exist" in refused["detail"]
    made = await sessions.create(session_secrets=[{"key": "TWO", "value": "nearer"}, {"key": "own", "value": "mine"}])
    assert await secrets.variables(made) == {"ONE": "v-one", "TWO": "nearer", "own": "mine"}
    of_session = select(session_event.c.contents).join(session, session.c.id == session_event.c.session)
    told = of_session.where(
        session.c.session_id == made["session_id"], session_event.c.event_type == "secrets_provided"
    )
    contents = await server.read(lambda ctx: ctx.db.execute(told).scalar_one())
    assert json.loads(contents)["secrets"] == [
        {"name": "ONE", "secret_id": one["secret_id"]}, {"name": "TWO", "secret_id": None},
        {"name": "own", "secret_id": None},
    ]  # fmt: skip


async def test_names_of_variables(secrets, sessions):
    for key in ("my-key", "my.key", "my-key", "9lives", "_x", "\u00e4"):
        await secrets.create(key, f"v {key}")
    found = await secrets.variables(await sessions.create())
    assert found == {
        "my_key": "v my-key", "my_key_2": "v my.key", "my_key_3": "v my-key", "_9lives": "v 9lives",
        "__x": "v _x", "__": "v ä",
    }  # fmt: skip


async def test_a_cookie_is_handed_on_as_it_is(secrets, sessions):
    cookie = base64.b64encode(json.dumps([{"name": "sid", "value": "x"}]).encode()).decode()
    await secrets.create("COOKIE", cookie, "cookie")
    assert await secrets.variables(await sessions.create()) == {"COOKIE": cookie}


async def test_commands_get_codes_and_never_the_secret_behind_them(secrets, sessions, monkeypatch):
    await secrets.create("OTP", f"otpauth://totp/shop:me?secret={SEED}&issuer=shop", "totp")
    made = await sessions.create()
    monkeypatch.setattr("cogmill.engine.variables.time.time", lambda: 59.0)
    assert await secrets.variables(made) == {"OTP": totp.code(SEED, 59.0)}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")],
)
def test_codes_are_those_of_the_standard(seconds, expected):
    """The table of RFC 6238, appendix B."""
    seed = base64.b32encode(b"12345678901234567890").decode()
    assert totp.code(f"otpauth://totp/x?secret={seed}&digits=8", seconds) == expected


async def test_secrets_of_a_repository(secrets, sessions, server, tmp_path):
    folder = tmp_path / "calc"
    folder.mkdir()
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], [*identity, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    await sessions.create(repos=[str(folder)])
    label = select(session_label.c.value).where(session_label.c.kind == "repo")
    name = await server.read(lambda ctx: ctx.db.execute(label).scalar_one())
    await secrets.create("KEY", "of the repository", repository=name)
    await secrets.create("KEY", "of the organization")
    assert await secrets.variables(await sessions.create()) == {"KEY": "of the organization"}
    assert await secrets.variables(await sessions.create(repos=[str(folder)])) == {"KEY": "of the repository"}


@pytest.mark.one_database
async def test_an_organization_has_so_many_and_no_more(secrets, monkeypatch):
    monkeypatch.setattr("cogmill.domain.secrets.service.MOST", 2)
    await secrets.create("A")
    await secrets.create("B")
    assert "may have no more" in (await secrets.create("C", expect=409))["detail"]


async def test_a_secret_that_came_without_its_value_is_set_again(secrets, server):
    """An import brings names only: no session gets one, naming it is refused, the next value takes its place."""
    made, other = await secrets.create("LOST"), await secrets.create("KEPT")
    lost = update(secret).where(secret.c.secret_id == made["secret_id"]).values(sealed=UNSET)
    await server.write(lambda ctx: ctx.db.execute(lost))
    client = await server.client("org_admin")
    sent = {"prompt": "p", "secret_ids": [made["secret_id"], other["secret_id"]]}
    refused = await client.post(server.sessions, json=sent)
    assert (refused.status_code, "'LOST' has no value" in refused.text) == (400, True)
    session_made = (await client.post(server.sessions, json={"prompt": "p"})).json()
    assert set(await secrets.variables(session_made)) == {"KEPT"}
    await secrets.create("LOST")
    assert sorted(await secrets.keys()) == ["KEPT", "LOST"]
    assert (await client.post(server.sessions, json={"prompt": "p"})).status_code == 200
