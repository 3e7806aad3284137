"""The administrator's commands, run on the data folder of a test."""

import json
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from cogmill.main import app


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        return json.loads(self.err.splitlines()[-1])["error"]


@pytest.fixture
def cogmill(settings, monkeypatch):
    """Call the command line as `cogmill("organizations", "list")`, as an operator of the test's data folder."""
    monkeypatch.setenv("COGMILL_DATA", str(settings.data))
    monkeypatch.setenv("COGMILL_DATABASE_URL", settings.database_url.get_secret_value())

    def call(*arguments):
        result = CliRunner().invoke(app, [str(part) for part in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return call
