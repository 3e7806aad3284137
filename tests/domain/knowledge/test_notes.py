"""Notes over HTTP: their life, who sees and changes which, filters, pages, macros."""

import pytest
from sqlalchemy import delete, select

from cogmill.domain.knowledge import queries
from cogmill.models.audit import audit_log
from cogmill.models.knowledge import knowledge_note, knowledge_word, postgres_words, sqlite_words


async def test_the_life_of_a_note(knowledge, server):
    folder = await knowledge.folder("Backend")
    made = await knowledge.create(folder_id=folder["folder_id"], pinned_repo="acme/App", macro="!deploys")
    path = f"{knowledge.of_org}/{made['note_id']}"
    assert made | {"created_at": 0, "updated_at": 0} == {
        "note_id": made["note_id"], "folder_id": folder["folder_id"], "folder_path": "/Backend", "name": "Deploys",
        "body": "Text of Deploys.", "trigger": "When it is about Deploys", "is_enabled": True, "created_at": 0,
        "updated_at": 0, "access_type": "org", "org_id": server.world.org, "macro": "!deploys",
        "pinned_repo": "acme/App",
    }  # fmt: skip
    assert made["note_id"].startswith("note-")
    assert await knowledge.ask("GET", path) == made
    saved = await knowledge.replace(made, is_enabled=False)
    assert (saved["pinned_repo"], saved["folder_id"], saved["folder_path"]) == (None, None, "/")
    assert (saved["macro"], saved["is_enabled"]) == ("!deploys", False)
    again = await knowledge.replace(made, macro=None, pinned_repo="", folder_id=None)
    assert (again["macro"], again["is_enabled"], again["pinned_repo"]) == (None, False, None)
    assert await knowledge.ask("DELETE", path) == again
    for method in ("GET", "DELETE"):
        await knowledge.ask(method, path, expect=404)
    await knowledge.replace(made, expect=404)
    actions = select(audit_log.c.action).where(audit_log.c.action.contains("knowledge")).order_by(audit_log.c.id)
    done = await server.read(lambda ctx: ctx.db.execute(actions).scalars().all())
    assert done[:4] == ["create_knowledge", "edit_knowledge", "edit_knowledge", "delete_knowledge"]


async def test_the_organization_may_be_left_out(knowledge, server):
    home = "/v3/organizations/knowledge"
    made = await knowledge.ask("POST", f"{home}/notes", json={"name": "N", "body": "b", "trigger": "t"})
    assert made["org_id"] == server.world.org
    assert (await knowledge.ask("GET", f"{home}/notes"))["items"] == [made]
    assert await knowledge.ask("GET", f"{home}/notes/{made['note_id']}") == made
    assert (await knowledge.ask("GET", f"{home}/folders"))["root_note_count"] == 1
    await knowledge.ask("GET", f"{home}/notes", caller="enterprise_admin", expect=400)


async def test_what_the_enterprise_shares_is_seen_everywhere_and_changed_there_alone(knowledge, server):
    shared, own = await knowledge.share(), await knowledge.create("Own")
    assert (shared["access_type"], shared["org_id"]) == ("enterprise", None)
    assert await knowledge.names() == ["Own", "Shared"]
    beside = f"/v3/organizations/{server.world.second_org}/knowledge/notes"
    assert await knowledge.names(path=beside, caller="enterprise_admin") == ["Shared"]
    elsewhere = f"/v3/organizations/{server.world.foreign_org}/knowledge/notes"
    assert await knowledge.names(path=elsewhere, caller="foreigner") == []
    refused = await knowledge.replace(shared, expect=409)
    assert "/v3/enterprise/knowledge/notes" in refused["detail"]
    await knowledge.ask("DELETE", f"{knowledge.of_org}/{shared['note_id']}", expect=409)
    top = {"path": knowledge.shared, "caller": "enterprise_admin"}
    assert await knowledge.names(**top) == ["Own", "Shared"]
    assert await knowledge.names(**top, access_type="org") == ["Own"]
    assert await knowledge.names(**top, access_type="enterprise") == ["Shared"]
    assert await knowledge.names(path=knowledge.shared, caller="foreign_admin") == []
    path = f"{knowledge.shared}/{own['note_id']}"
    await knowledge.ask("GET", path, caller="foreign_admin", expect=404)
    body = {"name": "Own", "body": "By the enterprise.", "trigger": "t"}
    saved = await knowledge.ask("PUT", path, caller="enterprise_admin", json=body)
    assert (saved["org_id"], saved["body"]) == (server.world.org, "By the enterprise.")


