"""Webhooks over HTTP, and the loop that sends them, driven by hand."""

import asyncio

import pytest
from sqlalchemy import update

from cogmill.access.scope import Scope
from cogmill.engine.loops.due import DueLoop
from cogmill.engine.loops.webhooks import Deliveries
from cogmill.models.webhooks import webhook_delivery
from cogmill.web.call import Call

from .receiver import receiving


class Hooks:
    def __init__(self, server, url):
        self.server, self.url = server, url
        self.base = f"/cogmill/v1/organizations/{server.world.org}/webhooks"
        self.above = "/cogmill/v1/enterprise/webhooks"
        self.call = Call(server.runtime, Scope("", None), "test", None)
        self.loop = Deliveries(self.call, lambda: self.driver.wake())  # noqa: PLW0108 - made below
        self.driver = DueLoop("webhooks", self.loop.run_once, server.runtime.clock)

    async def ask(self, method, path, *, caller=None, expect=200, **options):
        caller = caller or ("enterprise_admin" if path.startswith(self.above) else "org_admin")
        answer = await (await self.server.client(caller)).request(method, path, **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def create(self, base=None, *, expect=200, **body):
        return await self.ask("POST", base or self.base, expect=expect, json={"url": self.url} | body)

    def path(self, made):
        return f"{self.base if made['org_id'] else self.above}/{made['webhook_id']}"

    async def log(self, made, query=""):
        return (await self.ask("GET", f"{self.path(made)}/deliveries{query}"))["items"]

    async def send(self):
        """Make every attempt that is due; answers the seconds until the next one."""
        while True:
            due = await self.loop.run_once()
            wait = None if due is None else due - self.server.runtime.clock()
            tasks = self.loop.attempts()
            if not tasks and (wait is None or wait > 0.5):
                return wait
            if tasks:
                await asyncio.wait(tasks)
            await asyncio.sleep(0)

    async def make_due(self):
        """Time passes until the next attempt of everything that waits."""
        columns = webhook_delivery.c
        change = update(webhook_delivery).where(columns.due_at.is_not(None)).values(due_at=1.0)
        await self.server.write(lambda ctx: ctx.db.execute(change))


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def hooks(server, receiver):
    return Hooks(server, receiver.url)
