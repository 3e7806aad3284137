"""Pull requests and diffs over HTTP: who sees them, what they hold, how they are counted."""

import asyncio
import subprocess

import pytest

from cogmill.domain.pull_requests.service import of_session, open_or_update
from cogmill.domain.sessions.log import NewEvent
from cogmill.kit.ids import new_id

FACTS = {
    "repo": "acme/app", "title": "Fix <it>", "body": "Because.\n\n- ä", "branch": "cogmill/fix",
    "base_branch": "main", "base_commit": "a" * 40, "head_commit": "b" * 40,
}  # fmt: skip


@pytest.fixture
def base(server):
    return f"/cogmill/v1/organizations/{server.world.org}"


@pytest.fixture
def opened(server, sessions):
    """Record a pull request as the engine does."""

    async def open_(session_id, **facts):
        row = await sessions.row(session_id)
        return await server.write(lambda ctx: open_or_update(ctx, row.id, FACTS | facts), org=row.org_id)

    return open_


@pytest.fixture
def forge(server):
    """A bare repository of the organization with two commits, as the built-in forge keeps it."""
    folder = server.runtime.settings.data / "forge" / server.world.org / "acme" / "app.git"
    folder.parent.mkdir(parents=True)

    def git(*arguments, **options):
        done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, **options)
        return done.stdout.strip()

    git("init", "--bare", "-b", "main", str(folder))
    work = folder.parent / "work"
    git("clone", "-q", str(folder), str(work))
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    commits = []
    for text in ("one\n", "two\n"):
        (work / "file.txt").write_text(text)
        git("add", ".", cwd=work)
        git(*identity, "commit", "-q", "-m", text, cwd=work)
        commits.append(git("rev-parse", "HEAD", cwd=work))
    git("push", "-q", "origin", "HEAD:main", "HEAD:cogmill/fix", cwd=work)
    return commits


async def test_a_pull_request_with_its_diff(server, sessions, opened, forge, base):
    made = await sessions.create()
    row, is_new = await opened(made["session_id"], base_commit=forge[0], head_commit=forge[1])
    assert is_new
    client = await server.client("org_admin")
    answer = await client.get(f"{base}/pull-requests/{row.pull_request_id}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["title"] == "Fix <it>"
    assert found["session_id"] == made["session_id"]
    assert (found["number"], found["state"]) == (1, "open")
    assert found["url"].endswith(f"/organizations/{server.world.org}/pull-requests/{row.pull_request_id}")
    assert "-one\n+two" in found["diff"]
    assert isinstance(found["created_at"], int)


async def test_a_pull_request_shows_at_its_session(sessions, opened):
    made = await sessions.create()
    row, _ = await opened(made["session_id"])
    shown = (await sessions.ask("GET", made["session_id"]))["pull_requests"]
    assert shown == [{"pr_url": row.url, "pr_state": "open"}]


async def test_the_same_branch_is_brought_up_to_date(sessions, opened):
    made = await sessions.create()
    first, _ = await opened(made["session_id"])
    again, is_new = await opened(made["session_id"], title="Better", head_commit="c" * 40)
    assert not is_new
    assert (again.pull_request_id, again.number, again.url) == (first.pull_request_id, 1, first.url)
    assert (again.title, again.head_commit) == ("Better", "c" * 40)


async def test_numbers_count_in_each_repository_of_each_organization(server, sessions, opened):
    ids = [(await sessions.create())["session_id"] for _ in range(2)]
    numbers = []
    for session_id, repo, branch in (
        (ids[0], "acme/app", "a"), (ids[0], "acme/app", "b"), (ids[1], "acme/app", "a"), (ids[1], "acme/lib", "a"),
    ):  # fmt: skip
        numbers.append((await opened(session_id, repo=repo, branch=branch))[0].number)
    assert numbers == [1, 2, 3, 1]
    stranger = await server.client("stranger")
    made = (await stranger.post("/v3/organizations/sessions", json={"prompt": "Hi"})).json()
    assert (await opened(made["session_id"]))[0].number == 1


async def test_a_number_is_never_given_twice(sessions, opened):
    ids = [(await sessions.create())["session_id"] for _ in range(12)]
    made = await asyncio.gather(*(opened(one) for one in ids))
    assert sorted(row.number for row, _ in made) == list(range(1, 13))


async def test_requests_of_a_session_oldest_first(server, sessions, opened):
    made = await sessions.create()
    for branch in ("c", "a", "b"):
        await opened(made["session_id"], branch=branch)
    row = await sessions.row(made["session_id"])
    found = await server.read(lambda ctx: of_session(ctx, row.id))
    assert [one.branch for one in found] == ["c", "a", "b"]


async def test_who_may_see_the_session_may_see_its_pull_requests(server, sessions, opened, forge, base):
    made = await sessions.create("session_user")
    row, _ = await opened(made["session_id"], base_commit=forge[0], head_commit=forge[1])
    path = f"{base}/pull-requests/{row.pull_request_id}"
    for caller, status in (
        ("session_user", 200), ("viewer", 200), ("account_viewer", 200), ("enterprise_admin", 200),
        ("colleague", 404), ("reader", 403), ("stranger", 403), ("foreigner", 403), ("nobody", 401),
    ):  # fmt: skip
        assert (await (await server.client(caller)).get(path)).status_code == status, caller


async def test_pull_requests_of_other_organizations_are_absent(server, sessions, opened):
    row, _ = await opened((await sessions.create())["session_id"])
    for caller, org in (("stranger", server.world.second_org), ("foreigner", server.world.foreign_org)):
        client = await server.client(caller)
        answer = await client.get(f"/cogmill/v1/organizations/{org}/pull-requests/{row.pull_request_id}")
        assert answer.status_code == 404


@pytest.mark.parametrize("name", ["pr-" + "0" * 32, "x", "%00", "..", "%F0%9F%94%91", "9" * 5000])
async def test_unknown_pull_requests(server, base, name):
    client = await server.client("org_admin")
    answer = await client.get(f"{base}/pull-requests/{name}")
    assert answer.status_code in {404, 405}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_pull_request_whose_commits_are_gone(server, sessions, opened, base):
    """The forge lost the repository: said in words, not a crash."""
    row, _ = await opened((await sessions.create())["session_id"])
    client = await server.client("org_admin")
    answer = await client.get(f"{base}/pull-requests/{row.pull_request_id}")
    assert answer.status_code < 500, answer.text


async def test_a_session_without_changes_has_no_diff(server, sessions, base):
    made = await sessions.create()
    client = await server.client("org_admin")
    answer = await client.get(f"{base}/sessions/{made['session_id']}/diff")
    assert answer.json() == {"session_id": made["session_id"], "diffs": []}


async def test_the_latest_diff_of_a_session(server, sessions, base):
    made = await sessions.create()
    for text in ("old", "new ä"):
        diff = {name: FACTS[name] for name in ("repo", "branch", "base_branch", "base_commit", "head_commit")}
        event = NewEvent("workspace_diff", "git", "Diff", {"diffs": [diff | {"diff": text}]})
        await sessions.append(made["session_id"], event)
    client = await server.client("org_admin")
    answer = await client.get(f"{base}/sessions/{made['session_id']}/diff")
    assert [one["diff"] for one in answer.json()["diffs"]] == ["new ä"]
    bare = made["session_id"].removeprefix("devin-")
    assert (await client.get(f"{base}/sessions/{bare}/diff")).json() == answer.json()
    unknown = await client.get(f"{base}/sessions/{new_id('devin')}/diff")
    assert unknown.status_code == 404