@pytest.mark.parametrize("near", [1, 400], ids=["by the index", "by reading the newest"])
async def test_a_note_is_found_at_once_by_its_words(knowledge, monkeypatch, near):
    monkeypatch.setattr(queries, "NEAR", near)
    made = await knowledge.create(
        "Größe", body="Ask the payments team, not OR me.", trigger="Release of v2", macro="!pay"
    )
    await knowledge.share("Other", body="Payments too.")
    for search in ("groesse", "nothing", "payments nothing", "teamm"):
        assert await knowledge.names(search=search) == [], search
    for search in (
        "Größe",
        "GROSSE team",
        "release v2",
        "pay",
        "payments team",
        "team paym",
        "not or",
        '"team"',
        "v2'",
    ):
        assert "Größe" in await knowledge.names(search=search), search
    assert await knowledge.names(search="payments") == ["Other", "Größe"]
    assert await knowledge.names(search="payments", first=1) == ["Other"]
    assert await knowledge.names(search="!?") == []
    await knowledge.replace(made, body="Ask nobody.")
    assert await knowledge.names(search="payments") == ["Other"]
    assert await knowledge.names(search="nobody") == ["Größe"]
    top = {"path": knowledge.shared, "caller": "enterprise_admin"}
    assert await knowledge.names(**top, search="nobody") == ["Größe"]
    assert await knowledge.names(path=knowledge.shared, caller="foreign_admin", search="nobody") == []
    await knowledge.ask("DELETE", f"{knowledge.of_org}/{made['note_id']}")
    assert await knowledge.names(search="nobody") == []


async def test_filters_by_folder_and_pin(knowledge):
    api = await knowledge.folder("API", parent_folder_id=(await knowledge.folder("Backend"))["folder_id"])
    await knowledge.create("In", folder_id=api["folder_id"])
    await knowledge.create("Pinned", pinned_repo="https://forge.example/acme/App.git")
    await knowledge.create("Always", pinned_repo="all")
    for path in ("/Backend/API", "Backend/API/"):
        assert await knowledge.names(folder_path=path) == ["In"]
    assert await knowledge.names(folder_path="/Backend") == []
    assert await knowledge.names(folder_path="/nowhere") == []
    assert await knowledge.names(folder_path="/") == ["Always", "Pinned"]
    for repo in ("acme/app", "ACME/App", "https://forge.example/acme/app"):
        assert await knowledge.names(pinned_repo=repo) == ["Pinned"]
    assert await knowledge.names(pinned_repo="all") == ["Always"]
    assert await knowledge.names(pinned_repo="!") == []
    assert await knowledge.names(search="always", folder_path="/", pinned_repo="ALL") == ["Always"]


@pytest.mark.parametrize(("search", "near"), [(None, 400), ("about", 400), ("about", 2)])
async def test_pages_mix_own_and_shared_notes(knowledge, monkeypatch, search, near):
    monkeypatch.setattr(queries, "NEAR", near)
    for number in range(7):
        await (knowledge.create if number % 2 else knowledge.share)(f"N{number}")
    seen, after = [], ""
    while after is not None:
        query = {"first": 3} | ({"after": after} if after else {}) | ({"search": search} if search else {})
        page = await knowledge.ask("GET", knowledge.of_org, params=query)
        seen += [one["name"] for one in page["items"]]
        after = page["end_cursor"]
    assert seen == [f"N{number}" for number in reversed(range(7))]


