"""cogmill repositories … at a real server: results, JSON, exit codes."""

import pytest
from typer.testing import CliRunner

from cogmill.cli.app import app
from tests.code_index.repository import Repository
from tests.engine.test_git_providers import Place
from tests.providers import ProviderServer
from tests.serving import Served

from .conftest import Outcome


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("repositories") / "data")
    forge = server.data / "forge" / server.keys["org_id"] / "acme"
    made = Repository(forge / "shop.git")
    made.write({"src/orders.py": "class Order:\n    def total(self):\n        return 3\n", "README.md": "Shop\n"})
    made.git("update-ref", "refs/heads/next/1", "main")
    Repository(forge / "empty.git")
    broken = Repository(forge / "broken.git")
    broken.write({"a.py": "a = 1\n"})
    tree = broken.git("rev-parse", "main^{tree}")
    (broken.folder / "objects" / tree[:2] / tree[2:]).unlink()
    server.start()
    yield server
    server.close()


@pytest.fixture
def cogmill(served, monkeypatch):
    def run(*arguments):
        monkeypatch.setenv("COGMILL_URL", served.url)
        monkeypatch.setenv("COGMILL_API_KEY", served.keys["org_key"])
        result = CliRunner().invoke(app, ["repositories", *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


def test_from_the_list_to_a_search_and_back(cogmill):
    listed = cogmill("list")
    assert "acme/shop" in listed.out
    assert "Not indexed" in cogmill("status", "acme/shop").err
    assert "Nothing found" in cogmill("search", "total").err
    on = cogmill("index", "acme/shop", "--branch", "next/1", "--branch", "main", "--wait")
    assert (on.code, on.out.strip()) == (0, "acme/shop indexed: main, next/1")
    assert cogmill("search", "total").out == "acme/shop/src/orders.py:2: method Order.total: def total(self):\n"
    assert cogmill("search", "shop", "--text", "--path", "*.md").out == "acme/shop/README.md:1: Shop\n"
    found = cogmill(
        "search", "order", "--language", "python", "--branch", "next/1", "--repo", "acme/shop", "--json"
    ).json
    assert [(one["name"], one["branch"]) for one in found["items"]] == [("Order", "next/1")]
    status = cogmill("status", "acme/shop")
    assert status.out.count("done") == 2
    told = cogmill("status", "acme/shop", "--json").json
    assert told["indexing_enabled"]
    assert {one["branch_name"]: one["files_skipped"] for one in told["jobs"]} == {"main": 0, "next/1": 0}
    (shop,) = [one for one in cogmill("list", "--json").json["items"] if one["repo_path"] == "acme/shop"]
    assert shop["repo_language"] == "python"
    assert "main (completed), next/1 (completed)" in cogmill("list", "--name", "SHOP").out
    assert cogmill("index", "acme/shop", "--remove").out.strip() == "acme/shop not indexed any more"
    assert not cogmill("status", "acme/shop", "--json").json["indexing_enabled"]


def test_waiting_for_what_is_fetched_first(served, cogmill, tmp_path):
    provider = ProviderServer("gitea", tmp_path)
    try:
        provider.repository("team/tools", text="def hammer(): ...\n")
        place = Place(served, provider)
        place.allow(group_prefix="team")
        told = cogmill("index", "team/tools", "--wait", "--json").json
        assert (told["branches"], told["indexing_status"]["latest_indexes"][0]["status"]) == (["main"], "completed")
        assert cogmill("search", "hammer").out == "team/tools/a.py:1: function hammer: def hammer(): ...\n"
        assert "(fetch)" in cogmill("status", "team/tools").out
        failed = cogmill("index", "team/none", "--wait")
        assert (failed.code, "Fetching team/none failed: " in failed.err) == (1, True)
        place.top.close()
    finally:
        provider.close()


def test_mistakes_are_told(cogmill):
    assert cogmill("index", "acme/none").code == 3
    assert "There is no repository 'acme/none'" in cogmill("status", "acme/none").err
    assert "no commit yet" in cogmill("index", "acme/empty").err
    assert cogmill("index", "acme/shop", "--remove", "--wait").code == 2
    assert "at least 3 letters" in cogmill("search", "ab", "--text").err
    failed = cogmill("index", "acme/broken", "--wait")
    assert failed.code == 1
    assert "Indexing main failed" in failed.err
