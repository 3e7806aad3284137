"""Repositories of connections: who sees them and their indexes is decided by permissions, at every moment."""

from .test_repositories import Repositories, repositories

__all__ = ["repositories"]
CONNECTIONS = "/cogmill/v1/enterprise/git-connections"


class Connected(Repositories):
    """A connection to a provider, permissions for it, and copies as sessions leave them at the forge."""

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
    told = await place.ask("PUT", "/acme/app/indexing", expect=409)
    assert "start a session on it" in told["detail"]
    assert not (await place.ask("GET", "/group/deep/lib/indexing"))["indexing_enabled"]
    place.copy("deep/lib", "https://github.com/group/deep/lib.git")
    assert await place.paths() == ["acme/app", "deep/lib"]
