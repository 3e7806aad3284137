"""Browsers of people, and accounts with passwords."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from sqlalchemy import select, update

from cogmill.access.passwords import hash_password
from cogmill.models.access import user
from cogmill.models.audit import audit_log

PASSWORD = "correct horse battery staple"
HASH = hash_password(PASSWORD)
PAGE = {"x-cogmill-page": "1", "origin": "http://cogmill.test", "sec-fetch-site": "same-origin"}


class Door:
    """Browsers at the application of a test."""

    def __init__(self, server, stack):
        self.server, self.stack = server, stack

    async def browser(self, **headers):
        transport = httpx.ASGITransport(self.server.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://cogmill.test", headers=PAGE | headers)
        return await self.stack.enter_async_context(client)

    async def sign_in(self, name="person", password=PASSWORD, expect=200, browser=None):
        browser = browser or await self.browser()
        given = {"email": f"{name}@example.org", "password": password}
        answer = await browser.post("/cogmill/v1/sign-in", json=given)
        assert answer.status_code == expect, answer.text
        return browser

    async def set(self, name="person", **values):
        change = update(user).where(user.c.user_id == self.server.world.ids[name]).values(values)
        await self.server.write(lambda ctx: ctx.db.execute(change))

    async def records(self, action, count=1):
        """The newest records of an action; those of refusals are written behind the answer."""
        query = select(audit_log).where(audit_log.c.action == action).order_by(audit_log.c.id.desc())
        async with asyncio.timeout(5):
            while len(rows := await self.server.read(lambda ctx: ctx.db.execute(query).all())) < count:
                await asyncio.sleep(0.01)
        return rows


@pytest.fixture
async def door(server):
    async with AsyncExitStack() as stack:
        door = Door(server, stack)
        await door.set(password_hash=HASH)
        yield door
