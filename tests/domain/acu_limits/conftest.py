"""Sessions that spend against limits, and how the accounts stand."""

from typing import Any

import pytest

from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.usage import accounts
from cogmill.domain.usage.times import cycle_of
from cogmill.engine.metering import MICRO, Booked
from cogmill.engine.store import Store, claim

LIMITS = "/v3/enterprise/consumption/acu-limits/devin"
STANDINGS = "/cogmill/v1/enterprise/acu-limits"


class Spending:
    def __init__(self, server: Any, sessions: Any) -> None:
        self.server, self.sessions = server, sessions

    async def run(self, session_id: str) -> Store:
        """Claim the session, as the engine does."""
        row = await self.sessions.row(session_id)
        claimed = await claim(self.server.runtime, row.id)
        assert claimed is not None
        return Store(self.server.runtime, claimed)

    async def create(self, caller: str = "org_admin", **body: Any) -> Store:
        made = await self.sessions.create(caller, **body)
        return await self.run(made["session_id"])

    async def book(self, store: Store, acus: int, keep: int = 0) -> None:
        booked = Booked(acus, 1, 1, keep)
        event = NewEvent("step_completed", "shell", "s", {"acus": acus / MICRO})
        await store.append([event], booked=booked, use=booked.use())

    async def ask(
        self, method: str, path: str, expect: int = 204, caller: str = "enterprise_admin", **body: Any
    ) -> Any:
        client = await self.server.client(caller)
        answer = await client.request(method, path, **({"json": body} if body else {}))
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def limit(self, acus: int | None, path: str | None = None) -> None:
        path = path or f"{LIMITS}/organizations/{self.server.world.org}"
        if acus is None:
            await self.ask("DELETE", path)
        else:
            await self.ask("PUT", path, cycle_acu_limit=acus)

    async def stands(self, org_id: str | None = None, user_id: str | None = None) -> dict[str, accounts.Standing]:
        """Every limited account of sessions there, by kind."""

        def look(ctx: Any) -> dict[str, accounts.Standing]:
            found = accounts.of(ctx, org_id or self.server.world.org, user_id)
            return {one.account.kind: one for one in accounts.standings(ctx, found, cycle_of(ctx.now))}

        return await self.server.read(look)


@pytest.fixture
def spending(server, sessions):
    return Spending(server, sessions)
