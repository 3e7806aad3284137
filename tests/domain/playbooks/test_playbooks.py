"""Playbooks over HTTP: their life, who sees and changes which, versions, and what a session makes of them."""

import asyncio

import pytest
from sqlalchemy import select

from cogmill.kit.paging import encode_cursor
from cogmill.models.audit import audit_log
from cogmill.models.content import playbook_version

SCHEMA = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
BODY = "# Release\n\n## Procedure\n1. Run the tests.\n"


class Playbooks:
    def __init__(self, server):
        self.server = server
        self.of_org = f"/v3/organizations/{server.world.org}/playbooks"
        self.shared = "/v3/enterprise/playbooks"

    async def ask(self, method, path, *, caller="org_admin", expect=200, **options):
        answer = await (await self.server.client(caller)).request(method, path, **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def create(self, title="Release", *, expect=200, **more):
        return await self.ask("POST", self.of_org, expect=expect, json={"title": title, "body": BODY} | more)

    async def share(self, title="Shared", **more):
        body = {"title": title, "body": BODY} | more
        return await self.ask("POST", self.shared, caller="enterprise_admin", json=body)


@pytest.fixture
def playbooks(server):
    return Playbooks(server)


async def test_the_life_of_a_playbook(playbooks, server):
    made = await playbooks.create(macro="!release", structured_output_schema=SCHEMA)
    mine, path = server.world.ids["org_admin"], f"{playbooks.of_org}/{made['playbook_id']}"
    assert made | {"created_at": 0, "updated_at": 0} == {
        "playbook_id": made["playbook_id"], "title": "Release", "body": BODY, "macro": "!release",
        "structured_output_schema": SCHEMA, "access_type": "org", "org_id": server.world.org,
        "created_at": 0, "created_by": mine, "updated_at": 0, "updated_by": mine,
    }  # fmt: skip
    assert await playbooks.ask("GET", path) == made
    assert (await playbooks.ask("GET", playbooks.of_org))["items"] == [made]
    saved = await playbooks.ask("PUT", path, json={"title": "Release 2", "body": "Other."})
    assert (saved["title"], saved["body"]) == ("Release 2", "Other.")
    assert (saved["macro"], saved["structured_output_schema"]) == ("!release", SCHEMA)
    cleared = {"title": "Release 2", "body": "Other.", "macro": None, "structured_output_schema": None}
    saved = await playbooks.ask("PUT", path, json=cleared)
    assert (saved["macro"], saved["structured_output_schema"]) == (None, None)
    assert await playbooks.ask("DELETE", path) == saved
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"title": "a", "body": "b"})):
        await playbooks.ask(method, path, expect=404, json=body)
    assert await server.read(lambda ctx: ctx.db.execute(select(playbook_version)).all()) == []
    actions = select(audit_log.c.action).where(audit_log.c.action.contains("playbook")).order_by(audit_log.c.id)
    done = await server.read(lambda ctx: ctx.db.execute(actions).scalars().all())
    assert done[:4] == ["create_playbook", "update_playbook", "update_playbook", "delete_playbook"]


async def test_a_playbook_for_children_must_exist(playbooks, server):
    made, sessions = await playbooks.create(), f"/v3/organizations/{server.world.org}/sessions"
    body = {"prompt": "Improve it.", "advanced_mode": "improve", "child_playbook_id": made["playbook_id"]}
    assert (await playbooks.ask("POST", sessions, json=body))["is_advanced"] is True
    await playbooks.ask("DELETE", f"{playbooks.of_org}/{made['playbook_id']}")
    await playbooks.ask("POST", sessions, json=body, expect=400)


async def test_versions_tell_what_was_saved_when_and_by_whom(playbooks, server):
    made = await playbooks.create()
    path = f"{playbooks.of_org}/{made['playbook_id']}"
    await playbooks.ask("PUT", path, json={"title": "Release", "body": "Second."}, caller="person")
    await playbooks.ask("PUT", path, json={"title": "Release", "body": "Second."})  # says nothing new
    kept = f"/cogmill/v1/organizations/{server.world.org}/playbooks/{made['playbook_id']}/versions"
    found = (await playbooks.ask("GET", kept))["items"]
    assert [(one["version"], one["body"]) for one in found] == [(2, "Second."), (1, BODY)]
    assert [one["created_by"] for one in found] == [server.world.ids["person"], server.world.ids["org_admin"]]


