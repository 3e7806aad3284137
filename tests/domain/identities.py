"""Calls on members, roles, service users and keys, as any caller of the tests' world."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from cogmill.kit.ids import new_id
from cogmill.models.access import idp_group, idp_group_member, role
from cogmill.models.audit import audit_log


@dataclass
class Identities:
    server: Any

    @property
    def world(self) -> Any:
        return self.server.world

    @property
    def enterprise(self) -> str:
        return "/v3/enterprise/members"

    @property
    def organization(self) -> str:
        return f"/v3/enterprise/organizations/{self.world.org}/members"

    async def ask(
        self, method: str, path: str, caller: str = "enterprise_admin", expect: int = 200, **body: Any
    ) -> Any:
        client = await self.server.client(caller)
        options = {"json": body} if method in {"POST", "PUT", "PATCH"} else {"params": body}
        answer = await client.request(method, path, **options)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def refused(self, method: str, path: str, expect: int, *words: str, **options: Any) -> None:
        detail = (await self.ask(method, path, expect=expect, **options))["detail"]
        assert all(word in detail for word in words), detail

    async def works(self, token: str) -> bool:
        """Whether a token is accepted, with no rights asked."""
        return await self.status(token, "/v3/self") == 200

    async def status(self, token: str, path: str, method: str = "GET", **options: Any) -> int:
        client = await self.server.client()
        headers = {"authorization": f"Bearer {token}"}
        return (await client.request(method, path, headers=headers, **options)).status_code

    async def role(self, name: str) -> str:
        """Id of a default role, by its internal name."""
        query = select(role.c.role_id).where(
            role.c.internal_name == name, role.c.enterprise_id == self.world.enterprise
        )
        return await self.server.read(lambda ctx: ctx.db.execute(query).scalar_one())

    async def custom_role(self, *permissions: str, role_type: str = "org", name: str | None = None) -> str:
        body = {"name": name or new_id("name"), "role_type": role_type, "permissions": list(permissions)}
        return (await self.ask("POST", "/cogmill/v1/enterprise/roles", **body))["role_id"]

    async def invite(self, *emails: str, role: str = "enterprise_member", **options: Any) -> Any:
        body = {"emails": list(emails), "enterprise_role_id": await self.role(role)}
        return await self.ask("POST", f"{self.enterprise}/users", **body, **options)

    async def token(self, user_id: str, **options: Any) -> str:
        """A personal access token."""
        path = f"/cogmill/v1/enterprise/members/users/{user_id}/tokens"
        return (await self.ask("POST", path, name="token", **options))["token"]

    async def group(self, name: str, *user_ids: str) -> str:
        """A registered group with members, who come by sign-in in real life."""
        await self.ask("POST", "/v3/enterprise/idp-groups", idp_group_names=[name])
        query = select(idp_group.c.idp_group_id).where(
            idp_group.c.name == name, idp_group.c.enterprise_id == self.world.enterprise
        )
        found = await self.server.read(lambda ctx: ctx.db.execute(query).scalar_one())
        rows = [{"idp_group_id": found, "user_id": one} for one in user_ids]
        if rows:
            await self.server.write(lambda ctx: ctx.db.execute(insert(idp_group_member), rows))
        self.server.runtime.authenticator.forget()
        return found

    async def execute(self, statement: Any) -> None:
        await self.server.write(lambda ctx: ctx.db.execute(statement))
        self.server.runtime.authenticator.forget()

    async def audit(self) -> Any:
        """The newest audit record."""
        query = select(audit_log).order_by(audit_log.c.id.desc()).limit(1)
        return await self.server.read(lambda ctx: ctx.db.execute(query).one())

    async def pages(self, path: str, first: int, **query: Any) -> list[Any]:
        """All items of a list, fetched page by page."""
        found: list[Any] = []
        after = None
        while True:
            more = {"after": after} if after else {}
            page = await self.ask("GET", path, first=first, **more, **query)
            assert len(page["items"]) <= first
            assert page["has_next_page"] == (page["end_cursor"] is not None)
            found += page["items"]
            after = page["end_cursor"]
            if after is None:
                return found
