"""Attempts: retries, endpoints that fail, who may be called, limits, and what a kill leaves."""

import asyncio
import sqlite3
import ssl
import threading
import time

import pytest
from sqlalchemy import select, update

from cogmill.domain.webhooks import sending
from cogmill.kit.outbound import EXCERPT, Outbound
from cogmill.models.webhooks import webhook, webhook_delivery
from tests.serving import Served
from tests.test_tls import make

from .receiver import receiving

pytestmark = pytest.mark.settings(webhook_private_addresses=["127.0.0.1"])


async def test_a_failed_attempt_is_made_again_later_with_the_same_id(hooks, receiver, server):
    made = await hooks.create()
    await hooks.ask("POST", hooks.path(made) + "/ping")
    receiver.answer(500, b"not now")
    wait = await hooks.send()
    assert 4 * 0.9 < wait < 6.1
    (one,) = await hooks.log(made)
    assert (one["state"], one["attempt"], one["status_code"]) == ("pending", 1, 500)
    assert (one["error"], one["response_excerpt"]) == ("answered 500", "not now")
    assert one["next_attempt_at"] > one["last_attempt_at"]
    assert (await hooks.ask("GET", hooks.path(made)))["failing_since"] is not None
    await hooks.make_due()
    await hooks.send()
    assert receiver.got[0].id == receiver.got[1].id == one["delivery_id"]
    assert receiver.got[0].body == receiver.got[1].body
    assert [got.verified(made["secret"])["type"] for got in receiver.got] == ["webhook.ping"] * 2
    details = await hooks.ask("GET", f"{hooks.path(made)}/deliveries/{one['delivery_id']}")
    assert [attempt["status_code"] for attempt in details["attempts"]] == [500, 200]
    assert details["state"] == "delivered"
    assert (await hooks.ask("GET", hooks.path(made)))["failing_since"] is None


async def test_it_gives_up_after_about_a_day_and_can_be_sent_again(hooks, receiver, server):
    assert 0.9 < sum(sending.DELAYS) / 86_400 < 1.2
    made = await hooks.create()
    await hooks.ask("POST", hooks.path(made) + "/ping")
    for _ in range(len(sending.DELAYS) + 1):
        receiver.answer(503)
        await hooks.make_due()
        await hooks.send()
    (one,) = await hooks.log(made, "?state=failed")
    assert (one["attempt"], one["next_attempt_at"]) == (len(sending.DELAYS) + 1, None)
    assert await hooks.send() is None
    path = f"{hooks.path(made)}/deliveries/{one['delivery_id']}/replay"
    receiver.answer(503)
    await hooks.ask("POST", path)
    await hooks.send()
    assert (await hooks.log(made))[0]["state"] == "pending", "it has all its retries again"
    await hooks.ask("POST", path)
    await hooks.send()
    assert (await hooks.log(made))[0]["state"] == "delivered"
    assert {got.id for got in receiver.got} == {one["delivery_id"]}
    await hooks.ask("POST", path)
    await hooks.send()
    assert len(receiver.got) == len(sending.DELAYS) + 4


async def test_gone_means_gone(hooks, receiver, sessions):
    made = await hooks.create()
    await sessions.create()
    receiver.answer(410)
    await hooks.send()
    now = await hooks.ask("GET", hooks.path(made))
    assert (now["is_enabled"], now["disabled_reason"]) == (False, "The endpoint answered 410 Gone.")
    assert (await hooks.log(made))[0]["state"] == "failed"
    on = await hooks.ask("PATCH", hooks.path(made), json={"is_enabled": True})
    assert (on["disabled_reason"], on["failing_since"]) == (None, None)


async def test_an_endpoint_that_fails_for_days_is_switched_off(hooks, receiver, server):
    made = await hooks.create()
    await hooks.ask("POST", hooks.path(made) + "/ping")
    long_ago = (sending.PATIENCE_DAYS + 0.1) * 86_400
    await server.write(lambda ctx: ctx.db.execute(update(webhook).values(failing_since=ctx.now - long_ago)))
    receiver.answer(500)
    await hooks.send()
    now = await hooks.ask("GET", hooks.path(made))
    assert now["is_enabled"] is False
    assert "Every attempt failed" in now["disabled_reason"]


async def test_retry_after_is_kept(hooks, receiver):
    made = await hooks.create()
    await hooks.ask("POST", hooks.path(made) + "/ping")
    receiver.answer(429, Retry_After="900")
    assert 880 < await hooks.send() < 910


async def test_redirects_are_not_followed(hooks, receiver):
    with receiving() as other:
        made = await hooks.create()
        receiver.answer(307, Location=other.url)
        await hooks.ask("POST", hooks.path(made) + "/ping")
        await hooks.send()
        assert other.got == []
    (one,) = await hooks.log(made)
    assert (one["state"], one["status_code"]) == ("pending", 307)
    assert "redirects are not followed" in one["error"]


async def test_long_answers_are_cut_and_slow_ones_given_up(hooks, receiver):
    made = await hooks.create()
    await hooks.ask("POST", hooks.path(made) + "/ping")
    receiver.answer(200, b"a" * 5_000_000)
    await hooks.send()
    assert (await hooks.log(made))[0]["response_excerpt"] == "a" * EXCERPT
    receiver.hold = threading.Event()
    began = time.monotonic()
    answer = await Outbound(["127.0.0.1"], seconds=0.3).post(receiver.url, {}, b"{}")
    assert (answer.status, answer.error) == (None, "no answer within 0.3 s")
    assert time.monotonic() - began < 2


