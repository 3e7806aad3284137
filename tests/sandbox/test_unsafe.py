"""The driver without isolation: it works, claims nothing, cleans up, and keeps the limits that it can."""

import asyncio
import os
from pathlib import Path

import pytest

from .conftest import MIB, Box, Make, eventually, on_host


@pytest.fixture
async def plain(make: Make) -> Box:
    return await make("none")


async def test_commands_are_the_servers_own(plain: Box, tmp_path: Path) -> None:
    (tmp_path / "host").write_text("seen")
    assert not plain.sandbox.isolated
    assert await plain.out("id -u; pwd; echo $HOME") == f"{os.geteuid()}\n{plain.workspace}\n{plain.root / 'home'}"
    assert await plain.out(f"cat {tmp_path}/host") == "seen"
    assert (await plain.sandbox.exec(["pwd"])).stdout.decode().strip() == str(plain.workspace)


async def test_environment_is_cleared_all_the_same(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-key")
    plain = await make("none", environment={"GIVEN": "1"})
    said = await plain.out("env; cat /proc/$PPID/environ")
    assert "canary-key" not in said
    assert "GIVEN=1" in said


async def test_paths_inside_are_folders_of_the_session(make: Make, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/HEAD").write_text("ref")
    plain = await make("none", read_only={"/repos/a.git": tmp_path / "mirror"})
    await plain.sandbox.write_file("/workspace/a/b", b"1")
    await plain.sandbox.write_file("/home/agent/c", b"2")
    assert (plain.workspace / "a/b").read_bytes() == b"1"
    assert (plain.root / "home/c").read_bytes() == b"2"
    assert await plain.sandbox.read_file("/repos/a.git/HEAD") == b"ref"
    assert (await plain.sandbox.exec(["pwd"], cwd="/workspace/a")).stdout.decode().strip() == str(plain.workspace / "a")


async def test_memory_and_disk_are_watched(make: Make) -> None:
    plain = await make("none", limits={"workspace": 20 * MIB, "memory": 128 * MIB})
    fill = "for ((n = 0; n < 400; n++)); do head -c 1M /dev/zero >f$n; sleep 0.01; done; sleep 30"
    done = await plain.sh(fill, timeout=15)
    assert done.stopped == "workspace"
    code = (
        "import mmap, time\nm = mmap.mmap(-1, 400 << 20)\nfor n in range(0, 400 << 20, 4096): m[n] = 1\ntime.sleep(20)"
    )
    done = await plain.python(code)
    assert done.stopped == "memory"
    assert await plain.out("rm -f f*; echo well") == "well"


async def test_only_its_own_processes_are_ended(make: Make) -> None:
    one, two = await make("none"), await make("none")
    await one.out("setsid -f sleep 98011; env -i setsid -f sleep 98012")
    await two.out("setsid -f sleep 98021")
    await eventually(lambda: on_host("sleep 98012") and on_host("sleep 98021"))
    stopping = asyncio.create_task(one.sh("setsid -f sleep 98013; sleep 98014"))
    await eventually(lambda: on_host("sleep 98014"))
    stopping.cancel()
    await asyncio.wait([stopping])
    assert not on_host("sleep 98013")
    assert on_host("sleep 98021")
    await one.sandbox.close()
    assert not on_host("sleep 9801")
    assert on_host("sleep 98021")
    assert await two.out("echo well") == "well"
