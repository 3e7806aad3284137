"""Repositories of connections: who sees them and their indexes is decided by permissions, at every moment."""

import asyncio

from cogmill.access.scope import Scope
from cogmill.engine.loops.fetching import Fetching
from cogmill.scm.mirrors import MirrorCache
from cogmill.web.call import Call

from .test_repositories import Repositories, repositories

__all__ = ["repositories"]
CONNECTIONS = "/cogmill/v1/enterprise/git-connections"


class Connected(Repositories):
    """A connection to a provider, permissions for it, and copies as sessions leave them at the forge."""

    @property
    def data(self):
        return self.server.runtime.settings.data

    async def connect(self):
        self.top = await self.server.client("enterprise_admin")
        self.permissions = f"/v3/enterprise/organizations/{self.org}/git-providers/permissions"
        made = await self.top.post(CONNECTIONS, json={"git_provider_type": "github_token", "token": "tok-1f83"})
        assert made.status_code == 200, made.text
        self.connection = made.json()["git_connection_id"]

    async def allow(self, *permissions):
        wanted = [{"git_connection_id": self.connection} | one for one in permissions]
        answer = await self.top.put(self.permissions, json={"permissions": wanted})
        assert answer.status_code == 200, answer.text

    def copy(self, name, source, *, lent=True):
        made = self.make(name)
        (made.folder / "cogmill-source").write_text(source)
        if lent:
            (made.folder / "cogmill-lent").touch()

    async def paths(self):
        return [one["repo_path"] for one in (await self.ask("GET"))["items"]]


async def test_a_copy_is_seen_indexed_and_searched_while_it_may_be_used(server):
    place = Connected(server)
    await place.connect()
    place.make("home/own")
    place.copy("acme/app", "https://github.com/acme/app.git")
    place.copy("elsewhere/open", "https://example.org/elsewhere/open.git", lent=False)
    assert await place.paths() == ["elsewhere/open", "home/own"]
    await place.ask("PUT", "/acme/app/indexing", expect=404)

    await place.allow({"group_prefix": "acme"})
    shown = {one["repo_path"]: one for one in (await place.ask("GET"))["items"]}
    assert list(shown) == ["acme/app", "elsewhere/open", "home/own"]
    assert (shown["acme/app"]["git_connection_id"], shown["acme/app"]["git_connection_host"]) == (
        place.connection, "github.com",
    )  # fmt: skip
    assert shown["home/own"]["git_connection_id"] == "local"
    await place.ask("PUT", "/acme/app/indexing")
    await place.run()
    assert [one["repository_path"] for one in await place.search("total")] == ["acme/app"]

    await place.allow({"group_prefix": "others"})
    assert await place.search("total") == []  # what is indexed is no way around the permission
    assert await place.search("Shop of", kind="text", repo="acme/app") == []
    assert await place.paths() == ["elsewhere/open", "home/own"]
    off = await place.ask("DELETE", "/acme/app/indexing")  # it can still be taken away
    assert not off["indexing_enabled"]
    await place.run()
    assert not place.folder("acme/app").exists()


async def test_a_job_does_not_index_what_may_not_be_used_any_more(server):
    place = Connected(server)
    await place.connect()
    place.copy("acme/app", "https://github.com/acme/app.git")
    await place.allow({"repo_path": "acme/app"})
    await place.ask("PUT", "/acme/app/indexing")
    await place.allow({"repo_path": "acme/other"})
    await place.run()
    (job,) = (await place.ask("GET", place.jobs_path))["items"]
    assert job["status"] == "failed"
    assert "may not be used any more" in job["error"]


async def test_what_permissions_name_is_listed_before_it_was_fetched(server):
    place = Connected(server)
    await place.connect()
    await place.allow({"repo_path": "acme/app"}, {"repo_path": "group/deep/lib"}, {"group_prefix": "many"})
    assert await place.paths() == ["acme/app", "group/deep/lib"]
    (one, _) = (await place.ask("GET"))["items"]
    assert (one["git_connection_id"], one["last_updated_at"]) == (place.connection, None)
    assert not (await place.ask("GET", "/group/deep/lib/indexing"))["indexing_enabled"]
    place.copy("deep/lib", "https://github.com/group/deep/lib.git")
    assert await place.paths() == ["acme/app", "deep/lib"]
    on = await place.ask("PUT", "/group/deep/lib/indexing")  # the connection's path still leads there
    assert (on["repository_path"], on["branches"]) == ("deep/lib", ["main"])
    await place.run()
    for path in ("/group/deep/lib", "/deep/lib"):
        status = await place.ask("GET", f"{path}/indexing")
        assert status["latest_completed_search_index_job"]["branch_name"] == "main"
    assert (await place.ask("DELETE", "/group/deep/lib/indexing"))["repository_path"] == "deep/lib"


async def test_indexing_of_what_nobody_has_fetched_waits_for_a_job_that_does(server):
    place = Connected(server)
    await place.connect()
    await place.allow({"group_prefix": "acme"})
    for path in ("other/app", "acme", "acme//app", "acme/../other/app"):
        body = {"repositories": [{"repository_path": path}]}
        await place.ask("PUT", "/indexing", json=body, expect=404)
    on = await place.ask("PUT", "/acme/app/indexing")
    (job,) = on["indexing_status"]["latest_indexes"]
    assert (on["branches"], on["indexing_enabled"]) == ([], True)
    assert (job["branch_name"], job["commit"], job["status"]) == (None, "", "in_progress")
    again = await place.ask("PUT", "/acme/app/indexing", json={"branch_names": ["main", "next"]})
    assert (again["branches"], again["indexing_status"]["latest_indexes"]) == (["main", "next"], [job])
    assert (await place.ask("GET", "/indexing"))["items"] == [again]
    assert (await place.ask("DELETE", "/acme/app/indexing/branches/next"))["branches"] == ["main"]
    await place.run()  # it is no work for the loop that indexes
    assert (await place.ask("GET", place.jobs_path))["items"][0]["status"] == "queued"

    await place.allow({"repo_path": "acme/other"})
    fetching = Fetching(Call(server.runtime, Scope("", None), "fetch", None), MirrorCache(place.data / "mirrors"), int)
    await fetching.run_once()
    await asyncio.gather(*fetching.attempts())
    (shown,) = (await place.ask("GET", place.jobs_path))["items"]
    assert (shown["status"], shown["attempts"], shown["branch_name"], shown["commit"]) == ("failed", 1, None, None)
    assert "may not be used any more" in shown["error"]
    off = await place.ask("DELETE", "/acme/app/indexing")
    assert (off["indexing_enabled"], off["branches"]) == (False, [])
