"""An outpost, sessions on it, and the calls of its workers."""

from dataclasses import dataclass
from typing import Any

import pytest

QUEUE = "/opbeta/outposts/devins"


@dataclass
class Outpost:
    """One outpost of the enterprise, asked as its administrator and as a member of an organization."""

    server: Any
    outpost_id: str

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        answer = await (await self.server.client("enterprise_admin")).request(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def session(self, status: int = 200, **more: Any) -> Any:
        body = {"prompt": "Go.", "platform": self.outpost_id} | more
        answer = await (await self.server.client("org_admin")).post(self.server.sessions, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()["session_id"] if status == 200 else answer.json()["detail"]

    async def listed(self, **query: Any) -> list[str]:
        found = await self.ask("GET", QUEUE, params={"outpost": self.outpost_id} | query)
        return [one["metadata"]["session_id"] for one in found["items"]]

    async def entry(self, session_id: str, status: int = 200) -> Any:
        return await self.ask("GET", f"{QUEUE}/{session_id}", status)

    async def claim(self, session_id: str, acceptor: str = "w1", status: int = 200) -> Any:
        return await self.ask("POST", f"{QUEUE}/{session_id}/claim", status, json={"acceptor_id": acceptor})

    async def release(self, session_id: str, acceptor: str = "w1", status: int = 200) -> Any:
        return await self.ask("POST", f"{QUEUE}/{session_id}/release", status, json={"acceptor_id": acceptor})

    async def of_session(self, session_id: str, method: str = "DELETE", rest: str = "", **more: Any) -> Any:
        path = f"{self.server.sessions}/{session_id}{rest}"
        answer = await (await self.server.client("org_admin")).request(method, path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def outpost(server):
    made = Outpost(server, "")
    body = {"name": "Basement", "platform": "linux", "allowed_org_ids": [server.world.org]}
    made.outpost_id = (await made.ask("POST", "/opbeta/outposts", json=body))["metadata"]["outpost_id"]
    return made
