"""The control channel: what user code writes there harms its own session at most."""

import asyncio
import time

import pytest

from .conftest import Box, Make, on_host

EVENTS = "/run/cogmill/control/events"


async def fine(box: Box) -> None:
    """The session works, after a new start when it had to end."""
    if not box.sandbox.alive:
        await box.sandbox.start()
    assert await box.out("echo fine", timeout=5) == "fine"
    assert (await box.sandbox.exec(["echo", "fine"])).stdout == b"fine\n"


@pytest.mark.parametrize(
    "rubbish",
    [
        "end", "end x 0", "end 1", "end 1 0 0", "end 99 0", "end -1 0", "end 1 999999", "end 1 -5", "open", "open 1",
        "open 99", "saved 99", "saved x", "ready", "ready ready", "\\xff\\xfe\\x00", "END 1 0", "end  1  0x0", "",
        "end 18446744073709551617 0", "end 1e3 0", "end \\xd9\\xa1 0",
    ],
)  # fmt: skip
async def test_single_strange_lines_are_ignored(box: Box, rubbish: str) -> None:
    await box.out("true")
    done = await box.sh(f"printf '{rubbish}\\n' >{EVENTS}; sleep 0.05; echo said; exit 6", timeout=5)
    assert (done.exit_code, done.output, done.stopped) == (6, "said\n", None)
    assert box.sandbox.alive
    await fine(box)


async def test_forged_end_ends_only_the_forgers_command(make: Make) -> None:
    box, other = await make(), await make()
    waiting = asyncio.create_task(other.sh("sleep 0.5; echo whole"))
    done = await box.sh(f"for n in {{1..200}}; do echo end $n 0; done >{EVENTS}; sleep 97911", timeout=5)
    assert (done.exit_code, done.stopped) == (0, None)  # it believes its own lie
    assert (await waiting).output == "whole\n"
    await fine(box)
    await box.sandbox.close()
    assert on_host("sleep 97911") == []


@pytest.mark.parametrize(
    "flood",
    [
        "yes", "yes ready", "yes 'end 1 0'", "cat /dev/urandom", "tr '\\0' x </dev/zero", "yes \"saved $__cogmill_id\"",
        "yes \"open $__cogmill_id\"", "yes ''",
    ],
)  # fmt: skip
async def test_flood_of_events_ends_the_session_not_the_server(make: Make, flood: str) -> None:
    box, other = await make(), await make()
    await box.out("kept=1")
    task = asyncio.create_task(box.sh(f"{flood} >{EVENTS}", timeout=5, secrets={"S": "there"}))
    loop, worst = asyncio.get_running_loop(), 0.0
    until = loop.time() + 0.25
    while loop.time() < until:
        began = loop.time()
        await asyncio.sleep(0.005)
        worst = max(worst, loop.time() - began)
        assert await other.out("echo quick") == "quick"
    done = await asyncio.wait_for(task, 3)
    assert (done.exit_code, done.stopped) == (None, "sandbox_died")
    assert worst < 0.2
    await fine(box)
    assert await box.out("echo $kept") == "1"


async def test_line_without_end(box: Box) -> None:
    done = await box.sh(f"head -c 100000 /dev/zero | tr '\\0' a >{EVENTS}; sleep 5", timeout=5)
    assert done.stopped == "sandbox_died"
    await fine(box)


async def test_many_stopped_commands_are_not_taken_for_rubbish(box: Box) -> None:
    """Each tells its end after the host has stopped listening."""
    for _ in range(30):
        await box.sh(f"for n in {{1..60}}; do echo strange; done >{EVENTS}", timeout=5)
    assert box.sandbox.alive


async def test_reading_and_blocking_the_channel(box: Box) -> None:
    job = await box.sandbox.start_job(f"exec 5<>{EVENTS}; cat <&5 >/dev/null")
    done = await box.sh("echo lost", timeout=1)  # the thief may have taken the news of its end
    assert done.output in {"lost\n", ""}
    await box.sandbox.close()
    await box.sandbox.start()
    await fine(box)
    with pytest.raises(KeyError):
        await box.sandbox.job(job.job_id)


async def test_stealing_requests(box: Box) -> None:
    await box.sandbox.start_job("cat /proc/1/fd/0 >/workspace/stolen")
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await box.sh("echo maybe", timeout=0.5)
    assert time.monotonic() - began < 8
    await box.sandbox.close()
    await box.sandbox.start()
    await fine(box)


async def test_output_of_others_can_be_forged_only_within_the_session(make: Make) -> None:
    box, other = await make(), await make()
    spray = "for n in {1..60}; do for e in out err in; do [[ -p C/$n.$e ]] && echo forged >C/$n.$e; done; done"
    waiting = asyncio.create_task(other.sh("sleep 0.6; echo clean"))
    await box.sandbox.start_job(f"while :; do {spray}; done 2>/dev/null".replace("C/", "/run/cogmill/control/"))
    done = await box.sh("sleep 0.3; echo own; exit 4", timeout=5)
    assert done.exit_code in {4, 137}  # a forger that comes first takes the place of the command's own output
    assert (await waiting).output == "clean\n"


async def test_control_folder_cannot_be_changed(box: Box) -> None:
    for command in (
        "rm C/events",
        "mv C/events C/x",
        "echo x >C/shell.sh",
        "mkfifo C/1.out",
        "chmod 777 C",
        "ln -s / C/y",
    ):
        assert (await box.sh(command.replace("C", "/run/cogmill/control"))).exit_code != 0
    await fine(box)


@pytest.mark.parametrize(
    "state",
    [
        "mkfifo {s}/new", "ln -s /etc/shadow {s}/new", "mkdir {s}/new", "ln -s loop {s}/new", "chmod 0 {s}",
        "rm -f {s}/shell; mkfifo {s}/shell", "rm -f {s}/shell; mkdir {s}/shell", "head -c 3M /dev/urandom >{s}/shell",
        "echo 'exit 9' >{s}/shell", "echo 'if true; then' >{s}/shell", "rm -rf {s}/*", "ln -sf /dev/zero {s}/shell",
        "echo 'return 1' >{s}/shell", "touch -- {s}/-rf",
    ],
)  # fmt: skip
async def test_rubbish_in_the_kept_state_does_not_hang_the_session(box: Box, state: str) -> None:
    await box.out("x=1")
    await box.sh(state.format(s="/run/cogmill/state") + "; kill -9 $BASHPID", timeout=5)
    done = await box.sh("echo here", timeout=3)
    assert done.stopped is None, done
    assert (await box.sandbox.exec(["rm", "-rf", "/run/cogmill/state/shell", "/run/cogmill/state/new"])).exit_code in {
        0,
        1,
    }
    await box.sandbox.exec(["chmod", "700", "/run/cogmill/state"])
    await box.again()
    await fine(box)


async def test_supervisor_starved_of_everything_harms_its_session_only(make: Make) -> None:
    box, other = await make(), await make()
    await box.sh("prlimit --pid 1 --nofile=3 --nproc=1 --fsize=0 --data=0 || true", timeout=5)
    maybe = asyncio.create_task(box.sh("echo maybe", timeout=5))
    assert await other.out("echo quick") == "quick"
    await asyncio.sleep(0.2)
    await box.sandbox.close()
    await maybe
    await box.sandbox.start()
    await fine(box)
