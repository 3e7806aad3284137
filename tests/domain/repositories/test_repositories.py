"""Repositories over HTTP: the list, turning indexing on and off, state and jobs, search of code."""

from urllib.parse import quote

import pytest
from sqlalchemy import select

from cogmill.code_index.running import index_folder
from cogmill.domain.repositories import indexing, jobs
from cogmill.engine.loops.indexing import Indexing, catch_up, run_once
from cogmill.models.audit import audit_log
from cogmill.models.repositories import code_search, index_job
from tests.code_index.repository import Repository

PYTHON = {
    "src/shop/orders.py": "class Order:\n    def total(self):\n        return 3\n",
    "README.md": "# Shop of orders\n",
}


class Repositories:
    def __init__(self, server):
        self.server, self.org = server, server.world.org
        self.base = f"/v3beta1/organizations/{self.org}/repositories"
        self.search_path = f"/cogmill/v1/organizations/{self.org}/code-search"
        self.jobs_path = f"/cogmill/v1/organizations/{self.org}/index-jobs"
        self.loop = Indexing(server.runtime)

    async def ask(self, method, path="", *, caller="org_admin", expect=200, **options):
        address = path if path.startswith("/cogmill") else self.base + path
        answer = await (await self.server.client(caller)).request(method, address, **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def make(self, name, files=PYTHON, org=None, branch="main"):
        folder = self.server.runtime.settings.data / "forge" / (org or self.org) / f"{name}.git"
        made = Repository(folder, branch)
        if files:
            made.write(files)
        return made

    def folder(self, name):
        return index_folder(self.server.runtime.settings.data, self.org, name)

    async def run(self):
        await self.loop.run_once()

    async def search(self, query, *, expect=200, caller="org_admin", **more):
        answer = await self.ask("GET", self.search_path, params={"query": query, **more}, expect=expect, caller=caller)
        return answer["items"] if expect == 200 else answer


@pytest.fixture
def repositories(server):
    return Repositories(server)


async def test_the_list_has_what_lies_at_the_forge(repositories):
    assert (await repositories.ask("GET"))["items"] == []
    for name in ("acme/web", "acme/api", "ops/tools"):
        repositories.make(name)
    repositories.make("other/hidden", org=repositories.server.world.second_org)
    (one, *_), page = (await repositories.ask("GET"))["items"], await repositories.ask("GET", "?first=2")
    assert one | {"last_updated_at": 0} == {
        "repo_path": "acme/api", "repo_name": "api", "git_connection_id": "local", "git_connection_host": "local",
        "provider_repository_id": "acme/api", "repo_description": None, "repo_language": None, "indexing_status": None,
        "last_updated_at": 0,
    }  # fmt: skip
    assert one["last_updated_at"] > 1_700_000_000
    assert [one["repo_path"] for one in page["items"]] == ["acme/api", "acme/web"]
    rest = await repositories.ask("GET", f"?first=2&after={page['end_cursor']}")
    assert ([one["repo_path"] for one in rest["items"]], rest["has_next_page"]) == (["ops/tools"], False)

    async def paths(query):
        return [one["repo_path"] for one in (await repositories.ask("GET", query))["items"]]

    assert await paths("?filter_name=WEB") == ["acme/web"]
    assert await paths("?only_repo_paths=acme/web,ops/tools") == ["acme/web", "ops/tools"]
    assert await paths("?exclude_repo_paths=acme/web&exclude_repo_paths=acme/api") == ["ops/tools"]
    await repositories.ask("GET", "?after=nonsense", expect=422)


@pytest.mark.parametrize("spelling", ["acme/app", quote("acme/app", safe="")])
async def test_the_life_of_an_index(repositories, spelling):
    made = repositories.make("acme/app")
    nothing = {"branches": [], "indexing_enabled": False, "repository_path": "acme/app"}
    status = await repositories.ask("GET", f"/{spelling}/indexing")
    assert status == {
        "indexing_enabled": False, "latest_completed_search_index_job": None, "latest_completed_wiki_index_job": None,
        "latest_indexes": [],
    }  # fmt: skip
    on = await repositories.ask("PUT", f"/{spelling}/indexing")
    assert (on["branches"], on["indexing_enabled"], on["repository_path"]) == (["main"], True, "acme/app")
    (job,) = on["indexing_status"]["latest_indexes"]
    head = made.git("rev-parse", "main")
    assert (job["status"], job["commit"], job["branch_name"]) == ("in_progress", head, "main")
    await repositories.run()
    status = await repositories.ask("GET", f"/{spelling}/indexing")
    assert status["latest_completed_search_index_job"] == job | {"status": "completed"} == status["latest_indexes"][0]
    listed = await repositories.ask("GET", "/indexing")
    assert [(one["repository_path"], one["indexing_status"]) for one in listed["items"]] == [("acme/app", status)]
    (shown,) = (await repositories.ask("GET", "?load_indexing_status=true"))["items"]
    assert (shown["indexing_status"], shown["repo_language"]) == (status, "python")
    (hit,) = await repositories.search("total")
    assert hit == {
        "repository_path": "acme/app", "branch": "main", "commit": head, "path": "src/shop/orders.py", "line": 2,
        "language": "python", "end_line": 3, "name": "total", "symbol_kind": "method", "container": "Order",
        "text": "    def total(self):",
    }  # fmt: skip
    off = await repositories.ask("DELETE", f"/{spelling}/indexing")
    assert {key: off[key] for key in nothing} == nothing
    assert await repositories.search("total") == []
    assert repositories.folder("acme/app").exists()
    await repositories.run()
    assert not repositories.folder("acme/app").exists()
    assert (await repositories.ask("GET", "/indexing"))["items"] == []
    actions = select(audit_log.c.action).where(audit_log.c.action.contains("repositor"))
    done = await repositories.server.read(lambda ctx: ctx.db.execute(actions.order_by(audit_log.c.id)).scalars().all())
    assert done == ["index_repositories", "remove_repository_indexing"]


async def test_no_job_twice_and_a_moved_branch_gets_one(repositories):
    made = repositories.make("acme/app")
    for _ in range(2):
        await repositories.ask("PUT", "/acme/app/indexing")
    made.write({"a.py": "def a(): ...\n"})  # what waits takes the newest commit
    await repositories.ask("PUT", "/acme/app/indexing", json={})
    await repositories.run()
    await repositories.ask("PUT", "/acme/app/indexing", json={"branch_names": ["main"]})
    found = (await repositories.ask("GET", repositories.jobs_path))["items"]
    assert [(one["status"], one["commit"]) for one in found] == [("done", made.git("rev-parse", "main"))]
    assert (found[0]["files_total"], found[0]["files_parsed"], found[0]["attempts"]) == (3, 3, 1)
    made.write({"a.py": "def b(): ...\n", "README.md": None})
    await catch_up(repositories.loop._call)
    await repositories.run()
    latest = (await repositories.ask("GET", f"{repositories.jobs_path}?repository_path=acme/app&first=1"))["items"][0]
    assert (latest["files_total"], latest["files_parsed"]) == (1, 1)
    assert [one["name"] for one in await repositories.search("b")] == ["b"]


async def test_branches_are_chosen_exchanged_and_removed(repositories):
    made = repositories.make("acme/app")
    for branch in ("release/1.0", "a/indexing"):
        made.git("update-ref", f"refs/heads/{branch}", "main")
        made.write({f"{branch}.py": "def only_here(): ...\n"}, branch)
    path = "/acme/app/indexing"
    on = await repositories.ask("PUT", path, json={"branch_names": ["release/1.0", "main", "a/indexing"]})
    assert on["branches"] == ["a/indexing", "main", "release/1.0"]
    await repositories.run()
    assert await repositories.search("only_here") == []  # the default branch counts
    (hit,) = await repositories.search("only_here", branch="release/1.0")
    assert (hit["branch"], hit["path"]) == ("release/1.0", "release/1.0.py")
    left = await repositories.ask("DELETE", f"{path}/branches/{quote('a/indexing', safe='')}")
    assert left["branches"] == ["main", "release/1.0"]
    await repositories.ask("DELETE", f"{path}/branches/a/indexing", expect=404)
    left = await repositories.ask("PUT", path, json={"branch_names": ["release/1.0"]})
    assert left["branches"] == ["release/1.0"]
    assert [one["branch"] for one in await repositories.search("only_here")] == ["release/1.0"]
    left = await repositories.ask("DELETE", f"{path}/branches/release/1.0")
    assert (left["branches"], left["indexing_enabled"]) == ([], False)
    await repositories.run()
    assert not repositories.folder("acme/app").exists()


async def test_many_at_once_are_all_or_none(repositories):
    for name in ("acme/a", "acme/b"):
        repositories.make(name)
    wanted = [{"repository_path": "acme/a"}, {"repository_path": "acme/b", "branch_names": ["main"]}]
    both = await repositories.ask("PUT", "/indexing", json={"repositories": wanted})
    assert [(one["repository_path"], one["branches"]) for one in both] == [("acme/a", ["main"]), ("acme/b", ["main"])]
    missing = [{"repository_path": "acme/a"}, {"repository_path": "acme/none"}]
    told = await repositories.ask("PUT", "/indexing", json={"repositories": missing}, expect=404)
    assert "'acme/none'" in told["detail"]
    gone = {"repository_paths": ["acme/a", "acme/none"]}
    await repositories.ask("DELETE", "/indexing", json=gone, expect=404)
    assert len((await repositories.ask("GET", "/indexing"))["items"]) == 2
    off = await repositories.ask("DELETE", "/indexing", json={"repository_paths": ["acme/b", "acme/a"]})
    assert [(one["repository_path"], one["indexing_enabled"]) for one in off] == [("acme/b", False), ("acme/a", False)]
    assert await repositories.ask("PUT", "/indexing", json={"repositories": []}) == []


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/acme/app/indexing", {"branch_names": ["none"]}, 400, "branch_names: 'none' is no branch of 'acme/app'"),
        ("/acme/empty/indexing", None, 400, "no commit yet"),
        ("/acme/none/indexing", None, 404, "There is no repository 'acme/none'"),
        ("/../../etc/indexing", None, 404, ""),
        ("/%2e%2e%2f%2e%2e%2fetc/indexing", None, 404, "There is no repository"),
        ("/acme/app/indexing", {"branch_names": "main"}, 422, "branch_names"),
        ("/acme/app/indexing", {"branch_names": ["main"] * 21}, 422, "branch_names"),
    ],
)
async def test_what_cannot_be_indexed(repositories, path, body, status, says):
    repositories.make("acme/app")
    repositories.make("acme/empty", files=None)
    told = await repositories.ask("PUT", path, json=body, expect=status)
    assert says in str(told["detail"])


