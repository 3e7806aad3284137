"""Commands for code scans at a real server: a linter as a scan, its findings, a report, profiles; exit codes."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from cogmill.cli.app import app
from tests.serving import Served

from .conftest import Outcome

BLOCKS = '~~~sh name=findings\nprintf \'[{"severity": "low", "title": "Old", "file_path": "a.txt"}]\'\n~~~'


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("scans") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def cogmill(served, monkeypatch):
    def run(*arguments, key="enterprise_key", expect=0):
        monkeypatch.setenv("COGMILL_URL", served.url)
        monkeypatch.setenv("COGMILL_API_KEY", served.keys[key])
        monkeypatch.setenv("COGMILL_ORG_ID", served.keys["org_id"])
        result = CliRunner().invoke(app, ["code-scans", *(str(one) for one in arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == expect, result.output
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.mark.one_database
def test_from_a_profile_in_a_file_to_findings_and_remediation(cogmill, tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "a.txt").write_text("a\n")
    who = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    (tmp_path / "p.json").write_text(json.dumps({"name": "Lint", "investigation_guidance": BLOCKS}))
    (tmp_path / "e.json").write_text('{"description": "All of it"}')
    assert "created: Lint" in cogmill("profiles", "create", tmp_path / "p.json").out
    assert "changed: Lint" in cogmill("profiles", "edit", "Lint", tmp_path / "e.json").out
    assert "All of it" in cogmill("profiles", "view", "Lint").out
    assert json.loads(cogmill("profiles", "list", "--json").out)["items"][0]["name"] == "Lint"
    assert "completed: local/shop" in cogmill("start", folder, "--profile", "Lint", "--wait").out
    scan = json.loads(cogmill("list", "--repo", "local/shop", "--json").out)["items"][0]
    assert scan["scan_id"] in cogmill("list").out.replace("\n", "")
    found = cogmill("findings", "--scan", scan["scan_id"], "--severity", "low", "--status", "open", "--json").out
    (finding,) = json.loads(found)["items"]
    assert json.loads(cogmill("findings", "--enterprise", "--json").out)["items"] == [finding]
    assert "a.txt:1" in cogmill("findings").out.replace("\n", "")
    assert "is repeated: 0 3 * * *" in cogmill("repeat", scan["scan_id"], "--frequency", "0 3 * * *").out
    assert "is not repeated" in cogmill("repeat", scan["scan_id"], "--off").out
    session = json.loads(cogmill("remediate", scan["scan_id"], finding["finding_id"], "--json").out)["session_id"]
    assert session in cogmill("remediate", scan["scan_id"], finding["finding_id"], expect=3).err
    marked = cogmill("mark", finding["finding_id"], "--status", "dismissed", "--note", "Fine").out
    assert "dismissed: Old" in marked
    (tmp_path / "r.sarif").write_text('{"version": "2.1.0", "runs": []}')
    assert "completed" in cogmill("ingest", folder, tmp_path / "r.sarif", "--wait").out
    (tmp_path / "b.sarif").write_text('{"version": "2.1.0", "runs": [3]}')
    told = cogmill("ingest", folder, tmp_path / "b.sarif", "--wait", "--json", expect=1)
    assert "no list of objects" in json.loads(told.err)["error"]["message"]
    assert "deleted: Lint" in cogmill("profiles", "delete", "Lint").out
    cogmill("start", "acme/none", expect=3)
    cogmill("mark", finding["finding_id"], expect=2)
    cogmill("profiles", "create", tmp_path / "none.json", expect=2)
