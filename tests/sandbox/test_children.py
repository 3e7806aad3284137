"""Processes that stay behind, background jobs, cancelling, and the end of everything within two seconds."""

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cogmill.sandbox.protocol import SandboxSpec
from cogmill.sandbox.unsafe import PlainLauncher

from .conftest import DRIVERS, Box, Make, descriptors, eventually, on_host

NUMBERS = itertools.count(97_000_000 + os.getpid() % 1000 * 1000)


@pytest.fixture
def nap() -> str:
    """A sleep that can be told from all others; none may be left when the sandbox is closed."""
    return f"sleep {next(NUMBERS)}"


def own_children() -> set[int]:
    """Processes this one has started and that live."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


DAEMONS = {
    "background": "{nap} &",
    "nohup": "nohup {nap} >/dev/null 2>&1 &",
    "setsid": "setsid {nap} &",
    "double-fork": "( ( setsid {nap} & ) & )",
    "daemon": "setsid -f {nap}",
    "no-environment": "env -i /usr/bin/setsid -f /bin/{nap}",
    "disowned": "{nap} & disown -a",
    "deaf": "( trap '' TERM HUP INT QUIT; {nap} & )",
    "closed-streams": "( {nap} >&- 2>&- <&- & )",
    "holds-output": "( setsid {nap} & echo begun )",
    "without-mark": "( ulimit -q 0; setsid -f {nap} )",
    "stopped": "( {nap} & sleep 0.2; kill -STOP $! )",
    "under-another-name": "( exec -a innocent bash -c '{nap}; true' ) &",
}


@pytest.mark.parametrize("way", DAEMONS)
async def test_command_returns_and_close_ends_what_it_left(any_box: Box, nap: str, way: str) -> None:
    done = await any_box.sh(DAEMONS[way].format(nap=nap), timeout=5)
    assert (done.exit_code, done.stopped) == (0, None), done
    assert done.seconds < 1.5
    await eventually(lambda: on_host(nap))
    assert await any_box.out("echo next") == "next"
    assert on_host(nap), "what is left behind goes on until the session ends"
    began = time.monotonic()
    await any_box.sandbox.close()
    assert time.monotonic() - began < 2
    assert on_host(nap) == []


@pytest.mark.parametrize("way", [way for way in DAEMONS if way != "without-mark"])
async def test_stopping_a_command_takes_its_daemons_along(any_box: Box, nap: str, way: str) -> None:
    task = asyncio.create_task(any_box.sh(DAEMONS[way].format(nap=nap) + "\nsleep 30"))
    await eventually(lambda: on_host(nap))
    began = time.monotonic()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert time.monotonic() - began < 2
    assert on_host(nap) == []
    assert await any_box.out("echo next") == "next"


async def test_close_with_a_command_under_way(any_box: Box, nap: str) -> None:
    task = asyncio.create_task(any_box.sh(f"setsid {nap} & trap '' TERM; while :; do {nap}; done"))
    await eventually(lambda: len(on_host(nap)) >= 2)
    began = time.monotonic()
    await any_box.sandbox.close()
    assert time.monotonic() - began < 2
    done = await task
    assert (done.exit_code, done.stopped) == (None, "sandbox_died")
    assert on_host(nap) == []


async def test_polite_close_lets_programs_finish(any_box: Box) -> None:
    await any_box.sandbox.start_job("trap 'echo saved >saved; exit' TERM; while :; do sleep 0.05; done")
    await asyncio.sleep(0.2)
    began = time.monotonic()
    await any_box.sandbox.close(kill=False)
    assert time.monotonic() - began < 2
    assert (any_box.workspace / "saved").read_text() == "saved\n"


async def test_cancelled_twice_still_ends(box: Box, nap: str) -> None:
    task = asyncio.create_task(box.sh(f"trap '' TERM; {nap}; {nap}"))
    await eventually(lambda: on_host(nap))
    task.cancel()
    await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await eventually(lambda: not on_host(nap), 3)
    assert await box.out("echo next") == "next"


SERVER = """
import asyncio, pathlib, sys
from cogmill.sandbox.protocol import SandboxSpec
from tests.sandbox.conftest import DRIVERS
async def main(root, nap, driver):
    sandbox = DRIVERS[driver].create(SandboxSpec("orphan", pathlib.Path(root)))
    await sandbox.start()
    await sandbox.run(f"setsid -f {nap}; env -i setsid {nap}")
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("driver", sorted(DRIVERS))
async def test_everything_ends_with_the_server(tmp_path: Path, nap: str, driver: str) -> None:
    """kill -9 of the server: nobody is left to clean up."""
    command = [sys.executable, "-c", SERVER, str(tmp_path / "orphan"), nap, driver]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as server:
        server_itself = {server.pid}
        try:
            await eventually(lambda: len(set(on_host(nap)) - server_itself) >= 2)
        finally:
            server.kill()
    await eventually(lambda: not on_host(nap), 2)


async def test_output_after_the_end_belongs_to_nobody(any_box: Box) -> None:
    first = await any_box.sh("( sleep 0.3; echo late; echo alive >proof ) & echo now")
    assert first.output == "now\n"
    assert await any_box.out("sleep 0.6; echo second") == "second"
    assert (any_box.workspace / "proof").read_text() == "alive\n"  # it was not killed by SIGPIPE either


async def test_flooding_leftover_costs_little(box: Box) -> None:
    done = await box.sh("yes & sleep 0.05", timeout=5)
    assert (done.exit_code, done.stopped) == (0, None)
    began = time.process_time()
    assert await box.out("sleep 0.5; echo well") == "well"
    assert time.process_time() - began < 0.4