async def test_a_failed_job_tells_why_and_is_tried_again_when_asked(repositories):
    made = repositories.make("acme/app")
    await repositories.ask("PUT", "/acme/app/indexing")
    tree = made.git("rev-parse", "main^{tree}")
    broken = made.folder / "objects" / tree[:2] / tree[2:]
    kept = broken.read_bytes()
    broken.unlink()
    await repositories.run()
    (job,) = (await repositories.ask("GET", repositories.jobs_path))["items"]
    assert job["status"] == "failed"
    assert "tree" in job["error"]
    status = await repositories.ask("GET", "/acme/app/indexing")
    assert status["latest_indexes"][0]["status"] == "failed"
    assert status["latest_completed_search_index_job"] is None
    broken.write_bytes(kept)
    await repositories.ask("PUT", "/acme/app/indexing")
    await repositories.run()
    assert len(await repositories.search("total")) == 1


async def test_a_job_belongs_to_its_latest_claim(repositories, server):
    repositories.make("acme/app")
    await repositories.ask("PUT", "/acme/app/indexing")
    call = repositories.loop._call
    first = await call.write(jobs.claim)
    assert await call.write(jobs.claim) is None
    assert not await run_once(call, repositories.loop._indexer)
    await call.write(jobs.release_all)  # as the next process does when it starts
    second = await call.write(jobs.claim)
    assert (second.job_id, second.attempt) == (first.job_id, first.attempt + 1)
    await call.write(lambda ctx: jobs.finish(ctx, first, None))
    query = select(index_job.c.status, index_job.c.attempt)
    assert (await server.read(lambda ctx: ctx.db.execute(query).all())) == [("running", 2)]
    await call.write(lambda ctx: jobs.give_back(ctx, second))
    await repositories.run()
    assert (await server.read(lambda ctx: ctx.db.execute(query).all())) == [("done", 3)]


