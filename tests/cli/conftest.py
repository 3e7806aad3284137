"""The client tests' stub server, and the command run against it."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cogmill.cli.app import app
from tests.serving import Served

_spec = importlib.util.spec_from_file_location("cogmill_stub_for_cli", Path(__file__).parents[1] / "client" / "stub.py")
stub_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stub_module)


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A real server for the tests of one file."""
    server = Served(tmp_path_factory.mktemp("served") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def administer(served, monkeypatch):
    """The command line at that server with the enterprise's key, or with another one of the first start."""

    def run(*arguments, key="enterprise_key"):
        monkeypatch.setenv("COGMILL_URL", served.url)
        monkeypatch.setenv("COGMILL_API_KEY", served.keys.get(key, key))
        result = CliRunner().invoke(app, [str(one) for one in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def stub():
    with stub_module.serving(stub_module.Stub()) as running:
        yield running


@pytest.fixture
def cogmill(stub, monkeypatch):
    """Call the command line as `cogmill("sessions", "list")`."""
    for name in ("URL", "API_KEY", "ORG_ID"):
        monkeypatch.delenv(f"COGMILL_{name}", raising=False)
        monkeypatch.delenv(f"DEVIN_{name.replace('URL', 'BASE_URL')}", raising=False)
    monkeypatch.setenv("COGMILL_URL", stub.base_url)
    monkeypatch.setenv("COGMILL_API_KEY", stub_module.KEY)
    monkeypatch.setattr("cogmill.client.stream.pause", lambda *_, **__: 0.01)
    monkeypatch.setattr("cogmill.client.http.pause", lambda *_: 0.01)

    def call(*arguments, input=None):
        result = CliRunner().invoke(app, [str(part) for part in arguments], input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        outcome = Outcome(result.exit_code, result.stdout, result.stderr)
        assert stub_module.KEY not in outcome.out + outcome.err
        return outcome

    return call
