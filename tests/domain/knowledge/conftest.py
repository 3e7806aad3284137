"""Knowledge over HTTP."""

import pytest


class Knowledge:
    """Notes and folders of the main organization, and those that its enterprise shares."""

    def __init__(self, server):
        self.server = server
        self.of_org = f"/v3/organizations/{server.world.org}/knowledge/notes"
        self.shared = "/v3/enterprise/knowledge/notes"
        self.org_folders = f"/cogmill/v1/organizations/{server.world.org}/knowledge/folders"
        self.shared_folders = "/cogmill/v1/enterprise/knowledge/folders"

    async def ask(self, method, path, *, caller="org_admin", expect=200, **options):
        answer = await (await self.server.client(caller)).request(method, path, **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def create(self, name="Deploys", *, expect=200, **more):
        body = {"name": name, "body": f"Text of {name}.", "trigger": f"When it is about {name}"} | more
        return await self.ask("POST", self.of_org, expect=expect, json=body)

    async def share(self, name="Shared", *, expect=200, **more):
        body = {"name": name, "body": f"Text of {name}.", "trigger": f"When it is about {name}"} | more
        return await self.ask("POST", self.shared, caller="enterprise_admin", expect=expect, json=body)

    async def replace(self, note, *, expect=200, **more):
        body = {name: note[name] for name in ("name", "body", "trigger")} | more
        return await self.ask("PUT", f"{self.of_org}/{note['note_id']}", expect=expect, json=body)

    async def folder(self, name, *, expect=200, **more):
        return await self.ask("POST", self.org_folders, expect=expect, json={"name": name} | more)

    async def change_folder(self, folder, *, expect=200, **change):
        return await self.ask("PATCH", f"{self.org_folders}/{folder['folder_id']}", expect=expect, json=change)

    async def names(self, *, path=None, caller="org_admin", **query):
        page = await self.ask("GET", path or self.of_org, caller=caller, params=query)
        return [one["name"] for one in page["items"]]


@pytest.fixture
def knowledge(server):
    return Knowledge(server)