async def test_old_jobs_go(repositories, server):
    made = repositories.make("acme/app")
    await repositories.ask("PUT", "/acme/app/indexing")
    await repositories.run()
    for number in range(jobs.KEPT_JOBS + 5):
        made.write({"a.py": f"a = {number}\n"})
        await catch_up(repositories.loop._call)
        await server.write(lambda ctx: jobs.claim(ctx) and None)  # one that never ends
        await server.write(jobs.release_all)
        await server.write(lambda ctx: jobs.finish(ctx, jobs.claim(ctx), "no"))
    found = (await repositories.ask("GET", repositories.jobs_path))["items"]
    assert len(found) == jobs.KEPT_JOBS + 1  # the one that made what is searched stays
    assert found[-1]["status"] == "done"
    assert (await repositories.ask("GET", "/acme/app/indexing"))["latest_completed_search_index_job"] is not None


async def test_following_asks_nothing_of_repositories_that_are_not_indexed(repositories, monkeypatch):
    repositories.make("acme/app")

    async def never(_folder):
        raise AssertionError("git was asked")

    monkeypatch.setattr(indexing, "read_refs", never)
    from cogmill.access.scope import Scope
    from cogmill.web.call import Call

    await indexing.follow(Call(repositories.server.runtime, Scope("", repositories.org), "t", None), "acme/app")


