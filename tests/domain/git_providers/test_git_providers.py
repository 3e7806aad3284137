"""Git connections and permissions over HTTP: the rules of each field, secrets that stay inside, what covers what."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from cogmill.domain.git_providers.use import covers, granted
from cogmill.kit.errors import Forbidden
from cogmill.models.audit import audit_log
from cogmill.models.git import git_connection
from cogmill.scm.forge import LocalForge
from cogmill.scm.repositories import parse_repository
from tests.providers import ProviderServer

APP, SSH = {"app": "12", "installation": "34"}, {"private_key": "x", "known_hosts": "h"}
CONNECTIONS, OURS = "/v3/enterprise/git-providers/connections", "/cogmill/v1/enterprise/git-connections"


class Git:
    """Calls of an enterprise administrator."""

    def __init__(self, server):
        self.server = server
        self.permissions = f"/v3/enterprise/organizations/{server.world.org}/git-providers/permissions"

    async def ask(self, method, path, body=None, *, expect=200, caller="enterprise_admin"):
        client = await self.server.client(caller)
        answer = await client.request(method, path, json=body)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def connect(self, expect=200, **body):
        made = {"git_provider_type": "github_token", "token": "tok-1f83"} | body
        return await self.ask("POST", OURS, made, expect=expect)

    async def allow(self, *permissions, method="POST", expect=200):
        return await self.ask(method, self.permissions, {"permissions": list(permissions)}, expect=expect)

    async def granted(self, text):
        """As the engine asks: by the organization alone."""
        settings = self.server.runtime.settings
        forge = LocalForge(settings.data / "forge" / self.server.world.org)
        return await self.server.write(lambda ctx: granted(ctx, parse_repository(text), forge))


@pytest.fixture
def git(server):
    return Git(server)


async def test_the_life_of_a_connection(server, git):
    made = await git.connect(name="Our GitHub")
    assert made["host"] == "github.com"
    assert made["webhook_url"].endswith(f"/git-connections/{made['git_connection_id']}/webhook")
    assert len(made["webhook_secret"]) > 40
    listed = await git.ask("GET", CONNECTIONS)
    assert [set(one) for one in listed["items"]] == [
        {"git_connection_id", "git_provider_type", "name", "host", "created_at"}
    ]
    path = f"{OURS}/{made['git_connection_id']}"
    changed = await git.ask("PATCH", path, {"name": "GitHub", "token": "tok-2"})
    assert changed["name"] == "GitHub"
    await git.allow({"git_connection_id": made["git_connection_id"], "group_prefix": "acme"})
    await git.ask("DELETE", path)
    assert (await git.ask("GET", CONNECTIONS))["items"] == []
    assert (await git.ask("GET", git.permissions))["items"] == []
    actions = await server.read(lambda ctx: [(row.action, row.data) for row in ctx.db.execute(select(audit_log))])
    assert [action for action, _ in actions] == [
        "create_github_integration", "refresh_github_integration", "create_git_permission", "delete_github_integration",
    ]  # fmt: skip
    assert "tok-" not in json.dumps(actions, default=str)
    await git.ask("DELETE", path, expect=404)


async def test_credentials_are_sealed(server, git):
    made = await git.connect(token="tok-canary-5512")
    rows = await server.read(lambda ctx: repr(ctx.db.execute(select(git_connection)).all()))
    assert "tok-canary-5512" not in rows
    assert made["webhook_secret"] not in rows


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"token": None}, 400, "token: a connection of type github_token needs token"),
        ({"password": "x"}, 400, "password: a connection of type github_token takes token only"),
        ({"token": "two\nlines"}, 422, "control characters"),
        ({"token": "tök"}, 422, "ASCII"),
        ({"git_provider_type": "gitea_token"}, 400, "address: a connection of type gitea_token needs one"),
        ({"git_provider_type": "bitbucket_token"}, 422, "git_provider_type"),
        ({"address": "http://git.example.com"}, 422, "Plain http"),
        ({"address": "https://me:pw@git.example.com"}, 422, "credentials out of the address"),
        ({"address": "https://git.example.com/?x=1"}, 422, "Write it as"),
        ({"address": "ftp://git.example.com"}, 422, "Write it as https://host"),
        ({"address": "https://git.example.com:99999"}, 422, "malformed"),
        ({"address": "https://exa mple.com"}, 422, "Write it as"),
        ({"git_provider_type": "github_app", "token": None, **APP, "private_key": "x"}, 422, "RSA"),
        ({"git_provider_type": "git_ssh", "token": None, "address": "ssh://git@h", **SSH}, 422, "OpenSSH"),
    ],
)  # fmt: skip
async def test_what_a_connection_is_refused_for(git, body, status, said):
    answer = await git.connect(expect=status, **body)
    assert said in json.dumps(answer, ensure_ascii=False)
    assert "tök" not in json.dumps(answer, ensure_ascii=False)


async def test_permissions_are_added_replaced_changed_and_cleared(git):
    one = (await git.connect())["git_connection_id"]
    made = await git.allow(
        {"git_connection_id": one, "repo_path": "acme/app"},
        {"git_connection_id": one, "group_prefix": "tools", "read_only": True},
    )
    assert [(m["repo_path"], m["group_prefix"], m["prefix_path"], m["read_only"]) for m in made] == [
        ("acme/app", None, None, False), (None, "tools", None, True),
    ]  # fmt: skip
    again = await git.allow({"git_connection_id": one, "repo_path": "acme/app", "read_only": True})
    assert again[0]["git_permission_id"] == made[0]["git_permission_id"]
    assert again[0]["read_only"] is True
    path = f"{git.permissions}/{made[0]['git_permission_id']}"
    assert (await git.ask("PATCH", path, {"read_only": False, "repo_path": "other/x"}))["repo_path"] == "acme/app"
    assert (await git.ask("PATCH", path, {"read_only": None}))["read_only"] is False
    page = await git.ask("GET", f"{git.permissions}?first=1")
    assert page["has_next_page"]
    rest = await git.ask("GET", f"{git.permissions}?first=1&after={page['end_cursor']}")
    assert [m["git_permission_id"] for m in page["items"] + rest["items"]] == [m["git_permission_id"] for m in made]
    assert (await git.ask("DELETE", path))["repo_path"] == "acme/app"
    replaced = await git.allow({"git_connection_id": one, "prefix_path": "acme/team-"}, method="PUT")
    assert [m["prefix_path"] for m in replaced] == ["acme/team-"]
    assert await git.ask("DELETE", git.permissions) == replaced
    assert (await git.ask("GET", git.permissions))["items"] == []


@pytest.mark.parametrize(
    ("permission", "status"),
    [
        ({}, 422), ({"repo_path": "a/b", "group_prefix": "a"}, 422), ({"group_prefix": "acme/"}, 422),
        ({"repo_path": "/acme/app"}, 422), ({"repo_path": "acme/../x"}, 422), ({"repo_path": "acme/app/"}, 422),
        ({"repo_path": "a b/c"}, 422), ({"repo_path": ""}, 422), ({"repo_path": "a/b", "git_connection_id": "no"}, 400),
    ],
)  # fmt: skip
async def test_a_permission_that_cannot_be_takes_the_whole_lot_with_it(git, permission, status):
    one = (await git.connect())["git_connection_id"]
    good = {"git_connection_id": one, "repo_path": "acme/app"}
    await git.allow(good, {"git_connection_id": one, **permission}, expect=status)
    assert (await git.ask("GET", git.permissions))["items"] == []


async def test_two_hundred_at_once_and_no_more(git):
    one = (await git.connect())["git_connection_id"]
    many = [{"git_connection_id": one, "repo_path": f"acme/app-{n}"} for n in range(201)]
    await git.allow(*many, expect=422)
    assert len(await git.allow(*many[:200])) == 200


async def test_connections_of_another_enterprise_cannot_be_named(git):
    foreign = await git.ask(
        "POST", OURS, {"git_provider_type": "github_token", "token": "t"}, caller="foreign_admin"
    )  # fmt: skip
    await git.allow({"git_connection_id": foreign["git_connection_id"], "repo_path": "a/b"}, expect=400)


async def test_who_views_and_who_manages(git):
    await git.ask("GET", git.permissions, caller="org_admin", expect=403)
    await git.ask("GET", CONNECTIONS, caller="org_admin", expect=403)


@pytest.mark.parametrize(
    ("kind", "path", "repository", "is_covered"),
    [
        ("repo_path", "acme/app", "acme/app", True), ("repo_path", "acme/app", "Acme/App", True),
        ("repo_path", "acme/app", "acme/app2", False), ("group_prefix", "acme", "acme/app", True),
        ("group_prefix", "acme", "acme/sub/app", True), ("group_prefix", "acme", "acme2/app", False),
        ("group_prefix", "acme/sub", "acme/sub/app", True), ("prefix_path", "acme/team-", "acme/team-a", True),
        ("prefix_path", "acme/team-", "acme/other", False), ("prefix_path", "/", "anything/at-all", True),
    ],
)  # fmt: skip
def test_what_a_permission_covers(kind, path, repository, is_covered):
    class Row:
        kind = "github_token"

    assert covers(kind, path, Row, repository) is is_covered


SPELLINGS = (
    "https://github.com/acme/app", "https://github.com/acme/app.git", "https://GitHub.com/acme/app/",
    "git@github.com:acme/app.git", "ssh://git@github.com/acme/app", "http://github.com/acme/app",
    "https://github.com./acme/app", "https://github.com//acme//app", "https://github.com/%61cme/app", "acme/app",
)  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
async def test_every_spelling_of_a_repository_is_the_same_one(git, text):
    one = (await git.connect())["git_connection_id"]
    if text != "acme/app":
        with pytest.raises(Forbidden, match="no git permission for acme/app"):
            await git.granted(text)
    await git.allow({"git_connection_id": one, "repo_path": "acme/app"})
    found = await git.granted(text)
    assert (found.ref.clone_url, found.read_only) == ("https://github.com/acme/app.git", False)


async def test_hosts_without_a_connection_and_local_folders_go_on_as_before(git, sessions, tmp_path):
    await git.connect()
    for text in (
        "https://gitlab.com/acme/app",
        "https://github.com.example.org/acme/app",
        "https://github.com:8443/a/b",
    ):
        assert await git.granted(text) is None
    local = tmp_path / "app"
    local.mkdir()
    await sessions.create(repos=[str(local)])
    refused = await sessions.create(repos=["https://github.com/acme/app"], expect=403)
    assert "repos: This organization has no git permission for acme/app at github.com" in refused["detail"]
    unknown = await sessions.create(repos=["acme/app"], expect=422)
    assert "no such repository here, nor a git permission" in json.dumps(unknown)


async def test_a_copy_of_another_host_does_not_stand_in_for_what_a_permission_names(git):
    one = (await git.connect())["git_connection_id"]
    copy = git.server.runtime.settings.data / "forge" / git.server.world.org / "acme" / "app.git"
    copy.mkdir(parents=True)
    (copy / "cogmill-source").write_text("https://git.example.org/acme/app")
    assert await git.granted("acme/app") is None
    await git.allow({"git_connection_id": one, "repo_path": "acme/app"})
    found = await git.granted("acme/app")
    assert found is not None
    assert found.ref.clone_url == "https://github.com/acme/app.git"
    (copy / "cogmill-source").unlink()  # at home here
    assert await git.granted("acme/app") is None


async def test_of_several_connections_the_one_that_may_push_counts(git):
    first, second = [(await git.connect(token=one))["git_connection_id"] for one in ("a", "b")]
    await git.allow(
        {"git_connection_id": first, "group_prefix": "acme", "read_only": True},
        {"git_connection_id": second, "repo_path": "acme/app"},
    )
    assert (await git.granted("acme/app")).connection_id == second
    assert (await git.granted("acme/lib")).connection_id == first
    assert (await git.granted("acme/lib")).read_only


@pytest.fixture
def provider(tmp_path, request):
    made = ProviderServer(getattr(request, "param", "github"), tmp_path / "provider")
    made.folder.mkdir()
    yield made
    made.close()


@pytest.mark.one_database
@pytest.mark.parametrize("provider", ["github", "gitlab", "gitea"], indirect=True)
async def test_repositories_of_a_connection_page_by_page(git, provider):
    for name in ("acme/app", "acme/lib", "tools/cli"):
        (provider.folder / f"{name}.git").mkdir(parents=True)
        (provider.folder / f"{name}.git/HEAD").touch()
    made = await git.connect(
        git_provider_type=f"{provider.flavour}_token", address=provider.address, token=provider.token
    )  # fmt: skip
    base = f"{CONNECTIONS}/{made['git_connection_id']}/repositories"
    found, after = [], ""
    while True:
        page = await git.ask("GET", f"{base}?first=2{after}")
        found += page["items"]
        if not page["has_next_page"]:
            break
        after = f"&after={page['end_cursor']}"
    assert [one["repo_path"] for one in found] == ["acme/app", "acme/lib", "tools/cli"]
    assert found[0]["repo_name"] == "app"
    assert found[0]["last_updated_at"] == 1767323045
    assert found[0]["git_connection_host"] == made["host"] == provider.address.removeprefix("http://")
    named = await git.ask("GET", f"{base}?filter_name=cli")
    assert [one["repo_path"] for one in named["items"]] == ["tools/cli"]
    await git.ask("GET", f"{base}?after=x", expect=422)
    await git.ask("PATCH", f"{OURS}/{made['git_connection_id']}", {"token": "wrong"})
    refused = await git.ask("GET", base, expect=503)
    assert "answered 401" in refused["detail"]


@pytest.mark.one_database
async def test_an_app_signs_in_with_its_key(git, provider):
    key = generate_private_key(65537, 2048)
    provider.app_key = key.public_key()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    made = await git.connect(
        git_provider_type="github_app", address=provider.address, token=None, private_key=pem, **APP
    )  # fmt: skip
    (provider.folder / "acme" / "app.git").mkdir(parents=True)
    (provider.folder / "acme/app.git/HEAD").touch()
    found = await git.ask("GET", f"{OURS}/{made['git_connection_id']}/check")
    assert found["works"], found
    listed = await git.ask("GET", f"{CONNECTIONS}/{made['git_connection_id']}/repositories")
    assert [one["repo_path"] for one in listed["items"]] == ["acme/app"]
    other = generate_private_key(65537, 2048)
    wrong = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    await git.ask("PATCH", f"{OURS}/{made['git_connection_id']}", APP | {"private_key": wrong})
    found = await git.ask("GET", f"{OURS}/{made['git_connection_id']}/check")
    assert (found["works"], "JSON web token" in found["detail"]) == (False, True)
