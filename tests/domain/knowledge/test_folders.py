"""Folders: the tree, renaming, moving, switching off, what may not be."""

import asyncio

from sqlalchemy import select

from cogmill.models.knowledge import knowledge_folder


async def tree(knowledge, caller="org_admin", base=None):
    base = base or f"/v3/organizations/{knowledge.server.world.org}"
    return await knowledge.ask("GET", f"{base}/knowledge/folders", caller=caller)


async def test_the_tree_with_its_notes(knowledge):
    top = await knowledge.folder("Backend")
    below = await knowledge.folder("API", parent_folder_id=top["folder_id"])
    shared = await knowledge.ask("POST", knowledge.shared_folders, caller="enterprise_admin", json={"name": "Rules"})
    await knowledge.create("A", folder_id=below["folder_id"])
    await knowledge.create("B", folder_id=below["folder_id"])
    await knowledge.create("C")
    await knowledge.share("D", folder_id=shared["folder_id"])
    await knowledge.share("E")
    found = await tree(knowledge)
    assert found["root_note_count"] == 2
    assert [(one["path"], one["note_count"]) for one in found["folders"]] == [
        ("/Backend", 0), ("/Backend/API", 2), ("/Rules", 1),
    ]  # fmt: skip
    assert found["folders"][1] == below | {"note_count": 2}
    assert below == {
        "folder_id": below["folder_id"], "name": "API", "path": "/Backend/API", "note_count": 0,
        "parent_folder_id": top["folder_id"], "is_enabled": True, "access_type": "org",
    }  # fmt: skip
    of_enterprise = await tree(knowledge, "enterprise_admin", "/v3/enterprise")
    assert ([one["path"] for one in of_enterprise["folders"]], of_enterprise["root_note_count"]) == (["/Rules"], 1)
    assert (await tree(knowledge, "foreign_admin", "/v3/enterprise"))["folders"] == []


async def test_renaming_and_moving_takes_everything_below_along(knowledge):
    a, b = await knowledge.folder("A"), await knowledge.folder("B")
    inner = await knowledge.folder("I", parent_folder_id=a["folder_id"])
    note = await knowledge.create(folder_id=inner["folder_id"])
    assert (await knowledge.change_folder(a, name="A2"))["path"] == "/A2"
    moved = await knowledge.change_folder(inner, parent_folder_id=b["folder_id"])
    assert (moved["path"], moved["note_count"]) == ("/B/I", 1)
    await knowledge.change_folder(b, parent_folder_id=a["folder_id"])
    assert (await knowledge.ask("GET", f"{knowledge.of_org}/{note['note_id']}"))["folder_path"] == "/A2/B/I"
    assert (await knowledge.change_folder(b, parent_folder_id=None))["path"] == "/B"


async def test_a_folder_that_is_switched_off_switches_off_what_lies_in_it(knowledge, server):
    a = await knowledge.folder("A")
    b = await knowledge.folder("B", parent_folder_id=a["folder_id"])
    c = await knowledge.folder("C", parent_folder_id=b["folder_id"], is_enabled=False)

    async def active():
        query = select(knowledge_folder.c.name).where(knowledge_folder.c.is_active)
        return sorted(await server.read(lambda ctx: ctx.db.execute(query).scalars().all()))

    assert await active() == ["A", "B"]
    await knowledge.change_folder(a, is_enabled=False)
    assert await active() == []
    assert [one["is_enabled"] for one in (await tree(knowledge))["folders"]] == [False, True, False]
    await knowledge.change_folder(c, is_enabled=True)
    assert await active() == []
    await knowledge.change_folder(b, parent_folder_id=None)
    assert await active() == ["B", "C"]
    await knowledge.folder("D", parent_folder_id=a["folder_id"])
    assert await active() == ["B", "C"]


async def test_what_may_not_be(knowledge):
    a = await knowledge.folder("A")
    b = await knowledge.folder("B", parent_folder_id=a["folder_id"])
    await knowledge.folder("A", expect=409)
    for name in ("", " ", "x/y", "x" * 101):
        await knowledge.folder(name, expect=422)
    await knowledge.folder("X", parent_folder_id="folder-0", expect=400)
    for folder in (a, b):
        await knowledge.change_folder(a, parent_folder_id=folder["folder_id"], expect=400)
    assert (
        "not empty"
        in (await knowledge.ask("DELETE", f"{knowledge.org_folders}/{a['folder_id']}", expect=409))["detail"]
    )
    note = await knowledge.create(folder_id=b["folder_id"])
    await knowledge.ask("DELETE", f"{knowledge.org_folders}/{b['folder_id']}", expect=409)
    await knowledge.ask("DELETE", f"{knowledge.of_org}/{note['note_id']}")
    gone = await knowledge.ask("DELETE", f"{knowledge.org_folders}/{b['folder_id']}")
    assert gone == b
    await knowledge.change_folder(b, name="B2", expect=404)
    above = None
    for depth in range(10):
        above = (await knowledge.folder(f"D{depth}", parent_folder_id=above))["folder_id"]
    await knowledge.folder("too deep", parent_folder_id=above, expect=400)


async def test_an_organization_does_not_change_what_the_enterprise_shares(knowledge, server):
    shared = await knowledge.ask("POST", knowledge.shared_folders, caller="enterprise_admin", json={"name": "Rules"})
    refused = await knowledge.change_folder(shared, name="Mine", expect=409)
    assert "/cogmill/v1/enterprise/knowledge/folders" in refused["detail"]
    await knowledge.ask("DELETE", f"{knowledge.org_folders}/{shared['folder_id']}", expect=409)
    await knowledge.create(folder_id=shared["folder_id"], expect=400)
    await knowledge.folder("In it", parent_folder_id=shared["folder_id"], expect=400)
    own = await knowledge.folder("Own")
    path = f"/cogmill/v1/organizations/{server.world.second_org}/knowledge/folders/{own['folder_id']}"
    await knowledge.ask("PATCH", path, caller="stranger", json={"name": "Mine"}, expect=404)


async def test_a_note_that_is_put_into_a_folder_while_that_is_removed(knowledge, server):
    """Whoever comes first: the folder is not empty, or there is none."""
    client = await server.client("org_admin")
    for number in range(12):
        folder = (await knowledge.folder(f"F{number}"))["folder_id"]
        body = {"name": "N", "body": "B", "trigger": "T", "folder_id": folder}
        removal = client.delete(f"{knowledge.org_folders}/{folder}")
        notes = [client.post(knowledge.of_org, json=body) for _ in range(3)]
        removed, *made = await asyncio.gather(removal, *notes)
        came_first = sum(one.status_code == 200 for one in made)
        assert removed.status_code == (409 if came_first else 200)
        assert {one.status_code for one in made} <= ({200} if came_first else {400})