async def test_search_of_text_over_repositories_in_pages_and_counted(repositories, server):
    for name in ("acme/a", "acme/b"):
        repositories.make(name, {f"f{n}.txt": "one needle\nno\nanother Needle\n" for n in range(3)})
        await repositories.ask("PUT", f"/{name}/indexing")
    repositories.make("acme/c", {"f.txt": "needle\n"})
    await repositories.run()
    seen, after, pages = [], None, 0
    while True:
        query = {"query": "needle", "kind": "text", "first": 5} | ({"after": after} if after else {})
        page = await repositories.ask("GET", repositories.search_path, params=query)
        seen += [(one["repository_path"], one["path"], one["line"]) for one in page["items"]]
        after, pages = page["end_cursor"], pages + 1
        if not page["has_next_page"]:
            break
    assert seen == [(name, f"f{n}.txt", line) for name in ("acme/a", "acme/b") for n in range(3) for line in (1, 3)]
    assert pages == 3
    only = await repositories.search("needle", kind="text", repo="acme/b", path="f1*")
    assert [(one["repository_path"], one["line"]) for one in only] == [("acme/b", 1), ("acme/b", 3)]
    await repositories.search("needle", kind="text", caller="session_user")
    rows = await server.read(lambda ctx: ctx.db.execute(select(code_search).order_by(code_search.c.id)).all())
    assert [(row.org_id, row.kind) for row in rows] == [
        (repositories.org, "text")
    ] * 3  # a page is no search of its own
    assert rows[0].service_user_id == server.world.ids["org_admin"]


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({"query": "ab", "kind": "text"}, 422, "at least 3 letters"),
        ({"query": "a\nb c", "kind": "text"}, 422, "one line"),
        ({"query": ""}, 422, "query"),
        ({"query": "x" * 201}, 422, "query"),
        ({"query": "abc", "kind": "regex"}, 422, "kind"),
        ({"query": "abc", "after": "nonsense"}, 422, "after"),
    ],
)
async def test_searches_that_cannot_be(repositories, query, status, says):
    told = await repositories.ask("GET", repositories.search_path, params=query, expect=status)
    assert says in str(told["detail"])


async def test_results_hide_secrets_and_do_not_confirm_guesses(repositories, server):
    repositories.make("acme/app", {"conf.py": "TOKEN = 'swordfish-9x7-secret'  # of the shop\n"})
    await repositories.ask("PUT", "/acme/app/indexing")
    await repositories.run()
    kept = {"type": "key-value", "key": "SHOP_TOKEN", "value": "swordfish-9x7-secret"}
    client = await server.client("org_admin")
    assert (await client.post(f"/v3/organizations/{repositories.org}/secrets", json=kept)).status_code == 200
    (hit,) = await repositories.search("of the shop", kind="text")
    assert hit["text"] == "TOKEN = '[secret SHOP_TOKEN]'  # of the shop"
    (hit,) = await repositories.search("TOKEN")
    assert "swordfish" not in hit["text"]
    assert await repositories.search("swordfish", kind="text") == []
    assert await repositories.search("9x7", kind="text") == []


async def test_another_organization_sees_nothing(repositories, server):
    repositories.make("acme/app")
    await repositories.ask("PUT", "/acme/app/indexing")
    await repositories.run()
    stranger = await server.client("stranger")
    beside = server.world.second_org
    for path in (f"/v3beta1/organizations/{beside}/repositories", f"/cogmill/v1/organizations/{beside}/index-jobs"):
        assert (await stranger.get(path)).json()["items"] == []
    found = await stranger.get(f"/cogmill/v1/organizations/{beside}/code-search?query=total")
    assert found.json()["items"] == []
    path = f"/v3beta1/organizations/{beside}/repositories/acme/app/indexing"
    assert (await stranger.get(path)).status_code == 404
