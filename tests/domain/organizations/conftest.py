"""Calls as an administrator of the enterprise."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from cogmill.models.audit import audit_log

BASE = "/v3/enterprise/organizations"


@dataclass
class Enterprise:
    server: Any
    caller: str = "enterprise_admin"

    async def ask(self, method: str, path: str, *, expect: int = 200, **options: Any) -> Any:
        client = await self.server.client(self.caller)
        answer = await client.request(method, path, **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def org(self, method: str, org_id: str, rest: str = "", *, expect: int = 200, **body: Any) -> Any:
        options = {"json": body} if method in {"POST", "PUT", "PATCH"} else {}
        return await self.ask(method, f"{BASE}/{org_id}{rest}", expect=expect, **options)

    async def create(self, name: str = "new", *, expect: int = 200, **body: Any) -> Any:
        return await self.ask("POST", BASE, json={"name": name} | body, expect=expect)

    async def audit(self) -> Any:
        """The newest audit record."""
        query = select(audit_log).order_by(audit_log.c.id.desc()).limit(1)
        return await self.server.read(lambda ctx: ctx.db.execute(query).one())


@pytest.fixture
def enterprise(server):
    return Enterprise(server)


@pytest.fixture
def org(server):
    return server.world.org
