"""Webhooks over HTTP: their life, who sees them, what they hear of and how it is signed."""

import base64
import json

import pytest
from sqlalchemy import select, update
from standardwebhooks import WebhookVerificationError

from cogmill.domain.sessions.log import status_event
from cogmill.domain.sessions.states import Detail, State, Status
from cogmill.domain.webhooks.service import MOST
from cogmill.models.audit import audit_log
from cogmill.models.webhooks import webhook, webhook_delivery
from tests.contract.things import FACTS

pytestmark = pytest.mark.settings(webhook_private_addresses=["127.0.0.1"])
CANARY = "canary-4711"


async def test_the_life_of_a_webhook(hooks, server):
    made = await hooks.create(event_types=["session.finished", "pull_request.*"], description="Chat")
    secret, mine, path = made.pop("secret"), server.world.ids["org_admin"], hooks.path(made)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret[6:])) == 32
    assert made | {"created_at": 0, "updated_at": 0} == {
        "webhook_id": made["webhook_id"], "org_id": server.world.org, "url": hooks.url, "description": "Chat",
        "event_types": ["session.finished", "pull_request.*"], "is_enabled": True, "disabled_reason": None,
        "failing_since": None, "created_at": 0, "created_by": mine, "updated_at": 0, "updated_by": mine,
    }  # fmt: skip
    assert await hooks.ask("GET", path) == made
    assert (await hooks.ask("GET", hooks.base))["items"] == [made]
    changed = await hooks.ask("PATCH", path, json={"event_types": None, "is_enabled": False})
    assert (changed["event_types"], changed["is_enabled"], changed["description"]) == (None, False, "Chat")
    await hooks.ask("PATCH", path, json={"url": None}, expect=422)
    assert await hooks.ask("DELETE", path) == changed
    for method, rest in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/ping"), ("GET", "/deliveries")):
        await hooks.ask(method, path + rest, json={} if method == "PATCH" else None, expect=404)
    assert (await hooks.ask("GET", hooks.base))["items"] == []
    kept = await server.read(lambda ctx: ctx.db.execute(select(webhook)).one())
    assert (kept.sealed, kept.sealed_before) == (None, None)
    records = await server.read(lambda ctx: ctx.db.execute(select(audit_log)).all())
    assert [one.action for one in records][:2] == ["create_webhook", "update_webhook"]
    assert secret not in str(records)


async def test_a_state_change_is_told_signed_and_filtered(hooks, sessions, receiver):
    everything, some = await hooks.create(), await hooks.create(event_types=["session.finished"])
    one = await sessions.create(prompt=f"Say {CANARY}.", title=CANARY, tags=[CANARY])
    for state in (State(Status.CLAIMED), State(Status.RUNNING, Detail.WORKING), State(Status.RUNNING, Detail.FINISHED)):
        await sessions.append(one["session_id"], status_event(state, CANARY), state=state)
    assert await hooks.send() is None
    heard = [got.verified(everything["secret"]) for got in receiver.got if _signed(got, everything)]
    types = ["session.created", "session.claimed", "session.working", "session.finished"]
    assert sorted(message["type"] for message in heard) == sorted(types)
    (finished,) = [got.verified(some["secret"]) for got in receiver.got if _signed(got, some)]
    assert finished["type"] == "session.finished"
    said = finished["data"]
    assert (said["session_id"], said["status"], said["status_detail"]) == (one["session_id"], "running", "finished")
    assert said["url"].endswith(one["session_id"])
    assert CANARY not in str([got.body for got in receiver.got])
    assert len(receiver.got) == 5
    for got in receiver.got:
        assert got.headers["content-type"] == "application/json"
        with pytest.raises(WebhookVerificationError):
            got.verified("whsec_" + base64.b64encode(b"x" * 32).decode())
    sent = await hooks.log(everything)
    assert {(d["state"], d["attempt"], d["status_code"], d["error"]) for d in sent} == {("delivered", 1, 200, None)}
    assert {d["delivery_id"] for d in sent} <= {got.id for got in receiver.got}
    details = await hooks.ask("GET", f"{hooks.path(everything)}/deliveries/{sent[0]['delivery_id']}")
    assert details["payload"] in heard
    assert [attempt["status_code"] for attempt in details["attempts"]] == [200]


