"""Sessions over a snapshot: fast, theirs alone what they write, and only that counts against their disk limit."""

import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest

from cogmill.sandbox.bubblewrap import BubblewrapDriver
from cogmill.sandbox.folders import session_uid
from cogmill.sandbox.protocol import Limits, SandboxSpec


def state_of(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Everything about a snapshot that a session might change."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode, path.lstat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else "",
        )
        for path in sorted(folder.rglob("*"))
    }  # fmt: skip


@pytest.fixture
def base(tmp_path):
    """A snapshot of another user's."""
    base = tmp_path / "snapshot"
    (base / "workspace" / "deep" / "er").mkdir(parents=True)
    (base / "home").mkdir()
    (base / "workspace" / "deep" / "er" / "file").write_text("below\n")
    (base / "workspace" / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (base / "workspace" / "run.sh").chmod(0o755)
    (base / "workspace" / "large").write_bytes(bytes(8 * 1024**2))
    (base / "home" / ".profile").write_text("home\n")
    (base / "workspace" / "link").symlink_to("deep/er/file")
    if os.geteuid() == 0:
        for path in (*base.rglob("*"), base):
            os.chown(path, session_uid("build"), session_uid("build"), follow_symlinks=False)
    tmp_path.chmod(0o711)
    return base


@pytest.fixture(params=["layers", "copy"])
def driver(request, monkeypatch):
    driver = BubblewrapDriver()
    if request.param == "copy":
        monkeypatch.setattr(driver, "layers", lambda _folder: False)
    return driver


async def test_a_session_changes_its_own_files_only(tmp_path, driver, base):
    before = state_of(base)
    spec = SandboxSpec("one", tmp_path / "one", base=base)
    sandbox, other = driver.create(spec), driver.create(SandboxSpec("two", tmp_path / "two", base=base))
    await sandbox.start()
    await other.start()
    change = """set -e; ./run.sh; cat link; echo more >>deep/er/file; chmod 700 run.sh; touch -d 2001-01-01 large
    mv deep away; rm link; ln -s /etc/passwd link; echo own >~/.profile; mkdir deep; echo new >deep/file; ls"""
    result = await sandbox.run(change)
    assert (result.exit_code, result.output) == (0, "ran\nbelow\naway\ndeep\nlarge\nlink\nrun.sh\n")
    await sandbox.write_file("/workspace/large", b"small")
    assert (await other.run("cat link ~/.profile; stat -c %s large")).output == f"below\nhome\n{8 * 1024**2}\n"
    await sandbox.close()
    again = driver.create(spec)
    await again.start()
    assert (await again.run("cat away/er/file deep/file large ~/.profile")).output == "below\nmore\nnew\nsmallown\n"
    await again.close()
    await other.close()
    assert state_of(base) == before


async def test_layers_work_here(tmp_path):
    """Else all of the above would be tested with copies only."""
    tmp_path.chmod(0o711)
    assert await asyncio.to_thread(BubblewrapDriver().layers, tmp_path)
    assert not list(tmp_path.iterdir())


async def test_only_what_the_session_wrote_counts_against_its_disk_limit(tmp_path, base):
    limits = Limits(workspace=4 * 1024**2)
    sandbox = BubblewrapDriver().create(SandboxSpec("one", tmp_path / "one", limits=limits, base=base))
    await sandbox.start()
    assert (await sandbox.run("cat large >/dev/null; sleep 2.5; echo fine")).output == "fine\n"
    result = await sandbox.run("dd if=/dev/zero of=a bs=1M count=3; dd if=/dev/zero of=b bs=1M count=3; sleep 30")
    assert result.stopped == "workspace"
    await sandbox.close()


async def test_many_files_cost_no_time(tmp_path, base):
    for number in range(5000):
        (base / "home" / str(number)).write_text("x")
    driver, root = BubblewrapDriver(), tmp_path / "one"
    await asyncio.to_thread(driver.layers, tmp_path)
    took = []
    for number in range(5):
        sandbox = driver.create(SandboxSpec(str(number), root.with_name(str(number)), base=base))
        began = time.monotonic()
        await sandbox.start()
        took.append(time.monotonic() - began)
        await sandbox.close()
    assert min(took) < 0.3
