"""Deleted organizations lose their data when the retention time is over: rows, files, keys; and nobody else's."""

import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import select, update

from cogmill.access.scope import Scope
from cogmill.domain.organizations import purge
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.engine.loops import deleted_organizations
from cogmill.models import metadata
from cogmill.models.access import organization
from cogmill.models.audit import audit_log
from cogmill.models.sessions import session
from cogmill.models.usage import usage_day
from cogmill.scm.forge import LocalForge
from cogmill.web.call import Call
from tests.contract.things import make_scan
from tests.serving import Served

DAY = 86_400.0
ENTERPRISE = "/v3/enterprise/organizations"
MARK = "text-that-must-go"


@pytest.fixture
async def run(server):
    """One run of the loop. The second organization is not the oldest one, which cannot be deleted."""
    younger = update(organization).where(organization.c.org_id == server.world.second_org)
    await server.write(lambda ctx: ctx.db.execute(younger.values(created_at=organization.c.created_at + 1)))

    async def once(days=30.0):
        call = Call(server.runtime, Scope("", None), "engine", None)
        return await deleted_organizations.run_once(call, server.runtime.settings.data, days * DAY)

    return once


async def fill(server, caller, org):
    """Something of each kind in an organization, all of it with the mark."""
    client, base = await server.client(caller), f"/v3/organizations/{org}"
    file = {"file": (f"{MARK}.txt", MARK.encode())}
    url = (await client.post(f"{base}/attachments", files=file)).json()["url"]
    made = await client.post(
        f"{base}/sessions", json={"prompt": MARK, "tags": [MARK], "attachment_urls": [url], "title": MARK},
        headers={"idempotency-key": "first"},
    )  # fmt: skip
    assert made.status_code == 200, made.text
    for path, body in (
        ("/playbooks", {"title": MARK, "body": MARK}),
        ("/secrets", {"type": "key-value", "key": "MARK", "value": MARK, "note": MARK}),
    ):
        answer = await client.post(base + path, json=body)
        assert answer.status_code == 200, answer.text
    await LocalForge(server.runtime.settings.data / "forge" / org).create("mark/app")
    await make_scan(server, client, org, "mark/app")
    admin = await server.client("enterprise_admin")
    await admin.put(f"{ENTERPRISE}/{org}/tags", json={"tags": [MARK]})
    await admin.post(f"/cogmill/v1/organizations/{org}/legacy-keys", json={"name": MARK})
    data = server.runtime.settings.data
    folders = [
        data / "forge" / org / "a",
        data / "mirrors" / org / "b.git",
        data / "sessions" / made.json()["session_id"],
    ]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "file").write_text(MARK)
    return folders


async def delete(server, org, days_ago):
    admin = await server.client("enterprise_admin")
    assert (await admin.delete(f"{ENTERPRISE}/{org}")).status_code == 200
    await deleted(server, org, days_ago * DAY)


async def deleted(server, org, seconds_ago):
    gone = update(organization).where(organization.c.org_id == org)
    await server.write(lambda ctx: ctx.db.execute(gone.values(deleted_at=ctx.now - seconds_ago)))


async def everything(server):
    """All rows of all tables, by table."""

    def work(ctx):
        return {t.name: [dict(row._mapping) for row in ctx.db.execute(select(t))] for t in metadata.sorted_tables}

    return await server.read(work)


def files(server):
    data = server.runtime.settings.data
    folders = ("attachments", "forge", "mirrors", "sessions")
    return sorted(path for name in folders for path in (data / name).rglob("*") if path.is_file())


async def records(server):
    query = select(audit_log).where(audit_log.c.action == "purge_org").order_by(audit_log.c.id)
    return await server.read(lambda ctx: [(one.org_id, one.data["step"]) for one in ctx.db.execute(query)])