async def test_unknown_jobs(any_box: Box) -> None:
    job = await any_box.sandbox.start_job("exit 0")
    assert (job.exit_code, job.command) == (None, "exit 0")
    for call in (any_box.sandbox.job, any_box.sandbox.stop_job):
        with pytest.raises(KeyError):
            await call("nosuchjob")


async def test_jobs_life(any_box: Box) -> None:
    sandbox = any_box.sandbox
    await any_box.out("mkfifo go; shared=1; f() { echo from f; }")
    job = await sandbox.start_job("echo $shared; f; read -r x <go; echo got $x; own=1; exit 3")
    while "from f" not in (await sandbox.job(job.job_id)).output:
        await asyncio.sleep(0.01)
    assert (await sandbox.job(job.job_id)).exit_code is None
    await any_box.out("echo word >go; own=2")
    while (await sandbox.job(job.job_id)).exit_code is None:
        await asyncio.sleep(0.01)
    ended = await sandbox.job(job.job_id)
    assert (ended.exit_code, ended.output) == (3, "1\nfrom f\ngot word\n")
    assert await any_box.out("echo $own") == "2"  # a job changes nothing in the shell's state
    assert (await sandbox.stop_job(job.job_id)).exit_code == 3


async def test_stopped_job_takes_its_children_along(any_box: Box, nap: str) -> None:
    job = await any_box.sandbox.start_job(f"setsid -f {nap}; trap '' TERM; {nap}; {nap}")
    other = await any_box.sandbox.start_job("sleep 20; echo no")
    await eventually(lambda: len(on_host(nap)) >= 2)
    began = time.monotonic()
    stopped = await any_box.sandbox.stop_job(job.job_id)
    assert time.monotonic() - began < 2
    assert stopped.exit_code is not None
    assert on_host(nap) == []
    assert (await any_box.sandbox.job(other.job_id)).exit_code is None


async def test_job_has_secrets_and_outlives_commands(any_box: Box) -> None:
    job = await any_box.sandbox.start_job("sleep 0.3; echo ${#K}", secrets={"K": "secret-of-job"})
    assert await any_box.out("echo [$K]") == "[]"
    while (await any_box.sandbox.job(job.job_id)).exit_code is None:
        await asyncio.sleep(0.02)
    assert (await any_box.sandbox.job(job.job_id)).output == "13\n"


async def test_job_keeps_the_tail_of_its_output(make: Make, driver: str) -> None:
    box = await make(driver, limits={"output": 1000})
    job = await box.sandbox.start_job("seq 100000; echo end")
    while (await box.sandbox.job(job.job_id)).exit_code is None:
        await asyncio.sleep(0.02)
    output = (await box.sandbox.job(job.job_id)).output
    assert len(output) <= 1000
    assert output.endswith("99999\n100000\nend\n")


async def test_many_jobs_are_forgotten_oldest_first(box: Box) -> None:
    jobs = [await box.sandbox.start_job(f"echo {n}") for n in range(50)]
    last = jobs[-1].job_id
    while (await box.sandbox.job(last)).exit_code is None:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    known = []
    for job in jobs:
        with contextlib.suppress(KeyError):
            known.append((await box.sandbox.job(job.job_id)).output)
    assert known == [f"{n}\n" for n in range(18, 50)]


async def test_nothing_of_the_host_is_used_up(make: Make) -> None:
    box = await make()
    await box.out("true")
    threads, before = len(list(Path("/proc/self/task").iterdir())), descriptors()
    for n in range(30):
        await box.sh("sleep 5 & echo x")
        await box.sandbox.exec(["cat"], stdin=b"x" * 100_000)
        if n % 10 == 0:
            await box.sh("sleep 5", timeout=0.05)
    assert descriptors() <= before + 70  # leftovers keep at most 64 outputs open
    for _ in range(5):
        await box.sandbox.close()
        await box.sandbox.start()
    assert descriptors() <= before + 2
    assert len(list(Path("/proc/self/task").iterdir())) <= threads + 8
    assert [p for p in (box.root / "control").iterdir() if p.name[0].isdigit()] == []
    await box.sandbox.close()
    assert list((box.root / "control").iterdir()) == []


async def test_start_cancelled_leaves_nothing(tmp_path: Path) -> None:
    before = own_children()
    for delay in (0, 0.001, 0.004, 0.008, 0.012):
        root = tmp_path / f"cancelled-{delay}"
        sandbox = DRIVERS["bubblewrap"].create(SandboxSpec(root.name, root))
        task = asyncio.create_task(sandbox.start())
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.wait([task])
        await sandbox.close()
        await eventually(lambda: own_children() <= before, 2)


def test_a_supervisor_whose_server_is_gone_before_it_is_ready_ends(tmp_path: Path) -> None:
    """Nobody reads what it says, and its requests are closed."""
    launcher = PlainLauncher(SandboxSpec(tmp_path.name, tmp_path / "session"))
    launcher.prepare()
    code, said = launcher.launch().collect(10)
    assert (code >= 0, said) == (True, ""), "a negative code is that of a kill after ten seconds"


async def test_a_killed_sandbox_says_so_and_starts_again(box: Box, nap: str) -> None:
    await box.out("kept=1")
    task = asyncio.create_task(box.sh(nap))
    [pid, *_] = await eventually(lambda: on_host(nap))
    while (above := int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])) != os.getpid():
        pid = above
    os.kill(pid, signal.SIGKILL)
    done = await asyncio.wait_for(task, 3)
    assert (done.exit_code, done.stopped) == (None, "sandbox_died")
    await eventually(lambda: not on_host(nap), 2)
    assert not box.sandbox.alive
    await box.sandbox.start()
    assert await box.out("echo $kept") == "1"
