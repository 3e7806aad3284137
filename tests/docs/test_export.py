"""The page about export and import runs as one script, over a data folder in which a session has run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cogmill.demo.local_server import LocalServer, environment

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")
RUNBOOK = "# Hello\n```sh\necho hello from the runbook\n```\n"


@pytest.mark.one_database
def test_the_page_runs_and_a_moved_server_goes_on(tmp_path: Path):
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(0o711)  # sandboxes under other user ids pass through
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    with LocalServer(tmp_path / "data") as server:
        caller = {"COGMILL_API_KEY": server.first_keys["org_key"], "PATH": path, "COGMILL_DATA": str(server.data)}
        shown = _cogmill(caller | {"COGMILL_URL": server.url}, tmp_path, "run", RUNBOOK, "--json")
        session_id = re.findall(r"devin-[0-9a-f]{32}", shown)[0]
        before = _cogmill(caller | {"COGMILL_URL": server.url}, tmp_path, "sessions", "events", session_id, "--json")
        script = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
        script = re.sub(r"^export .*\n", "", script, flags=re.MULTILINE)
        shell = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(
            shell, env=environment(caller), cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    with LocalServer(tmp_path / "moved") as moved:
        here = caller | {"COGMILL_URL": moved.url}
        assert _cogmill(here, tmp_path, "sessions", "events", session_id, "--json") == before
        assert "hello from the runbook" in before
        _cogmill(here, tmp_path, "run", RUNBOOK)


def _cogmill(caller: dict[str, str], folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "cogmill", *arguments]
    done = subprocess.run(
        command, env=environment(caller), cwd=folder, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