async def test_a_macro_names_one_note_or_one_playbook(knowledge, server):
    made, other = await knowledge.create(macro="!go"), await knowledge.create("Other")
    refused = await knowledge.create("Third", macro="!go", expect=409)
    assert "macro: !go" in refused["detail"]
    assert made["note_id"] in refused["detail"]
    await knowledge.replace(other, macro="!go", expect=409)
    assert (await knowledge.replace(made, macro="!go"))["macro"] == "!go"
    playbooks = f"/v3/organizations/{server.world.org}/playbooks"
    body = {"title": "P", "body": "b", "macro": "!play"}
    playbook = await knowledge.ask("POST", playbooks, json=body)
    refused = await knowledge.replace(other, macro="!play", expect=409)
    assert playbook["playbook_id"] in refused["detail"]
    refused = await knowledge.ask("POST", playbooks, json=body | {"macro": "!go"}, expect=409)
    assert made["note_id"] in refused["detail"]
    await knowledge.ask("PUT", f"{playbooks}/{playbook['playbook_id']}", json=body | {"macro": "!go"}, expect=409)
    shared = await knowledge.share(macro="!everywhere")
    refused = await knowledge.ask("POST", playbooks, json=body | {"macro": "!everywhere"}, expect=409)
    assert shared["note_id"] in refused["detail"]
    assert (await knowledge.share("Same word", macro="!go"))["macro"] == "!go"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        ({"name": " "}, 422, "name"), ({"body": ""}, 422, "body"), ({"trigger": None}, 422, "trigger"),
        ({"macro": "go"}, 422, "macro"), ({"macro": "!two words"}, 422, "macro"),
        ({"pinned_repo": "not a repository"}, 422, "pinned_repo"), ({"pinned_repo": "/tmp"}, 422, "pinned_repo"),
        ({"folder_id": "folder-0"}, 400, "folder_id"), ({"is_enabled": "perhaps"}, 422, "is_enabled"),
    ],
)  # fmt: skip
async def test_what_is_no_note_is_refused_in_words(knowledge, body, status, place):
    answer = await knowledge.create(expect=status, **body)
    assert place in (answer["detail"] if status == 400 else answer["detail"][0]["loc"])


async def test_who_may(knowledge):
    await knowledge.create()
    assert await knowledge.names(caller="session_user") == ["Deploys"]
    for caller in ("viewer", "deepwiki"):
        await knowledge.ask("GET", knowledge.of_org, caller=caller, expect=403)
    body = {"name": "N", "body": "b", "trigger": "t"}
    await knowledge.ask("POST", knowledge.of_org, caller="session_user", json=body, expect=403)
    await knowledge.ask("POST", knowledge.shared, caller="org_admin", json=body, expect=403)
    await knowledge.ask("POST", knowledge.of_org, caller="org_member", json=body)


async def test_words_are_counted_as_notes_come_and_go(knowledge, server):
    made = await knowledge.create(trigger="deploy billing")
    await knowledge.create("Second", trigger="deploying")

    async def counts():
        query = select(knowledge_word.c.word, knowledge_word.c.notes).where(knowledge_word.c.notes > 0)
        return dict(await server.read(lambda ctx: ctx.db.execute(query).all()))

    assert await counts() == {"": 2, "deploi": 2, "bill": 1}
    await knowledge.replace(made, trigger="billing", is_enabled=False)
    assert await counts() == {"": 2, "deploi": 1}
    await knowledge.ask("DELETE", f"{knowledge.of_org}/{made['note_id']}")
    assert await counts() == {"": 1, "deploi": 1}


@pytest.mark.one_database
async def test_the_enterprise_shares_no_more_than_300(knowledge, monkeypatch):
    monkeypatch.setattr("cogmill.domain.knowledge.service.MOST_SHARED", 1)
    await knowledge.share()
    assert "which is the most" in (await knowledge.share("Second", expect=409))["detail"]
    await knowledge.create("Ours")


async def test_a_note_whose_row_goes_leaves_the_index_with_it(knowledge, server):
    """As when a deleted organization's data is removed, row by row."""
    made = await knowledge.create()
    words = sqlite_words if server.runtime.database.engine.dialect.name == "sqlite" else postgres_words
    held = select(words.c.said)
    assert len(await server.read(lambda ctx: ctx.db.execute(held).all())) == 1
    gone = delete(knowledge_note).where(knowledge_note.c.note_id == made["note_id"])
    await server.write(lambda ctx: ctx.db.execute(gone))
    assert await server.read(lambda ctx: ctx.db.execute(held).all()) == []
