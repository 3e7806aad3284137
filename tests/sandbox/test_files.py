"""Reading and writing files as seen from inside: bytes, folders, errors, links, FIFOs, devices, races."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from cogmill.sandbox.protocol import SandboxError

from .conftest import MIB, Box, Make

DATA = bytes(range(256)) * 100


async def test_bytes_come_back_as_they_went(any_box: Box) -> None:
    files = any_box.sandbox
    for path, data in (
        ("plain", DATA), ("empty", b""), ("new/deep/er/file", b"x"), ("with space\n'\"$(id)\\*", b"1"), ("-n", b"dash"),
        ("ümlaut", b"2"), ("bytes-\udcff", b"3"), ("/home/agent/file", b"4"), ("/workspace/./a/../b", b"5"),
    ):  # fmt: skip
        if path == "/workspace/./a/../b":
            await any_box.out("mkdir -p a")
        await files.write_file(path, data)
        assert await files.read_file(path) == data
    await files.write_file("plain", b"short")
    assert await files.read_file("plain") == b"short"
    assert await any_box.out("cat ./-n") == "dash"
    assert (any_box.workspace / "new/deep/er/file").read_bytes() == b"x"


async def test_big_files(any_box: Box) -> None:
    data = os.urandom(MIB) * 9
    await any_box.sandbox.write_file("big", data)
    assert await any_box.sandbox.read_file("big") == data
    with pytest.raises(ValueError, match="larger than 1000 bytes"):
        await any_box.sandbox.read_file("big", max_bytes=1000)
    assert await any_box.sandbox.read_file("big", max_bytes=len(data)) == data


async def test_many_at_once(box: Box) -> None:
    numbers = range(20)
    await asyncio.gather(*(box.sandbox.write_file(f"f{n}", DATA + bytes([n])) for n in numbers))
    found = await asyncio.gather(*(box.sandbox.read_file(f"f{n}") for n in numbers))
    assert [one[-1] for one in found] == list(numbers)


async def test_errors_are_the_ones_python_gives(any_box: Box) -> None:
    files = any_box.sandbox
    await any_box.out(
        "mkdir folder; echo x >file; ln -s loop loop; ln -s nowhere dangling; mkfifo fifo; echo x >secret"
    )
    for path in ("missing", "missing/er", "file/below", "loop", "dangling"):
        with pytest.raises(FileNotFoundError):
            await files.read_file(path)
    with pytest.raises(IsADirectoryError):
        await files.read_file("folder")
    with pytest.raises(IsADirectoryError):
        await files.write_file("folder", b"")
    for path in ("file/below", "loop", "x" * 300):
        with pytest.raises(OSError):
            await files.write_file(path, b"")
    for path in ("", "a\0b"):
        with pytest.raises(ValueError):
            await files.read_file(path)
        with pytest.raises(ValueError):
            await files.write_file(path, b"")


async def test_names_that_look_like_messages(box: Box) -> None:
    for name in ("not a regular file", "Permission denied", "Is a directory"):
        with pytest.raises(FileNotFoundError):
            await box.sandbox.read_file(name)


async def test_rights_hold(box: Box) -> None:
    await box.out("echo x >closed; chmod 0 closed; mkdir -m 500 locked")
    for path in ("closed", "locked/new"):
        with pytest.raises(PermissionError):
            await box.sandbox.write_file(path, b"y")
    with pytest.raises(PermissionError):
        await box.sandbox.read_file("closed")
    for path in ("/etc/passwd", "/usr/new", "/run/cogmill/control/shell.sh", "/new", "/etc/new", "/dev/new"):
        with pytest.raises(PermissionError):
            await box.sandbox.write_file(path, b"y")


@pytest.mark.parametrize(
    "place", ["fifo", "socket", "/dev/zero", "/dev/null", "/dev/tty", "/dev/stdin", "/proc/1/fd/0"]
)
async def test_what_is_no_file_neither_blocks_nor_is_read(box: Box, place: str) -> None:
    make = "import os, socket; os.mkfifo('fifo'); socket.socket(socket.AF_UNIX).bind('socket')"
    assert (await box.python(make)).exit_code == 0
    async with asyncio.timeout(3):
        with pytest.raises(ValueError, match="not a regular file"):
            await box.sandbox.read_file(place)
        with pytest.raises(ValueError, match="not a regular file"):
            await box.sandbox.write_file(place, b"x" * 200_000)


async def test_links_inside_are_followed_inside(box: Box, tmp_path: Path) -> None:
    await box.out(
        "mkdir real; echo 1 >real/file; ln -s real link; ln -s /workspace/real/file direct; ln real/file hard"
    )
    for path in ("link/file", "direct", "hard"):
        assert await box.sandbox.read_file(path) == b"1\n"
    await box.sandbox.write_file("link/new", b"2")
    assert (box.workspace / "real/new").read_bytes() == b"2"
    # A link to a host path names the place of that path inside.
    (tmp_path / "host").write_text("host")
    await box.out(f"ln -s {tmp_path} out")
    with pytest.raises(FileNotFoundError):
        await box.sandbox.read_file("out/host")
    with pytest.raises(FileExistsError):
        await box.sandbox.write_file("out/made", b"3")
    await box.out(f"mkdir -p {tmp_path}")
    await box.sandbox.write_file("out/made", b"3")  # in the sandbox's own /tmp
    assert not (tmp_path / "made").exists()
    assert await box.out(f"cat {tmp_path}/made") == "3"


async def test_folder_swapped_for_a_link_while_writing(box: Box, tmp_path: Path) -> None:
    """The race that a host-side file API would lose: here it is decided inside, whoever wins."""
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    (outside / "file").write_text("untouched")
    swap = f"while :; do mkdir d 2>/dev/null; mv -T d e 2>/dev/null; ln -sfn {outside} d; rm -f d; mv -T e d; done"
    job = await box.sandbox.start_job(f"cd /workspace; {swap} >/dev/null 2>&1")
    for n in range(60):
        try:
            await box.sandbox.write_file("d/file", b"evil")
            await box.sandbox.read_file("d/file")
        except (OSError, ValueError):
            pass
        assert [one.name for one in outside.iterdir()] == ["file"], n
    assert (outside / "file").read_text() == "untouched"
    await box.sandbox.stop_job(job.job_id)


async def test_session_folders_prepared_by_the_agent_are_not_followed(box: Box, tmp_path: Path) -> None:
    """At the next start the host works in folders whose content the agent chose."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("safe")
    victim.chmod(0o755)
    before = (victim.stat(), (victim / "file").stat())
    await box.out(
        f"ln -s {victim} link; mkdir -p ~/x; ln -s {victim} ~/x/link; ln -s {victim}/file /run/cogmill/state/new2"
    )
    await box.sh(f"rm -f /run/cogmill/state/*; ln -s {victim}/file /run/cogmill/state/new")
    await box.again()
    assert await box.out("kept=1; echo fine") == "fine"
    after = (victim.stat(), (victim / "file").stat())
    assert [(s.st_uid, s.st_mode, s.st_mtime_ns) for s in after] == [
        (s.st_uid, s.st_mode, s.st_mtime_ns) for s in before
    ]
    assert (victim / "file").read_text() == "safe"


