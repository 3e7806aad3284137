"""The demonstration: a small project with a bug, and a recorded model conversation that fixes it."""

import os
import shutil
import subprocess
from pathlib import Path

NAME = "invoices"
PROMPT = (
    "One test of this project fails: on some invoices the VAT is one cent too low. "
    "Find the cause, fix it, cover it with a test, and open a pull request."
)
PROJECT = Path(__file__).parent / "project"
RECORDING = Path(__file__).parent / "recording.json"
TEST_COMMAND = "python3 -m unittest"


def make_repository(folder: Path) -> Path:
    """A git repository `folder/invoices` with the project as its only commit, the same commit every time."""
    target = folder / NAME
    shutil.copytree(PROJECT, target, ignore=shutil.ignore_patterns("__pycache__"))
    for argv in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        ["-c", "commit.gpgsign=false", "commit", "--quiet", "--message=Invoices with VAT by rate"],
    ):
        subprocess.run(["git", *argv], cwd=target, env=_environment(), check=True)
    return target


def _environment() -> dict[str, str]:
    # The caller's own git settings must not change the commit.
    who = {"NAME": "Ida Brandt", "EMAIL": "ida@example.org", "DATE": "2026-01-12T09:30:00+00:00"}
    fixed = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    return os.environ | fixed | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
