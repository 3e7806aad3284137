"""Every command of the README runs as it stands, and its tables say what the code says."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from cogmill.api.table import TABLE
from cogmill.demo.local_server import LocalServer, environment
from cogmill.domain.guardrails.defaults import DEFAULTS
from cogmill.kit.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
PLACEHOLDERS = {
    "export COGMILL_URL=http://127.0.0.1:8400\n": "",
    "export COGMILL_API_KEY=cog_the_org_key_that_was_printed\n": "",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    folder = tmp_path_factory.mktemp("readme")
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o711)  # sandboxes under other user ids pass through
    with LocalServer(folder / "data") as server:
        yield server


def test_the_readme_has_commands():
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize("command", COMMANDS, ids=lambda text: text.strip().splitlines()[0][:40])
def test_command_runs(command: str, server: LocalServer, tmp_path: Path):
    for line, instead in PLACEHOLDERS.items():
        command = command.replace(line, instead)
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    caller = {"COGMILL_URL": server.url, "COGMILL_API_KEY": server.first_keys["org_key"], "PATH": path}
    shell = ["bash", "-euo", "pipefail", "-c", command]
    done = subprocess.run(
        shell, env=environment(caller), cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "curl" in command:
        assert re.match(r"\{\"", done.stdout), done.stdout
        assert '"detail":"' not in done.stdout, done.stdout


def test_the_administration_page_runs_as_one_script(server: LocalServer, tmp_path: Path):
    page = (ROOT / "docs" / "administration.md").read_text("utf-8")
    script = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    fences = re.findall(r"^ *(?:```|~~~).*$", page, re.MULTILINE)
    assert fences == ["```sh", "```"] * (len(fences) // 2), "a block that is not run"
    assert [line for line in page.splitlines() if re.match(r"\s*(api|curl|\$) ", line) and line not in script] == []
    assert script.count("cog_the_enterprise_key_that_was_printed") == 1
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    script = re.sub(r"^export .*\n", "", script, flags=re.MULTILINE)
    caller = {
        "COGMILL_URL": server.url, "COGMILL_API_KEY": server.first_keys["enterprise_key"], "PATH": path,
        "COGMILL_DATA": str(server.data),
    }  # fmt: skip
    shell = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        shell, env=environment(caller), cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert (tmp_path / "audit.jsonl").read_text().count("\n") > 10


def test_the_page_on_code_scans_runs(server: LocalServer, tmp_path: Path):
    page = (ROOT / "docs" / "code-scans.md").read_text("utf-8")
    script = "".join(text for _, text in re.findall(r"^(```|~~~)sh\n(.*?)^\1$", page, re.DOTALL | re.MULTILINE))
    script += "while api $COGMILL_URL/v3/organizations/sessions | grep -q '\"working\"'; do sleep 0.1; done\n"
    script = re.sub(r"^export .*\n", "", script, flags=re.MULTILINE)
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    caller = {"COGMILL_URL": server.url, "COGMILL_API_KEY": server.first_keys["org_key"], "PATH": path}
    shell = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        shell, env=environment(caller), cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert '"code_owners":["@database"]' in done.stdout
    assert '"prs_created_count":1' in done.stdout


def test_the_guardrails_page_runs_and_has_the_first_ones(server: LocalServer, tmp_path: Path):
    page = (ROOT / "docs" / "guardrails.md").read_text("utf-8")
    script = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    script = re.sub(r"^export .*\n", "", script, flags=re.MULTILINE)
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    caller = {"COGMILL_URL": server.url, "COGMILL_API_KEY": server.first_keys["enterprise_key"], "PATH": path}
    shell = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        shell, env=environment(caller), cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    rows = re.findall(r"^\| ([A-Z][^|]+) \| `(\w+)` \| `(\w+)` \|$", page, re.MULTILINE)
    assert rows == [(one.name, one.target, one.action) for one in DEFAULTS]


def test_the_page_on_reviews_runs(server: LocalServer, tmp_path: Path):
    page = (ROOT / "docs" / "pr-reviews.md").read_text("utf-8")
    script = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    script = re.sub(r"^export .*\n", "", script, flags=re.MULTILINE)
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    caller = {"COGMILL_URL": server.url, "COGMILL_API_KEY": server.first_keys["org_key"], "PATH": path}
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(0o711)
    shell = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        shell, env=environment(caller), cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "completed: 127.0.0.1" in done.stdout
    assert "calc.py fails" in done.stdout


def test_the_page_on_outposts_runs(server: LocalServer, tmp_path: Path):
    page = (ROOT / "docs" / "outposts.md").read_text("utf-8")
    script = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    script = re.sub(r"^export COGMILL_(URL|API_KEY)=.*\n", "", script, flags=re.MULTILINE)
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    caller = {"COGMILL_URL": server.url, "COGMILL_API_KEY": server.first_keys["enterprise_key"], "PATH": path}
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(0o711)
    shell = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        shell, env=environment(caller), cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Runs on worker basement-1" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("deleted: Basement")


def test_the_observability_page_runs(server: LocalServer, tmp_path: Path):
    page = (ROOT / "docs" / "observability.md").read_text("utf-8")
    script = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    shell = ["bash", "-euo", "pipefail", "-c", script]
    caller = environment({"COGMILL_URL": server.url, "PATH": "/usr/local/bin:/usr/bin:/bin"})
    done = subprocess.run(shell, env=caller, cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cogmill_sessions_running 0.0" in done.stdout
    assert re.search(r"^[0-9a-f]{32}$", done.stdout, re.MULTILINE)


def test_the_settings_table_is_the_code():
    rows = re.findall(r"^\| `COGMILL_(\w+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    expected = []
    for name, field in Settings.model_fields.items():
        default = "`user data folder`" if field.default is PydanticUndefined else f"`{field.default}`"
        expected.append((name.upper(), "" if field.default is None else default, field.description))
    assert rows == expected


def test_every_extension_is_listed():
    for op in TABLE:
        if op.extension and op.path.startswith("/cogmill/"):
            assert op.path in README or op.path.rpartition("/")[2] in README, op.path


def test_links_lead_somewhere():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