def _signed(got, made):
    try:
        return bool(got.verified(made["secret"]))
    except WebhookVerificationError:
        return False


async def test_pull_requests_are_told(hooks, sessions, server, receiver):
    from cogmill.domain.pull_requests.service import open_or_update

    made = await hooks.create(event_types=["pull_request.*"])
    one = await sessions.create()
    row = await sessions.row(one["session_id"])
    facts = FACTS | {"title": CANARY, "body": CANARY}
    for head in ("b" * 40, "c" * 40):
        await server.write(lambda ctx, head=head: open_or_update(ctx, row.id, facts | {"head_commit": head}))
    await hooks.send()
    heard = {message["type"]: message["data"] for message in (got.verified(made["secret"]) for got in receiver.got)}
    assert set(heard) == {"pull_request.opened", "pull_request.updated"}
    assert heard["pull_request.updated"]["head_commit"] == "c" * 40
    assert heard["pull_request.opened"]["session_id"] == one["session_id"]
    assert CANARY not in str(heard)


async def test_nothing_is_told_of_what_did_not_happen(hooks, sessions, server):
    made = await hooks.create()
    row = await sessions.row((await sessions.create())["session_id"])
    state = State(Status.CLAIMED)

    def work(ctx):
        from cogmill.domain.sessions.log import append

        append(ctx, row.id, row.session_id, [status_event(state)], state=state)
        raise ValueError("the transaction is undone")

    with pytest.raises(ValueError, match="undone"):
        await server.write(work)
    assert [one["event_type"] for one in await hooks.log(made)] == ["session.created"]


async def test_who_hears_of_whom(hooks, sessions, server, receiver):
    own, above = await hooks.create(), await hooks.create(hooks.above)
    beside = f"/cogmill/v1/organizations/{server.world.second_org}/webhooks"
    elsewhere = f"/cogmill/v1/organizations/{server.world.foreign_org}/webhooks"
    await hooks.ask("POST", beside, caller="stranger", json={"url": hooks.url})
    await hooks.ask("POST", elsewhere, caller="foreigner", json={"url": hooks.url})
    await hooks.ask("POST", hooks.above, caller="foreign_admin", json={"url": hooks.url})
    await sessions.create()
    await hooks.send()
    assert len(receiver.got) == 2
    assert above["org_id"] is None
    assert len(await hooks.log(own)) == len(await hooks.log(above)) == 1
    assert [w["webhook_id"] for w in (await hooks.ask("GET", hooks.base))["items"]] == [own["webhook_id"]]
    seen_above = (await hooks.ask("GET", hooks.above))["items"]
    assert [w["webhook_id"] for w in seen_above] == [above["webhook_id"]]
    await hooks.ask("GET", f"{hooks.base}/{above['webhook_id']}", expect=404)
    await hooks.ask("GET", f"{hooks.above}/{own['webhook_id']}", expect=404)
    for caller in ("org_member", "person", "manager"):
        await hooks.ask("GET", hooks.base, caller=caller, expect=403)
    await hooks.ask("GET", hooks.above, caller="org_admin", expect=403)
    assert (await hooks.ask("GET", hooks.base, caller="enterprise_admin"))["items"]


