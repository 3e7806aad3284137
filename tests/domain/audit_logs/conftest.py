"""Records of the main enterprise: made in any number, listed, checked."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select

from cogmill.domain.audit_logs import chain
from cogmill.domain.audit_logs.verify import check
from cogmill.models.audit import audit_log
from tests.factories import BEGINNING, KEYRING


def put(db, world, number, **values):
    """Append record `number`; records are a minute apart."""
    given = {"org_id": world.org, "action": "create_session", "at": BEGINNING + 60 * number, "user_id": None}
    given |= {"service_user_id": world.ids["org_admin"], "data": {"number": number}} | values
    chain.append(db, KEYRING, enterprise_id=world.enterprise, request_id=f"req-{number}", **given)


@dataclass
class Log:
    server: object

    async def rows(self, enterprise=None):
        """All records of the enterprise, oldest first."""
        columns = audit_log.c
        mine = select(audit_log).where(columns.enterprise_id == (enterprise or self.server.world.enterprise))
        return await self.server.read(lambda ctx: ctx.db.execute(mine.order_by(columns.id)).all())

    async def last(self):
        return (await self.rows())[-1]

    async def fill(self, count, **values):
        def work(ctx):
            for number in range(count):
                put(ctx.db, self.server.world, number, **values)

        await self.server.write(work)

    async def check(self):
        return await self.server.read(lambda ctx: check(ctx.db, KEYRING, self.server.world.enterprise))

    async def ask(self, query="", *, org=None, caller="enterprise_admin", expect=200):
        scope = f"/v3/enterprise/organizations/{org}" if org else "/v3/enterprise"
        answer = await (await self.server.client(caller)).get(f"{scope}/audit-logs?{query}")
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def numbers(self, query="", **options):
        return [one["data"]["number"] for one in (await self.ask(query, **options))["items"]]


@pytest.fixture
def log(server):
    return Log(server)