async def test_what_the_enterprise_shares_is_seen_everywhere_and_changed_there_alone(playbooks, server):
    shared, own = await playbooks.share(), await playbooks.create()
    assert (shared["access_type"], shared["org_id"]) == ("enterprise", None)
    seen = (await playbooks.ask("GET", playbooks.of_org))["items"]
    assert [one["playbook_id"] for one in seen] == [own["playbook_id"], shared["playbook_id"]]
    assert (await playbooks.ask("GET", playbooks.shared, caller="enterprise_admin"))["items"] == [shared]
    beside = f"/v3/organizations/{server.world.second_org}/playbooks"
    assert (await playbooks.ask("GET", beside, caller="enterprise_admin"))["items"] == [shared]
    elsewhere = f"/v3/organizations/{server.world.foreign_org}/playbooks"
    assert (await playbooks.ask("GET", elsewhere, caller="foreigner"))["items"] == []
    path = f"{playbooks.of_org}/{shared['playbook_id']}"
    for method in ("PUT", "DELETE"):
        refused = await playbooks.ask(method, path, json={"title": "Mine", "body": "b"}, expect=409)
        assert "/v3/enterprise/playbooks" in refused["detail"]
    await playbooks.ask("GET", f"{playbooks.shared}/{own['playbook_id']}", caller="enterprise_admin", expect=404)


async def test_a_macro_names_one_playbook(playbooks):
    made, other = await playbooks.create(macro="!go"), await playbooks.create()
    refused = await playbooks.create(macro="!go", expect=409)
    assert "macro: !go" in refused["detail"]
    assert made["playbook_id"] in refused["detail"]
    path = f"{playbooks.of_org}/{other['playbook_id']}"
    await playbooks.ask("PUT", path, json={"title": "a", "body": "b", "macro": "!go"}, expect=409)
    own = {"title": "a", "body": "b", "macro": "!go"}
    assert (await playbooks.ask("PUT", f"{playbooks.of_org}/{made['playbook_id']}", json=own))["macro"] == "!go"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"macro": "go"}, "macro"), ({"macro": "!"}, "macro"), ({"macro": "!two words"}, "macro"),
        ({"macro": "!go\n"}, "macro"), ({"title": " "}, "title"), ({"body": " "}, "body"),
        ({"structured_output_schema": {"type": "nonsense"}}, "structured_output_schema"),
        ({"structured_output_schema": {"$ref": "https://example.org/s"}}, "structured_output_schema"),
    ],
)  # fmt: skip
async def test_what_is_no_playbook_is_refused_in_words(playbooks, body, place):
    answer = await playbooks.create(expect=422, **body)
    assert answer["detail"][0]["loc"][-1] == place


async def test_pages(playbooks):
    for number in range(5):
        await playbooks.create(f"P{number}")
    seen, after = [], ""
    while after is not None:
        query = {"first": 2} | ({"after": after} if after else {})
        page = await playbooks.ask("GET", playbooks.of_org, params=query)
        seen += [one["title"] for one in page["items"]]
        after = page["end_cursor"]
    assert seen == ["P4", "P3", "P2", "P1", "P0"]


async def test_a_session_follows_the_playbook_that_it_names(playbooks, sessions):
    made = await playbooks.create(structured_output_schema=SCHEMA)
    one = await sessions.create(playbook_id=made["playbook_id"])
    assert one["playbook_id"] == made["playbook_id"]
    assert await sessions.ids(f"playbook_id={made['playbook_id']}") == [one["session_id"]]
    row = await sessions.row(one["session_id"])
    assert (row.request["playbook"], row.request["structured_output_schema"]) == (BODY, SCHEMA)
    details = (await sessions.ask("GET", one["session_id"], "/events/details"))["items"]
    (told,) = [event["contents"] for event in details if event["event_type"] == "playbook_selected"]
    assert (told["playbook_id"], told["title"], told["version"]) == (made["playbook_id"], "Release", 1)
    await playbooks.ask("DELETE", f"{playbooks.of_org}/{made['playbook_id']}")
    assert (await sessions.row(one["session_id"])).request["playbook"] == BODY
    refused = await sessions.create(playbook_id=made["playbook_id"], expect=400)
    assert "playbook_id" in refused["detail"]


