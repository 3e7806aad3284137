"""cogmill git-connections … at a real server and a provider: results, JSON, exit codes, secrets that are not shown."""

import pytest
from typer.testing import CliRunner

from cogmill.cli.app import app
from tests.providers import ProviderServer
from tests.serving import Served

from .conftest import Outcome


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("git") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def provider(tmp_path):
    made = ProviderServer("gitea", tmp_path)
    yield made
    made.close()


@pytest.fixture
def cogmill(served, monkeypatch):
    def run(*arguments, key="enterprise_key", typed=None):
        monkeypatch.setenv("COGMILL_URL", served.url)
        monkeypatch.setenv("COGMILL_API_KEY", served.keys[key])
        result = CliRunner().invoke(app, ["git-connections", *map(str, arguments)], input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


def test_the_life_of_a_connection(cogmill, provider, tmp_path):
    secret = tmp_path / "token"
    secret.write_text(provider.token + "\n")
    added = cogmill("add", "gitea_token", "--address", provider.address, "--name", "Ours", "--secret-file", secret)
    assert added.code == 0, added.err
    assert "webhook: " in added.out
    assert provider.token not in added.out
    listed = cogmill("list", "--json").json["items"]
    assert [(one["git_provider_type"], one["name"]) for one in listed] == [("gitea_token", "Ours")]
    assert "Ours" in cogmill("list").out
    assert cogmill("check", "Ours").out.strip() == "ok: signed in as robot"
    provider.token = "another"
    failed = cogmill("check", listed[0]["host"], "--json")
    assert (failed.code, failed.json["works"]) == (1, False)
    removed = cogmill("remove", listed[0]["git_connection_id"], "--json")
    assert removed.json["git_connection_id"] == listed[0]["git_connection_id"]
    assert cogmill("list", "--json").json["items"] == []


def test_a_secret_from_standard_input(cogmill, provider):
    added = cogmill(
        "add", "gitea_token", "--address", provider.address, "--secret-file", "-", "--json", typed=provider.token + "\n"
    )
    made = added.json
    assert cogmill("check", made["git_connection_id"]).code == 0
    cogmill("remove", made["git_connection_id"])


def test_mistakes_are_told(cogmill, tmp_path):
    (tmp_path / "token").write_text("t")
    assert cogmill("add", "sourceforge", "--secret-file", tmp_path / "token").code == 2
    assert cogmill("add", "gitlab_token", "--secret-file", tmp_path / "none").code == 2
    refused = cogmill("add", "gitea_token", "--secret-file", tmp_path / "token")
    assert refused.code == 3
    assert "address" in refused.err
    assert cogmill("check", "nobody").code == 2
    assert cogmill("list", key="org_key").code == 3