async def test_all_of_it_goes_and_nothing_else(server, run):
    world = server.world
    await run()  # the world's own deleted organization
    await fill(server, "org_admin", world.org)
    before, files_before = await everything(server), files(server)
    folders = await fill(server, "stranger", world.second_org)
    await delete(server, world.second_org, 31)
    assert await run() == 1

    after = await everything(server)
    # A mark stays until the sums of its day are put right, and says nothing but organization and day.
    changed = {"audit_log", "organization", "service_user", "role_assignment", "api_key", "metric_mark"}
    assert {name: rows for name, rows in after.items() if name not in changed} == {
        name: rows for name, rows in before.items() if name not in changed
    }
    assert files(server) == files_before
    assert not any(folder.exists() for folder in folders)
    left = [name for name, rows in after.items() for row in rows if row.get("org_id") == world.second_org]
    assert set(left) == {"audit_log", "organization", "service_user", "metric_mark"}
    own = {row["service_user_id"] for row in after["service_user"] if row["org_id"] == world.second_org}
    assert own
    assert all(row["deleted_at"] for row in after["service_user"] if row["org_id"] == world.second_org)
    assert not [row for row in after["api_key"] if row["service_user_id"] in own]
    assert not [row for row in after["role_assignment"] if row["principal_id"] in own]
    kept = [row for row in before["role_assignment"] if row["org_id"] != world.second_org]
    assert [row for row in after["role_assignment"] if row["org_id"] != world.second_org] == kept
    assert (await records(server))[-2:] == [(world.second_org, "begun"), (world.second_org, "finished")]
    assert await run() == 0


async def test_what_it_used_stays_in_the_bills(server, run, cogmill):
    org = server.world.second_org
    client = await server.client("stranger")
    made = (await client.post(f"/v3/organizations/{org}/sessions", json={"prompt": "p"})).json()

    def work(ctx):
        row = ctx.db.execute(select(session).where(session.c.session_id == made["session_id"])).one()
        append(ctx, row.id, row.session_id, [NewEvent("x", "other", "x")], acus=250_000)

    await server.write(work)
    await delete(server, org, 31)
    await run()
    admin = await server.client("enterprise_admin")
    assert (await admin.get("/v3/enterprise/consumption/daily")).json()["total_acus"] == 0.25
    sound = cogmill("usage", "verify", "--json")
    assert (sound.code, sound.json["equal"], sound.json["records"]) == (0, True, 0)
    spoil = update(usage_day).where(usage_day.c.scope == "enterprise").values(acus_micro=usage_day.c.acus_micro + 1)
    await server.write(lambda ctx: ctx.db.execute(spoil))
    spoilt = cogmill("usage", "verify")
    assert spoilt.code == 1
    assert "usage_day of enterprise" in spoilt.out


async def test_a_purged_organization_reads_as_deleted(server, run, cogmill):
    org = server.world.second_org
    await delete(server, org, 31)
    await run()
    admin = await server.client("enterprise_admin")
    assert (await admin.get(f"{ENTERPRISE}/{org}")).status_code == 404
    assert (await (await server.client("stranger")).get("/v3/self")).status_code == 401
    log = (await admin.get("/v3/enterprise/audit-logs?action=purge_org&order=asc")).json()["items"]
    assert [(one["data"]["name"], one["data"]["step"]) for one in log if one["org_id"] == org] == [
        ("second", "begun"), ("second", "finished"),
    ]  # fmt: skip
    assert cogmill("audit", "verify").code == 0
    refused = cogmill("organizations", "restore", org, "--json")
    assert (refused.code, "deleted for good" in refused.error["message"]) == (1, True)
    shown = {one["org_id"]: one for one in cogmill("organizations", "list", "--json").json["items"]}
    assert shown[org]["purged_at"] > 0
    assert shown[server.world.org]["purged_at"] is None
    assert "data removed" in cogmill("organizations", "list", "--deleted").out


async def test_not_before_its_time(server, run):
    world = server.world
    await run()
    await fill(server, "stranger", world.second_org)
    await delete(server, world.second_org, 29.9)
    before = await everything(server)
    assert await run() == 0
    await deleted(server, world.second_org, 30)
    assert await run(0) == 0  # what was running may not have stopped yet
    await deleted(server, world.second_org, 61)
    assert await run(0) == 1
    assert await everything(server) != before


