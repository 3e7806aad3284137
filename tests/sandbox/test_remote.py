"""A sandbox on a worker does what a local one does; a connection that is lost answers nothing and leaves nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cogmill.sandbox.protocol import SandboxError, SandboxSpec
from cogmill.sandbox.remote.frames import MOST, PART, BadFrame, Parts, pack, unpack
from cogmill.sandbox.remote.line import Line

from .conftest import eventually, on_host
from .remote import Remote, RemoteDriver, pipes


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Remote]:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "HEAD").write_text("ref")
    spec = SandboxSpec("devin-remote", tmp_path / "session", {"/mirrors/one": tmp_path / "mirror"})
    made = RemoteDriver().create(spec)
    await made.start()
    yield made
    await made.leave()


async def test_commands_files_and_jobs(remote: Remote) -> None:
    shown: list[str] = []
    command = "echo $WORD; cd /tmp; printf 'é'; pwd >&2"
    done = await remote.run(command, secrets={"WORD": "s3cret"}, on_output=shown.append)
    assert (done.exit_code, done.output, "".join(shown)) == (0, "s3cret\né/tmp\n", "s3cret\né/tmp\n")
    assert (await remote.run("pwd; echo ${WORD-none}")).output == "/tmp\nnone\n"  # the folder lasts, no secret does
    assert (await remote.run("cat /mirrors/one/HEAD")).output == "ref"
    assert (await remote.run("sleep 9", timeout=0.2)).stopped == "timeout"
    raw = bytes(range(256)) * 8192  # several frames, both ways
    assert len(raw) > 3 * PART
    told = await remote.exec(["sh", "-c", "cat; echo no >&2; exit 3"], stdin=raw, max_output=len(raw))
    assert (told.exit_code, told.stdout, told.stderr) == (3, raw, b"no\n")
    await remote.write_file("a/b", raw)
    assert await remote.read_file("/workspace/a/b") == raw
    for path, kind in (("none", FileNotFoundError), ("a", IsADirectoryError), ("/etc/passwd/x", FileNotFoundError)):
        with pytest.raises(kind, match=path):
            await remote.read_file(path)
    with pytest.raises(ValueError, match="larger"):
        await remote.read_file("a/b", max_bytes=10)
    with pytest.raises(PermissionError):
        await remote.write_file("/usr/x", b"")
    job = await remote.start_job("echo begun; sleep 97669101")
    await eventually(lambda: on_host("sleep 97669101"))
    assert (await remote.job(job.job_id)).output == "begun\n"
    assert (await remote.stop_job(job.job_id)).command == "echo begun; sleep 97669101"
    with pytest.raises(KeyError):
        await remote.job("none")
    assert (remote.isolated, remote.alive, remote.seen("/workspace/x")) == (True, True, "/workspace/x")
    await remote.close()
    assert not remote.alive
    with pytest.raises(SandboxError, match="start it first"):
        await remote.run("true")


async def test_a_command_that_is_cancelled_has_ended_when_that_returns(remote: Remote) -> None:
    task = asyncio.create_task(remote.run("sleep 97669102 & sleep 97669103"))
    await eventually(lambda: on_host("sleep 97669102"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert on_host("sleep 9766910") == []
    assert (await remote.run("echo on")).output == "on\n"


async def test_a_lost_connection_answers_nothing_and_ends_everything_there(remote: Remote) -> None:
    task = asyncio.create_task(remote.run("sleep 97669104"))
    await eventually(lambda: on_host("sleep 97669104"))
    await remote.there.close(1006, "cut")
    await eventually(lambda: not on_host("sleep 97669104"), 2)
    await asyncio.wait([task], timeout=0.1)
    assert not task.done()  # no error, which would read as a step that failed
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(remote.close(), 1)


async def test_frames_that_nobody_may_send_end_the_connection() -> None:
    for frame in (b"", b"\0\0\0\x09{}", b"\0\0\0\x02[]", b"\0\0\0\x02{x", b'\0\0\0\x0a{"id":"a"}'):
        with pytest.raises(BadFrame):
            unpack(frame)
    parts = Parts()
    frames = list(pack({"id": 7, "do": "x"}, b"a" * (2 * PART + 1)))
    assert [parts.add(frame) for frame in frames] == [None, None, ({"id": 7, "do": "x"}, b"a" * (2 * PART + 1))]
    flood = next(pack({"id": 1}, b"a" * PART * 2))
    for number in range(MOST // PART):
        parts.add(next(pack({"id": number}, b"a" * PART * 2)))
    with pytest.raises(BadFrame, match="too long"):
        parts.add(flood)
    here, there = pipes()
    line = Line(here)
    await there.send(next(pack({"id": 0, "hello": 99})))
    with pytest.raises(BadFrame, match="version 1"):
        await line.greet()
    await there.send(b"rubbish")
    await line.listen()
    assert line.closed.is_set()
    assert "cut off" in line.why
