"""A pull request at a provider that a session opened, and the loop that asks for it."""

import hashlib
import hmac
import json

import pytest
from sqlalchemy import select, update

from cogmill.access.scope import Scope
from cogmill.domain.pull_requests.service import note_provided
from cogmill.models.sessions import pull_request
from cogmill.web.call import Call
from tests.providers import KINDS, ProviderServer, Pull

FACTS = {
    "repo": "acme/app", "title": "Title", "body": "", "branch": "cogmill/x", "base_branch": "main",
    "base_commit": "a" * 40, "head_commit": "b" * 40, "number": 7, "state": "open", "provider_path": "acme/app",
}  # fmt: skip


class Known:
    """A pull request at a provider that a session opened."""

    def __init__(self, server, sessions, provider):
        self.server, self.sessions, self.provider = server, sessions, provider
        self.call = Call(server.runtime, Scope("", None), "test", None)

    async def make(self):
        self.top = await self.server.client("enterprise_admin")
        body = {"git_provider_type": KINDS[self.provider.flavour], "address": self.provider.address}
        made = await self.top.post(
            "/cogmill/v1/enterprise/git-connections", json=body | {"token": self.provider.token}
        )  # fmt: skip
        self.connection = made.json()
        self.provider.pulls.append(Pull("acme/app", 7, "cogmill/x", "main", "Title", ""))
        self.parent_id = (await self.sessions.create())["session_id"]
        self.session_id = (await self.sessions.create(parent=self.parent_id))["session_id"]
        row = await self.sessions.row(self.session_id)
        facts = FACTS | {"git_connection_id": self.connection["git_connection_id"], "url": "https://example.org/7"}
        await self.server.write(lambda ctx: note_provided(ctx, row.id, facts, ctx.now + 1000))

    async def allow(self, **more):
        path = f"/v3/enterprise/organizations/{self.server.world.org}/git-providers/permissions"
        given = {"git_connection_id": self.connection["git_connection_id"], "repo_path": "acme/app"} | more
        answer = await self.top.put(path, json={"permissions": [given]})
        assert answer.status_code == 200, answer.text

    async def row(self):
        at_provider = select(pull_request).where(pull_request.c.git_connection_id.is_not(None))
        return await self.server.read(lambda ctx: ctx.db.execute(at_provider).one())

    async def make_due(self):
        await self.server.write(lambda ctx: ctx.db.execute(update(pull_request).values(check_at=ctx.now - 1)))

    async def state(self):
        return (await self.sessions.ask("GET", self.session_id))["pull_requests"][0]["pr_state"]

    async def told(self):
        return [one["state"] for one in await self.contents("pull_request_changed")]

    async def contents(self, event_type):
        events = await self.sessions.ask("GET", self.session_id, "/events/details")
        return [one["contents"] for one in events["items"] if one["event_type"] == event_type]

    def merge(self):
        self.provider.pulls[0].state, self.provider.pulls[0].merged = "closed", True

    def delivery(self, number=7, **wrong):
        """A body and headers as this provider sends them."""
        secret = self.connection["webhook_secret"]
        if self.provider.flavour == "gitlab":
            found = {"object_kind": "merge_request", "project": {"path_with_namespace": "Acme/app"}}
            raw = json.dumps(found | {"object_attributes": {"iid": number, "state": "merged"}})
            return raw, {"x-gitlab-token": secret, "x-gitlab-event": "Merge Request Hook"} | wrong
        found = {"action": "closed", "repository": {"full_name": "Acme/app"}}
        raw = json.dumps(found | {"number": number, "pull_request": {"number": number, "merged": True}})
        mac = hmac.new(secret.encode(), raw.encode(), hashlib.sha256).hexdigest()
        if self.provider.flavour == "github":
            return raw, {"x-hub-signature-256": f"sha256={mac}", "x-github-event": "pull_request"} | wrong
        return raw, {"x-gitea-signature": mac, "x-gitea-event": "pull_request"} | wrong

    async def deliver(self, raw, headers, connection_id=None):
        nobody = await self.server.client("nobody")
        connection_id = connection_id or self.connection["git_connection_id"]
        return await nobody.post(f"/cogmill/v1/git-connections/{connection_id}/webhook", content=raw, headers=headers)


@pytest.fixture
async def known(server, sessions, tmp_path, request):
    provider = ProviderServer(getattr(request, "param", "github"), tmp_path / "provider")
    (provider.folder / "acme" / "app.git").mkdir(parents=True)
    made = Known(server, sessions, provider)
    await made.make()
    yield made
    provider.close()
