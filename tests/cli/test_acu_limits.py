"""cogmill limits … at a real server: results, JSON, exit codes."""

import pytest
from typer.testing import CliRunner

from cogmill.cli.app import app
from tests.serving import Served

from .conftest import Outcome


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("limits") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def cogmill(served, monkeypatch):
    def run(*arguments, key="enterprise_key"):
        monkeypatch.setenv("COGMILL_URL", served.url)
        monkeypatch.setenv("COGMILL_API_KEY", served.keys[key])
        result = CliRunner().invoke(app, ["limits", *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


def test_limits_are_set_listed_and_cleared(cogmill, served):
    org = served.keys["org_id"]
    assert "500 ACUs a cycle" in cogmill("set", 500, "--org", org).out
    assert cogmill("set", 900, "--enterprise", "--json").json["cycle_acu_limit"] == 900
    items = cogmill("list", "--json").json["items"]
    assert [(one["scope"], one["org_id"], one["cycle_acu_limit"], one["acus_used"]) for one in items] == [
        ("enterprise", None, 900, 0.0), ("org", org, 500, 0.0),
    ]  # fmt: skip
    assert "500" in cogmill("list").out
    assert "no limit" in cogmill("clear", "--enterprise").out
    assert cogmill("clear", "--org", org, "--json").json["cycle_acu_limit"] is None
    assert cogmill("list", "--json").json["items"] == []
    refused = cogmill("set", 1, "--user", "user-none", "--json")
    assert (refused.code, "no user" in refused.err) == (3, True)
    assert cogmill("set", 1, "--org", org, key="org_key").code == 3
    for wrong in (("set", 1), ("set", 1, "--org", org, "--enterprise"), ("set", -1, "--enterprise"), ("clear",)):
        assert cogmill(*wrong).code == 2
