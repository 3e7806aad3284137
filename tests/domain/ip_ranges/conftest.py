"""Callers from chosen addresses."""

from contextlib import AsyncExitStack

import httpx
import pytest

PATH = "/v3/enterprise/ip-access-list"
HOME = ("127.0.0.1", 123)
"""Where the tests' usual clients come from."""


class Callers:
    """Clients of the application under test, each from an address of its own."""

    def __init__(self, server, stack):
        self.server, self.stack = server, stack

    async def at(self, address, caller="enterprise_admin", **headers):
        where = (address, 4000) if address else None
        transport = httpx.ASGITransport(self.server.app, client=where)
        if caller is not None:
            headers["authorization"] = f"Bearer {self.server.world.tokens[caller]}"
        client = httpx.AsyncClient(transport=transport, base_url="http://cogmill.test", headers=headers)
        return await self.stack.enter_async_context(client)

    async def status(self, address, caller="enterprise_admin", path="/v3/self", **headers):
        return (await (await self.at(address, caller, **headers)).get(path)).status_code

    async def change(self, method, ranges=None, expect=200, address=HOME[0]):
        client = await self.at(address)
        answer = await client.request(method, PATH, json=None if ranges is None else {"ip_ranges": ranges})
        assert answer.status_code == expect, answer.text
        return answer.json()


@pytest.fixture
async def callers(server):
    async with AsyncExitStack() as stack:
        yield Callers(server, stack)
