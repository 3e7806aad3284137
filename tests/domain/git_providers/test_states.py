"""How a pull request stands at its provider: asked for when due, at once after a signed webhook, never when closed."""

import hashlib
import hmac

import pytest

from cogmill.engine.loops import pull_requests as loop

each_provider = pytest.mark.parametrize("known", ["github", "gitlab", "gitea"], indirect=True)


@each_provider
async def test_a_merge_is_seen_by_asking_and_then_nobody_asks_any_more(known):
    asked = len(known.provider.seen)
    assert await loop.run_once(known.call) == (await known.row()).check_at
    assert len(known.provider.seen) == asked  # it was not due
    await known.make_due()
    await loop.run_once(known.call)
    assert (await known.state(), await known.told()) == ("open", [])
    known.merge()
    await known.make_due()
    assert await loop.run_once(known.call) is None
    assert (await known.state(), await known.told()) == ("merged", ["merged"])
    asked = len(known.provider.seen)
    await loop.run_once(known.call)
    assert len(known.provider.seen) == asked


@each_provider
async def test_a_signed_webhook_has_it_looked_at_at_once(known):
    known.merge()
    answer = await known.deliver(*known.delivery())
    assert (answer.status_code, answer.json()) == (200, {"pull_requests": 1})
    await loop.run_once(known.call)
    assert (await known.state(), await known.told()) == ("merged", ["merged"])
    # Opened again and closed: a webhook makes it known, too.
    known.provider.pulls[0].state, known.provider.pulls[0].merged = "open", False
    await known.deliver(*known.delivery())
    await loop.run_once(known.call)
    assert await known.state() == "open"
    known.provider.pulls[0].state = "closed"
    await known.deliver(*known.delivery())
    await known.deliver(*known.delivery())
    await loop.run_once(known.call)
    assert await known.told() == ["merged", "open", "closed"]


@each_provider
async def test_what_is_not_signed_is_refused_and_does_nothing(known):
    before = await known.row()
    raw, headers = known.delivery()
    for wrong in (dict.fromkeys(headers, "sha256=00"), {}, {name: value[:-1] for name, value in headers.items()}):
        assert (await known.deliver(raw, wrong)).status_code == 403
    if known.provider.flavour != "gitlab":  # which signs with a token, whatever the body
        assert (await known.deliver(raw.replace("7", "8"), headers)).status_code == 403
    unknown = await known.deliver(raw, headers, "git-connection-0")
    assert unknown.status_code == 403
    assert await known.row() == before


async def test_deliveries_about_other_things_are_taken_and_ignored(known):
    for raw in (
        b"[]",
        b'{"zen": "x"}',
        b'{"pull_request": {"number": "7"}}',
        b'{"pull_request": null, "repository": 1}',
    ):
        mac = hmac.new(known.connection["webhook_secret"].encode(), raw, hashlib.sha256).hexdigest()
        answer = await known.deliver(raw, {"x-hub-signature-256": f"sha256={mac}"})
        assert (answer.status_code, answer.json()) == (200, {"pull_requests": 0})
    raw, headers = known.delivery(number=8)
    assert (await known.deliver(raw, headers)).json() == {"pull_requests": 0}


async def test_a_provider_that_fails_is_asked_again_later_and_a_connection_that_is_gone_never(known):
    await known.make_due()
    token, known.provider.token = known.provider.token, "other"
    due = await loop.run_once(known.call)
    assert due > known.server.runtime.clock() + 60
    known.provider.token = token
    await known.top.delete(f"/cogmill/v1/enterprise/git-connections/{known.connection['git_connection_id']}")
    await known.make_due()
    assert await loop.run_once(known.call) is None
    assert await known.state() == "open"


async def test_a_webhook_that_comes_while_it_is_asked_counts(known, monkeypatch):
    """The answer may be older than the webhook: it is asked once more."""
    await known.make_due()
    ask, first = loop._ask, []

    async def slow(call, row, connection):
        found = await ask(call, row, connection)
        if not first:
            first.append(row)
            known.merge()
            await known.deliver(*known.delivery())
        return found

    monkeypatch.setattr(loop, "_ask", slow)
    await loop.run_once(known.call)
    assert await known.state() == "merged"