async def test_restored_at_the_last_moment(server, run, monkeypatch):
    """Restoring comes between the look and the first step: nothing is touched."""
    org = server.world.second_org
    await run()
    await delete(server, org, 31)
    found = await server.read(lambda ctx: purge.due(ctx, 30 * DAY))
    back = update(organization).where(organization.c.org_id == org).values(deleted_at=None)
    await server.write(lambda ctx: ctx.db.execute(back))
    monkeypatch.setattr(purge, "due", lambda _ctx, _seconds: found)
    assert await run() == 0
    assert (await (await server.client("stranger")).get("/v3/self")).status_code == 200


async def test_a_step_that_fails_is_taken_up_again(server, run, monkeypatch):
    org = server.world.second_org
    await run()
    await fill(server, "stranger", org)
    await delete(server, org, 31)
    real, left = purge.remove, [5]

    def failing(table, rows, ctx):
        left[0] -= 1
        if left[0] <= 0:
            raise OSError("the disk failed")
        real(table, rows, ctx)

    monkeypatch.setattr(purge, "remove", failing)
    with pytest.raises(OSError, match="the disk failed"):
        await run()
    left[0] = 10_000
    assert await run(10_000) == 1  # begun is begun, whatever the setting says now
    assert [step for one, step in await records(server) if one == org] == ["begun", "finished"]


def test_every_table_is_decided_on():
    """A new table goes with its organization or hangs on one that does, names the enterprise, or stands here."""
    gone = {table.name for table, _ in purge.pieces("org-x")}
    while more := {c.table.name for name in gone for c, _ in purge.hanging_on(metadata.tables[name])} - gone:
        gone |= more
    hang_on_those = {"browser_session", "idp_group_member", "invitation", "user_identity"}
    of_the_server = {"data_key", "hypervisor", "installation"}
    left = set(metadata.tables) - gone - set(purge.KEPT)
    assert {one for one in left if "enterprise_id" not in metadata.tables[one].c} == hang_on_those | of_the_server


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path / "data", COGMILL_ORGANIZATION_RETENTION_DAYS="0.001")
    yield server
    server.close()


@pytest.mark.one_database
def test_killed_in_the_middle(served):
    """kill -9 while rows are being removed: the next start goes on, and the chain has each step once."""
    import sqlite3

    served.start()
    admin = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
    made = served.client.post(ENTERPRISE, json={"name": "Short-lived"}, headers=admin)
    org = made.json()["org_id"]
    assert served.client.delete(f"{ENTERPRISE}/{org}", headers=admin).status_code == 200
    served.end(signal.SIGKILL)
    count = 60_000
    with sqlite3.connect(served.data / "cogmill.db") as db:
        db.execute("UPDATE organization SET deleted_at = deleted_at - 1000 WHERE org_id = ?", (org,))
        columns = (
            "session_id, org_id, origin, prompt, request, tags, is_archived, created_at, status, updated_at, last_seq,"
            " acus_micro, usd_micro, epoch, run_state"
        )
        values = "?, ?, 'api', 'p', '{}', '[]', 0, 1, 'exit', 1, 0, 0, 0, 0, 'idle'"
        db.execute(f"INSERT INTO session ({columns}) VALUES ({values})", ("devin-" + "0" * 32, org))
        events = ((1, seq, "user_message", "message", "incoming", 1.0, "s", "{}") for seq in range(1, count))
        db.executemany("INSERT INTO session_event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", events)
    db.close()

    def left():
        with sqlite3.connect(served.data / "cogmill.db", timeout=10) as db:
            return db.execute("SELECT count(*) FROM session_event").fetchone()[0]

    def steps():
        with sqlite3.connect(served.data / "cogmill.db", timeout=10) as db:
            rows = db.execute("SELECT data FROM audit_log WHERE action = 'purge_org' ORDER BY id").fetchall()
            return ["begun" if "begun" in row[0] else "finished" for row in rows]

    served.start()
    wait_for(lambda: left() < count - 1000)
    served.end(signal.SIGKILL)
    assert 0 < left() < count
    assert steps() == ["begun"]
    served.start()
    wait_for(lambda: steps() == ["begun", "finished"])
    assert left() == 0
    command = [sys.executable, "-m", "cogmill", "audit", "verify", "--data", str(served.data)]
    done = subprocess.run(command, env=served.environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
