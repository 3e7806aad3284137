"""`cogmill organizations` on the data folder of a running server."""

import pytest
from sqlalchemy import select, update

from cogmill.models.access import organization
from cogmill.models.audit import audit_log


@pytest.fixture
async def delete(server):
    async def ask(org_id):
        client = await server.client("enterprise_admin")
        answer = await client.delete(f"/v3/enterprise/organizations/{org_id}")
        assert answer.status_code == 200, answer.text

    return ask


async def test_list_shows_deleted_ones_of_the_enterprise(cogmill, server):
    world = server.world
    shown = {one["org_id"]: one for one in cogmill("organizations", "list", "--json").json["items"]}
    assert set(shown) == {world.org, world.second_org, world.deleted_org}
    assert shown[world.org]["deleted_at"] is None
    assert shown[world.org]["restorable_until"] is None
    gone = shown[world.deleted_org]
    assert gone["restorable_until"] - gone["deleted_at"] == 30 * 86400
    only = cogmill("organizations", "list", "--deleted", "--json").json["items"]
    assert [one["org_id"] for one in only] == [world.deleted_org]
    text = cogmill("organizations", "list").out
    assert world.org in text
    assert "deleted for good" in text


async def test_restore_brings_back_keys_and_data(cogmill, server, sessions, delete):
    world = server.world
    made = (await sessions.create())["session_id"]
    await delete(world.org)
    shown = cogmill("organizations", "list").out
    assert "restorable until" in shown
    answer = cogmill("organizations", "restore", world.org, "--json")
    assert (answer.code, answer.json["deleted_at"]) == (0, None)
    assert (await sessions.ids()) == [made]
    assert (await sessions.ask("POST", made, "/messages", json={"message": "Go on"}))["status"] == "resuming"


async def test_restore_leaves_an_audit_record(cogmill, server, delete):
    org = server.world.org
    await delete(org)
    assert f"Restored {org} (main)" in cogmill("organizations", "restore", org).out
    query = select(audit_log).order_by(audit_log.c.id.desc()).limit(1)
    record = await server.read(lambda ctx: ctx.db.execute(query).one())
    assert (record.action, record.org_id, record.enterprise_id) == ("restore_org", org, server.world.enterprise)
    assert (record.user_id, record.service_user_id) == (None, None)
    assert set(record.data) == {"name", "command_line_user"}
    assert record.chain


async def test_restore_refuses_what_it_cannot_do(cogmill, server):
    world = server.world
    for org_id, said in (
        (world.org, "is not deleted"),
        ("org-unknown", "There is no organization"),
        (world.foreign_org, "There is no organization"),
        (world.deleted_org, "retention time is 30 days"),
    ):
        refused = cogmill("organizations", "restore", org_id, "--json")
        assert (refused.code, refused.error["exit_code"]) == (1, 1)
        assert said in refused.error["message"]
        assert refused.out == ""
        assert said in cogmill("organizations", "restore", org_id).err


async def test_the_retention_time_is_a_setting(cogmill, server, monkeypatch):
    org = server.world.deleted_org
    gone = update(organization).where(organization.c.org_id == org)
    await server.write(lambda ctx: ctx.db.execute(gone.values(deleted_at=ctx.now - 5 * 86400)))
    monkeypatch.setenv("COGMILL_ORGANIZATION_RETENTION_DAYS", "4.5")
    assert "5.0 days ago" in cogmill("organizations", "restore", org).err
    monkeypatch.setenv("COGMILL_ORGANIZATION_RETENTION_DAYS", "6")
    assert cogmill("organizations", "restore", org).code == 0