@pytest.mark.parametrize("name", ["workspace", "home", "state", "control"])
async def test_a_link_in_place_of_a_session_folder_is_refused(box: Box, tmp_path: Path, name: str) -> None:
    await box.sandbox.close()
    shutil.rmtree(box.root / name)
    (tmp_path / "elsewhere").mkdir()
    (box.root / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SandboxError):
        await box.sandbox.start()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
async def test_files_of_another_owner_are_handed_over(make: Make, tmp_path: Path) -> None:
    """A data folder copied from elsewhere, or of a server that ran as an ordinary user."""
    root, victim = tmp_path / "copied", tmp_path / "victim"
    (root / "workspace/sub").mkdir(parents=True)
    (root / "workspace/sub/file").write_text("old")
    victim.write_text("safe")
    (root / "workspace/link").symlink_to(victim)
    box = await make(root=root)
    assert await box.out("echo new >sub/file; cat sub/file; stat -c %u sub/file link") == "new\n1000\n1000"
    assert victim.stat().st_uid == 0


async def test_places_that_every_sandbox_sees_are_refused(make: Make, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="must not lie in /usr"):
        await make(root=Path("/usr/lib/cogmill-test"))
    assert not Path("/usr/lib/cogmill-test").exists()
    with pytest.raises(SandboxError, match="own folder"):
        await make(root=tmp_path / "sessions" / "one", read_only={"/shown": tmp_path})


async def test_files_of_a_dead_sandbox(box: Box) -> None:
    await box.sandbox.close()
    with pytest.raises(SandboxError):
        await box.sandbox.read_file("x")
    with pytest.raises(SandboxError):
        await box.sandbox.write_file("x", b"")