async def test_a_schema_of_the_session_itself_counts_more(playbooks, sessions):
    made = await playbooks.create(structured_output_schema=SCHEMA)
    own = {"type": "object", "properties": {"name": {"type": "string"}}}
    one = await sessions.create(playbook_id=made["playbook_id"], structured_output_schema=own)
    assert (await sessions.row(one["session_id"])).request["structured_output_schema"] == own


@pytest.mark.parametrize(
    ("prompt", "chosen"),
    [
        ("!release the app", "Release"), ("Please do !release.", "Release"), ("Do\n!shared now", "Shared"),
        ("!both", "Ours"), ("first !shared, then !release", "Shared"), ("!nobodys then !release", "Release"),
        ("a!release", None), ("!releases", None), ("!release/x", None), ("Hello!", None), ("if !ok", None),
    ],
)  # fmt: skip
@pytest.mark.one_database
async def test_a_macro_in_the_prompt_selects(playbooks, sessions, prompt, chosen):
    titles = {(await playbooks.create(macro="!release"))["playbook_id"]: "Release"}
    titles[(await playbooks.create("Ours", macro="!both"))["playbook_id"]] = "Ours"
    titles[(await playbooks.share(macro="!shared"))["playbook_id"]] = "Shared"
    await playbooks.share("Theirs", macro="!both")
    one = await sessions.create(prompt=prompt)
    assert titles.get(one["playbook_id"]) == chosen


async def test_an_id_counts_more_than_a_macro_and_texts_are_not_mixed(playbooks, sessions):
    await playbooks.create(macro="!release")
    other = await playbooks.create("Other")
    one = await sessions.create(prompt="!release", playbook_id=other["playbook_id"])
    assert one["playbook_id"] == other["playbook_id"]
    assert (await sessions.create(prompt="!release", playbook="Only this."))["playbook_id"] is None
    await sessions.create(playbook_id=other["playbook_id"], playbook="Only this.", expect=400)


async def test_children_follow_the_playbook_that_their_parent_names(playbooks, sessions):
    own, for_children, other = [await playbooks.create(title) for title in ("Own", "Children", "Other")]
    named = {"playbook_id": own["playbook_id"], "child_playbook_id": for_children["playbook_id"]}
    parent = (await sessions.create(**named))["session_id"]
    child = await sessions.create(parent=parent)
    assert child["playbook_id"] == for_children["playbook_id"]
    assert (await sessions.row(child["session_id"])).request["playbook"] == BODY
    assert (await sessions.create(parent=parent, playbook_id=other["playbook_id"]))["playbook_id"] == other[
        "playbook_id"
    ]
    plain = (await sessions.create(playbook_id=own["playbook_id"]))["session_id"]
    assert (await sessions.create(parent=plain))["playbook_id"] == own["playbook_id"]
    await playbooks.ask("DELETE", f"{playbooks.of_org}/{for_children['playbook_id']}")
    assert (await sessions.create(parent=parent))["playbook_id"] is None


async def test_of_playbooks_saved_at_once_one_gets_the_macro(playbooks, server):
    client = await server.client("org_admin")
    before = [await playbooks.create(title=f"P{number}") for number in range(4)]
    body = {"title": "Release", "body": BODY, "macro": "!wanted"}
    saved = [client.put(f"{playbooks.of_org}/{one['playbook_id']}", json=body) for one in before]
    answers = await asyncio.gather(*(client.post(playbooks.of_org, json=body) for _ in range(8)), *saved)
    assert sorted(one.status_code for one in answers) == [200] + [409] * 11
    kept = (await playbooks.ask("GET", playbooks.of_org))["items"]
    assert [one["macro"] for one in kept].count("!wanted") == 1


@pytest.mark.parametrize(("key", "shown"), [(10**16, [1]), (-(10**16), [])])
async def test_a_cursor_beyond_any_version_is_a_place_like_others(playbooks, key, shown):
    made = await playbooks.create()
    path = f"{playbooks.of_org}/{made['playbook_id']}/versions".replace("/v3/", "/cogmill/v1/")
    page = await playbooks.ask("GET", path, params={"after": encode_cursor(key)})
    assert [one["version"] for one in page["items"]] == shown


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
async def test_a_schema_with_what_is_no_number_is_refused(playbooks, number):
    body = f'{{"title": "T", "body": "B", "structured_output_schema": {{"minimum": {number}}}}}'
    refused = await playbooks.ask("POST", playbooks.of_org, expect=422, content=body)
    assert "structured_output_schema" in refused["detail"][0]["loc"]
