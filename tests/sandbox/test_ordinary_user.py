"""The same guarantees when the server runs as an ordinary user: the other tests, run once more as one."""

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USER = 65534
AS_USER = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups"]
PARTS = {
    "isolation": ["test_escapes.py", "test_files.py", "test_layers.py", "test_probe.py"],
    "life": [
        "test_limits.py", "test_children.py", "test_unsafe.py", "test_shell.py", "test_control.py", "-k",
        "(bounded and shell) or no_process_seems or one_process or stays_full or spec or double or server or polite"
        " or killed or only_its_own or secret or outlives or forged_end",
    ],
}  # fmt: skip


# The environment's interpreter may lie where only root may go; the system's of the same version takes its place.
PYTHONS = (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}")
TRIAL = "import subprocess, sys, cogmill, pytest, tests.sandbox; subprocess.run([sys.executable, '-c', ''], check=True)"


@dataclass(frozen=True)
class User:
    home: Path
    python: str = ""

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        libraries = [str(ROOT), str(ROOT / "src"), sysconfig.get_path("purelib")]
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": ":".join(libraries),
        }  # fmt: skip
        return subprocess.run(
            [*AS_USER, self.python, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
            timeout=110,
        )  # fmt: skip


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    """That user; skips with the reason where the machine does not let one be played."""
    if os.geteuid() != 0:
        pytest.skip("not root: the other tests run as an ordinary user already")
    # Not below pytest's own folder, which only root may enter.
    with tempfile.TemporaryDirectory(prefix="cogmill-user-") as name:
        os.chown(name, USER, USER)
        reasons = []
        for python in PYTHONS:
            one = User(Path(name), python)
            try:
                tried = one.run("-c", TRIAL)
            except OSError as error:
                pytest.skip(f"setpriv is missing: {error}")
            if tried.returncode == 0:
                yield one
                return
            reasons.append(f"{python}: {tried.stderr.strip().splitlines()[-1]}")
        pytest.skip(f"user {USER} cannot run this environment: {'; '.join(reasons)}")


@pytest.mark.parametrize("part", PARTS)
def test_as_an_ordinary_user(user: User, part: str) -> None:
    files = [f"tests/sandbox/{word}" if word.endswith(".py") else word for word in PARTS[part]]
    options = ["-q", "-p", "no:cacheprovider", "--basetemp", str(user.home / part), "--timeout", "60"]
    done = user.run("-m", "pytest", *options, *files)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    assert int(passed[1]) >= 5