async def test_a_slow_endpoint_holds_up_nobody_and_gets_four_at_once(hooks, sessions, receiver):
    with receiving() as slow:
        slow.hold = threading.Event()
        waiting = await hooks.create(url=slow.url)
        await hooks.create()
        for _ in range(6):
            await sessions.create()
        runner = asyncio.create_task(hooks.driver.run())
        for _ in range(400):
            if len(receiver.got) == 6:
                break
            await asyncio.sleep(0.01)
        assert len(receiver.got) == 6
        assert len(slow.got) == 4
        assert len(await hooks.log(waiting, "?state=sending")) == 4
        slow.hold.set()
        for _ in range(400):
            if len(await hooks.log(waiting, "?state=delivered")) == 6:
                break
            await asyncio.sleep(0.01)
        assert (len(slow.got), slow.most_at_once) == (6, 4)
        runner.cancel()


async def test_two_processes_share_and_never_double(hooks, server, sessions):
    made = await hooks.create()
    for _ in range(6):
        await sessions.create()

    async def taken(count):
        return await server.write(lambda ctx: sending.claim(ctx, made["webhook_id"], count))

    first, second, third = await taken(4), await taken(4), await taken(4)
    ids = [one.delivery_id for one in (*first, *second)]
    assert (len(first), len(second), third, len(set(ids))) == (4, 2, [], 6)
    refused = await hooks.ask("POST", f"{hooks.path(made)}/deliveries/{ids[0]}/replay", expect=409)
    assert "just being sent" in refused["detail"]


async def test_an_attempt_that_was_cut_is_made_again_and_its_late_end_changes_nothing(hooks, server, receiver):
    from cogmill.kit.outbound import Answer

    made = await hooks.create()
    await hooks.ask("POST", hooks.path(made) + "/ping")
    (cut,) = await server.write(lambda ctx: sending.claim(ctx, made["webhook_id"], 4))
    assert 50 < await hooks.send() < 61, "somebody has it"
    await hooks.make_due()
    receiver.answer(500)
    await hooks.send()
    await server.write(lambda ctx: sending.settle(ctx, cut, Answer(200, 1)))
    (one,) = await hooks.log(made)
    assert (one["state"], one["attempt"]) == ("pending", 2)
    details = await hooks.ask("GET", f"{hooks.path(made)}/deliveries/{one['delivery_id']}")
    assert [attempt["error"] for attempt in details["attempts"]] == [sending.INTERRUPTED, "answered 500"]


@pytest.mark.settings(webhook_private_addresses=[])
@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "rebound.example.org"])
@pytest.mark.one_database
async def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_called(
    hooks, receiver, sessions, host, monkeypatch
):
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo

    async def getaddrinfo(name, port, **options):
        return await resolve("127.0.0.1" if name.endswith(".example.org") else name, port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    made = await hooks.create(url=receiver.url.replace("http://127.0.0.1", f"https://{host}"))
    await sessions.create()
    await hooks.send()
    assert receiver.got == []
    assert "no public address" in (await hooks.log(made))[0]["error"]


@pytest.mark.one_database
async def test_the_name_that_was_checked_is_the_one_in_request_and_certificate(tmp_path, monkeypatch):
    """The connection goes to the checked address; Host, SNI and the certificate keep to the name."""
    cert, key = make(tmp_path)  # for localhost
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    loop, asked = asyncio.get_running_loop(), []
    resolve = loop.getaddrinfo

    async def getaddrinfo(name, port, **options):
        asked.append(name)
        return await resolve("127.0.0.1", port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    with receiving(context) as receiver:
        way, url = Outbound(["127.0.0.1"]), receiver.url.replace("127.0.0.1", "localhost")
        answer = await way.post(url, {}, b"{}")
        assert (answer.status, answer.error) == (200, None)
        assert receiver.got[0].headers["host"] == url.split("/")[2]
        assert names == ["localhost"]
        assert asked == ["localhost"]
        wrong = await way.post(url.replace("localhost", "other.example.org"), {}, b"{}")
        assert wrong.status is None
        assert "CERTIFICATE_VERIFY_FAILED" in wrong.error
        assert len(receiver.got) == 1


@pytest.mark.one_database
def test_a_message_survives_a_kill_between_sending_and_writing_it_down(tmp_path):
    allowed = {"COGMILL_WEBHOOK_PRIVATE_ADDRESSES": '["127.0.0.1"]'}
    server = Served(tmp_path / "data", "--unsafe-no-sandbox", **allowed)
    with receiving() as receiver:
        try:
            server.start()
            base = f"/cogmill/v1/organizations/{server.keys['org_id']}/webhooks"
            made = server.client.post(base, json={"url": receiver.url, "event_types": ["session.created"]}).json()
            server.end()
            server.start(COGMILL_CRASH_AT="webhook_sent")
            server.create("Hello.", agent="runbook")
            assert server.process.wait(20) == -9
            assert len(receiver.got) == 1
            with sqlite3.connect(tmp_path / "data" / "cogmill.db") as db:
                db.execute("UPDATE webhook_delivery SET due_at = 1 WHERE state = 'sending'")
            server.start()
            deadline = time.monotonic() + 20
            while True:
                (one,) = server.client.get(f"{base}/{made['webhook_id']}/deliveries").json()["items"]
                if one["state"] == "delivered" or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            assert (one["state"], one["attempt"]) == ("delivered", 2)
            assert [got.id for got in receiver.got] == [one["delivery_id"]] * 2
            assert receiver.got[1].verified(made["secret"])["data"]["status"] == "new"
        finally:
            server.close()


async def test_the_row_is_written_with_the_change(hooks, server, sessions):
    made = await hooks.create()
    one = await sessions.create()
    rows = await server.read(lambda ctx: ctx.db.execute(select(webhook_delivery)).all())
    assert [(row.webhook_id, row.state) for row in rows] == [(made["webhook_id"], "pending")]
    assert one["session_id"] in rows[0].body