async def test_a_new_secret_signs_beside_the_old_one_for_a_day(hooks, server, receiver):
    made = await hooks.create()
    fresh = (await hooks.ask("POST", hooks.path(made) + "/rotate-secret"))["secret"]
    assert fresh != made["secret"]
    await hooks.ask("POST", hooks.path(made) + "/ping")
    await hooks.send()
    assert receiver.got[0].verified(made["secret"]) == receiver.got[0].verified(fresh)
    await server.write(lambda ctx: ctx.db.execute(update(webhook).values(before_until=ctx.now - 1)))
    await hooks.ask("POST", hooks.path(made) + "/ping")
    await hooks.send()
    assert receiver.got[1].verified(fresh)["type"] == "webhook.ping"
    assert not _signed(receiver.got[1], made)


async def test_a_disabled_one_hears_nothing_new_and_takes_up_what_waits(hooks, sessions, receiver):
    made = await hooks.create()
    await sessions.create()
    await hooks.ask("PATCH", hooks.path(made), json={"is_enabled": False})
    await sessions.create()
    await hooks.ask("POST", hooks.path(made) + "/ping", expect=409)
    await hooks.send()
    assert receiver.got == []
    await hooks.ask("PATCH", hooks.path(made), json={"is_enabled": True})
    await hooks.send()
    assert len(receiver.got) == 1


async def test_there_may_be_so_many(hooks):
    for _ in range(MOST):
        await hooks.create(event_types=["session.exit"])
    assert "may be no more" in (await hooks.create(expect=409))["detail"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"event_types": ["session.nonsense"]}, "no event type"), ({"event_types": []}, "at least 1"),
        ({"url": "ftp://example.org/"}, "https://"), ({"url": "https://"}, "name a host"),
        ({"url": "https://user:pw@example.org/"}, "user name"), ({"url": "https://10.0.0.1/"}, "no public address"),
        ({"url": "https://[::1]/"}, "no public address"), ({"url": "http://169.254.169.254/x"}, "no public address"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "no public address"), ({"url": "https://[64:ff9b::a00:1]/"}, "public"),
        ({"url": "https://[2002:a00:1::]/"}, "no public address"), ({"url": "http://93.184.216.34/"}, "only https"),
        ({"url": "https://a b/"}, "name a host"), ({"description": "x" * 501}, "500"),
    ],
)  # fmt: skip
@pytest.mark.one_database
async def test_what_cannot_be(hooks, body, words):
    assert words in json.dumps(await hooks.create(expect=422, **body))


async def test_pages_of_the_log(hooks, sessions):
    made = await hooks.create()
    for _ in range(5):
        await sessions.create()
    await hooks.send()
    await hooks.ask("POST", hooks.path(made) + "/ping")
    seen, after = [], ""
    while after is not None:
        query = "?first=2" + (f"&after={after}" if after else "")
        page = await hooks.ask("GET", f"{hooks.path(made)}/deliveries{query}")
        seen += [one["event_type"] for one in page["items"]]
        after = page["end_cursor"]
    assert seen == ["webhook.ping", *["session.created"] * 5]
    assert [one["event_type"] for one in await hooks.log(made, "?state=pending")] == ["webhook.ping"]
    assert await hooks.log(made, "?state=failed") == []


async def test_old_deliveries_and_deleted_webhooks_are_forgotten(hooks, sessions, server):
    from cogmill.engine.loops.webhooks import forget

    kept, gone = await hooks.create(), await hooks.create()
    await sessions.create()
    await hooks.send()
    columns = webhook_delivery.c
    old = update(webhook_delivery).where(columns.webhook_id == kept["webhook_id"]).values(created_at=1.0)
    await sessions.create()
    await server.write(lambda ctx: ctx.db.execute(old.where(columns.state == "delivered")))
    await hooks.ask("DELETE", hooks.path(gone))
    await forget(hooks.call, 86_400)
    left = await server.read(lambda ctx: ctx.db.execute(select(webhook_delivery)).all())
    assert [(one.webhook_id, one.state) for one in left] == [(kept["webhook_id"], "pending")]
    assert len(await server.read(lambda ctx: ctx.db.execute(select(webhook)).all())) == 1
