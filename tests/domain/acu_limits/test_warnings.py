"""Warnings that a limit is half, nearly or wholly used: once for each, to webhooks and by mail."""

import json

import pytest
from sqlalchemy import insert, select

from cogmill.domain.sessions.states import Detail, Trigger
from cogmill.engine.metering import MICRO, Booked
from cogmill.models.access import role_assignment
from cogmill.models.mails import mail
from cogmill.models.webhooks import webhook_delivery

MAIL = {"mail_from": "cogmill@example.org", "smtp_url": "smtp://127.0.0.1:1"}
WHOLE = "/cogmill/v1/enterprise/acu-limit"


@pytest.fixture
def told(server):
    """What webhooks are told: (webhook, data), oldest first."""

    async def read():
        query = select(webhook_delivery).where(webhook_delivery.c.event_type == "limit.warning")
        rows = await server.read(lambda ctx: ctx.db.execute(query.order_by(webhook_delivery.c.delivery_id)).all())
        return [(one.webhook_id, json.loads(one.body)["data"]) for one in rows]

    return read


@pytest.fixture
def mails(server):
    async def read():
        query = select(mail.c.recipient, mail.c.subject, mail.c.body).order_by(mail.c.message_id)
        return await server.read(lambda ctx: ctx.db.execute(query).all())

    return read


@pytest.mark.settings(**MAIL)
async def test_each_threshold_is_told_once(server, ids, spending, told, mails):
    world = server.world
    await ids.invite("boss@example.com", role="enterprise_admin")
    group = await ids.group("billing", (await ids.invite("clerk@example.com"))[0]["user_id"])
    rights = {"principal_id": group, "org_id": world.org, "role_id": await ids.role("org_admin"), "created_at": 1.0}
    await ids.execute(insert(role_assignment).values(rights))
    person = world.ids["person"]
    hook = {"url": "https://hooks.example.com/x", "event_types": ["limit.*"]}
    here = await spending.ask("POST", f"/cogmill/v1/organizations/{world.org}/webhooks", 200, **hook)
    above = await spending.ask("POST", "/cogmill/v1/enterprise/webhooks", 200, **hook)
    here, above = here["webhook_id"], above["webhook_id"]
    await spending.limit(10)
    await spending.limit(40, f"/cogmill/v1/enterprise/members/users/{person}/acu-limit")
    one = await spending.create("person")
    await spending.book(one, 4 * MICRO)
    assert await told() == []
    await spending.book(one, 2 * MICRO)
    await spending.book(one, 1 * MICRO)
    facts = dict(await told())
    assert set(facts) == {here, above}
    assert facts[here] == facts[above]
    assert {name: facts[here][name] for name in ("scope", "org_id", "threshold", "cycle_acu_limit", "acus_used")} == {
        "scope": "org", "org_id": world.org, "threshold": 50, "cycle_acu_limit": 10, "acus_used": 6.0,
    }  # fmt: skip
    await spending.book(one, 3 * MICRO)  # all of it: four fifths are no news any more
    await spending.limit(100)
    await spending.limit(11, WHOLE)
    await spending.book(one, 10 * MICRO)
    found = [(hook == here, one["scope"], one["threshold"]) for hook, one in await told()]
    assert sorted(found) == [
        (False, "enterprise", 100), (False, "org", 50), (False, "org", 100), (False, "user", 50),
        (True, "org", 50), (True, "org", 100),
    ]  # fmt: skip
    email = await server.read(lambda ctx: address(ctx, person))
    sent = [(one.recipient, one.subject) for one in await mails()]
    of_the_organization = ("boss@example.com", "clerk@example.com")
    half = "50 % of the cycle limit of the user are used"
    assert sorted(sent) == sorted(
        [
            (email, half), ("boss@example.com", half),
            *((one, "50 % of the cycle limit of the organization are used") for one in of_the_organization),
            *((one, "The cycle limit of the organization is used up") for one in of_the_organization),
            ("boss@example.com", "The cycle limit of the enterprise is used up"),
        ]
    )  # fmt: skip
    assert all(world.org in one.body for one in await mails() if "organization" in one.subject)


def address(ctx, user_id):
    from cogmill.models.access import user

    return ctx.db.execute(select(user.c.email).where(user.c.user_id == user_id)).scalar_one()


async def test_a_session_that_is_suspended_tells_that_the_limit_is_used_up(server, spending, told, mails):
    hook = {"url": "https://hooks.example.com/x"}
    await spending.ask("POST", "/cogmill/v1/enterprise/webhooks", 200, **hook)
    await spending.limit(3, WHOLE)
    for _ in range(2):
        one = await spending.create()
        await one.start()
        assert (await one.reserve(4 * MICRO, 0, 0)).refused is not None
        suspended = {"booked": Booked(0, 0, 1), "heard": 9, "reason": "r", "used_up": "enterprise"}
        await one.settle(Trigger.SUSPEND, Detail.OUT_OF_QUOTA, [], **suspended)
    assert [(data["scope"], data["threshold"]) for _, data in await told()] == [("enterprise", 100)]
    assert await mails() == []  # no mail server is configured
