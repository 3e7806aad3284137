"""What commands try in order to reach the host: files, processes, kernel, devices, network, identity."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from .conftest import Box, Make, assert_absent, on_host

CANARY = "canary-host-3b9d"
AS_ROOT = os.geteuid() == 0
# Constants for `syscall`, which the C library's names do not cover everywhere.
PRELUDE = "import ctypes, os, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What lies in a data folder, with a canary in every file."""
    data = tmp_path / "data"
    for name in ("keys.json", "cogmill.db", "cogmill.toml", "attachments/one", "sessions/other/push.bundle"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(CANARY)
    for folder in (data, data / "sessions"):
        folder.chmod(0o711)  # as the server does
    return data


@pytest.fixture
def host_process() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the server's own user outside."""
    with subprocess.Popen(["sleep", "97701"], env={"HOST_SECRET": CANARY}) as process:
        yield process
        process.kill()


@pytest.fixture
async def host_port() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on the host's loopback; its port and what it was told."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.write(CANARY.encode())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


async def test_host_files_cannot_be_read(make: Make, data: Path) -> None:
    other = await make(session_id="other-session", root=data / "sessions" / "other")
    await other.out(f"echo {CANARY} >secret; echo {CANARY} >~/secret; export KEPT={CANARY}; echo {CANARY} >/tmp/secret")
    box = await make(session_id="this-session", root=data / "sessions" / "this")
    hidden = [p for p in data.rglob("*") if p.is_file() and "this" not in p.parts]
    assert {p.name for p in hidden} >= {"keys.json", "cogmill.db", "secret", "shell"}
    places = [*hidden, "/etc/shadow", "/etc/gshadow", "/root", "/var/lib", "/home/*", "/opt", "/srv", "/boot", "/mnt"]
    for prefix in ("", "/proc/1/root", "/proc/self/root", "/proc/1/cwd", "/workspace/../..", "/proc/self/cwd/../../.."):
        words = " ".join(f"{prefix}{place}" for place in places)
        assert_absent(
            [CANARY, "root:*:", "root:$", "authorized_keys"], (await box.sh(f"cat {words}; ls -aR {words}")).output
        )
    for path in hidden:
        for name in (str(path), f"../../{path}", f"/proc/1/root{path}"):
            with pytest.raises(FileNotFoundError):
                await box.sandbox.read_file(name)
    assert_absent([CANARY], (await box.sh(f"grep -rs {CANARY[:-1]}[d] / --exclude-dir=proc --exclude-dir=usr")).output)


async def test_links_lead_nowhere(box: Box, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(CANARY)
    await box.out(f"ln -s {tmp_path}/outside one; ln -s / two; ln -s /proc/1/root three; ln -s ../../outside four")
    for path in ("one", f"two/{tmp_path}/outside", f"three/{tmp_path}/outside", "four"):
        with pytest.raises(FileNotFoundError):
            await box.sandbox.read_file(path)
    # Written through a link, a file appears inside or nowhere.
    for path in ("one", f"two/{tmp_path}/new", "four"):
        with suppress(OSError):
            await box.sandbox.write_file(path, b"changed")
    assert (tmp_path / "outside").read_text() == CANARY
    assert not (tmp_path / "new").exists()
    for command in ("ln /usr/bin/env hard", "ln /etc/passwd hard", "ln /run/cogmill/control/shell.sh hard"):
        assert (await box.sh(command)).exit_code != 0


async def test_system_is_read_only_and_small(box: Box) -> None:
    for path in (
        "/",
        "/usr",
        "/usr/bin",
        "/etc",
        "/dev",
        "/run",
        "/run/cogmill",
        "/run/cogmill/control",
        "/home",
        "/var",
    ):
        assert (await box.sh(f": >{path}/.evil || mkdir {path}/.evil")).exit_code != 0, path
    assert (await box.sh("echo x >/usr/bin/env || chmod 777 /usr/bin/env || rm -f /usr/bin/env")).exit_code != 0
    assert (
        await box.sh("mv /etc /x || rmdir /home/agent || rm /etc/passwd || mount -o remount,rw /usr")
    ).exit_code != 0
    assert set((await box.out("ls -A /")).split()) <= {
        "bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "home", "dev", "proc", "run", "tmp", "var",
        "workspace",
    }  # fmt: skip
    assert await box.out("ls -A /home") == "agent"
    assert set((await box.out("ls /var")).split()) == {"run", "tmp"}


async def test_shown_folders_are_read_only(make: Make, tmp_path: Path) -> None:
    shown = tmp_path / "mirrors" / "a.git"
    shown.mkdir(parents=True)
    (shown / "HEAD").write_text("ref")
    (shown.parent / "b").write_text(CANARY)
    shown.chmod(0o755)
    box = await make(read_only={"/repos/a.git": shown})
    assert (
        await box.out("cat /repos/a.git/HEAD; ls /repos /repos/a.git/..")
        == "ref/repos:\na.git\n\n/repos/a.git/..:\na.git"
    )
    for command in ("echo x >/repos/a.git/HEAD", "rm /repos/a.git/HEAD", "touch /repos/a.git/x", "touch /repos/x"):
        assert (await box.sh(command)).exit_code != 0
    assert (shown / "HEAD").read_text() == "ref"
    with pytest.raises(PermissionError):
        await box.sandbox.write_file("/repos/a.git/HEAD", b"x")


async def test_host_processes_are_neither_seen_nor_reached(box: Box, host_process: subprocess.Popen[bytes]) -> None:
    assert_absent(["97701", CANARY, "pytest"], await box.out("cat /proc/*/cmdline /proc/*/environ; ps ax; exit 0"))
    for pid in (host_process.pid, os.getpid()):
        for command in (
            f"kill -9 {pid}",
            f"ls /proc/{pid}",
            f"cat /proc/{pid}/environ",
            f"prlimit --pid {pid} --nofile",
        ):
            assert (await box.sh(command)).exit_code != 0, command
    await box.sh("kill -9 1; kill -TERM 1; kill -STOP 1; kill -INT 1; kill -9 -1", timeout=5)
    await box.sh("for ((n = 2; n < 5000; n++)); do kill -9 $n; done 2>/dev/null", timeout=10)
    assert host_process.poll() is None
    assert box.sandbox.alive
    assert await box.out("echo well") == "well"


async def test_supervisor_holds_nothing_of_the_host(box: Box) -> None:
    targets = (await box.out("readlink /proc/1/fd/*; readlink /proc/self/fd/* /proc/$PPID/fd/*; exit 0")).splitlines()
    odd = [t for t in targets if not t.startswith(("pipe:", "/dev/null", "/run/cogmill/control/", "/proc/"))]
    assert odd == []
    assert await box.out("readlink /proc/1/root /proc/1/cwd") == "/\n/workspace"
    # Arguments of bwrap itself, which name host folders, show nowhere.
    assert_absent([str(box.root), "ro-bind"], await box.out("cat /proc/*/cmdline | tr '\\0' ' '"))


async def test_no_rights_whatever(box: Box) -> None:
    status = dict(line.split(":\t", 1) for line in (await box.out("cat /proc/self/status")).splitlines())
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split() == ["1000"] * 4
    assert await box.out("id -u; id -G; whoami; hostname") == "1000\n1000\nagent\nsandbox"


KERNEL = (
    "mount -t tmpfs none /tmp", "mount --bind /usr /tmp", "umount /usr", "umount -l /workspace",
    "mount -t proc proc /tmp", "mount -t sysfs sysfs /tmp", "mount -t overlay -o lowerdir=/usr,upperdir=/tmp x /tmp",
    "unshare -U true", "unshare -Ur true", "unshare -m true", "unshare -n true", "unshare -p true", "unshare -i true",
    "unshare -Urm mount -o remount,rw,bind /usr", "nsenter -t 1 -a true", "nsenter -t 1 -U true", "chroot /usr true",
    "mknod /workspace/disk b 8 0", "mknod /tmp/mem c 1 1", "echo 1 >/proc/sys/kernel/core_pattern",
    "echo x >/proc/sys/kernel/hostname", "echo 9 >/proc/sys/user/max_user_namespaces", "echo b >/proc/sysrq-trigger",
    "echo 0 >/proc/sys/kernel/yama/ptrace_scope", "echo 3 >/proc/sys/vm/drop_caches", "hostname evil",
    "date -s 2000-01-01", "cat /proc/kmsg", "head -c1 /proc/kcore", "dmesg",
    "echo 0 >/proc/1/oom_score_adj && echo -900 >/proc/self/oom_score_adj",
    "nice -n -5 true 2>&1 | grep -q . && false", "echo 0 1000 1 >/proc/self/uid_map", "chown 0 /workspace",
    "su -c true", "swapoff /dev/vda", "modprobe dummy", "losetup /dev/loop0 /tmp/x",
    "cat /dev/mem /dev/sda /dev/vda /dev/kmsg", "ls /sys/kernel", "echo x >/proc/self/attr/current",
    "chattr +i /workspace", "ip link set lo up", "iptables -L", "ping -c1 127.0.0.1", "setpriv --reuid 0 true",
    "sysctl -w kernel.panic=1", "ls /dev/disk", "reboot -f", "ulimit -u 100000", "ulimit -q 819200",
    "ulimit -t unlimited", "ulimit -c unlimited", "cat /proc/1/mem", "test -e /dev/kvm", "test -e /dev/fuse",
    "test -e /dev/net/tun",
)  # fmt: skip


async def test_kernel_gives_nothing_away(box: Box) -> None:
    core = Path("/proc/sys/kernel/core_pattern").read_text()
    report = "\n".join(
        f"( {command} ) >/dev/null 2>&1 </dev/null && echo ESCAPED: {n}" for n, command in enumerate(KERNEL)
    )
    output = (await box.sh(report + "\necho finished", timeout=30)).output
    assert output.splitlines() == ["finished"], [KERNEL[int(x.rpartition(" ")[2])] for x in output.splitlines()[:-1]]
    assert Path("/proc/sys/kernel/core_pattern").read_text() == core


SYSCALLS = """
def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    print(name, "ESCAPED" if result >= 0 else os.strerror(ctypes.get_errno()))
    return result
NEWUSER, NEWNS, NEWNET, NEWPID = 0x10000000, 0x20000, 0x40000000, 0x20000000
for flag in (NEWUSER, NEWNS, NEWNET, NEWPID, NEWUSER | NEWNS, 0x4000000, 0x8000000, 0x2000000):
    call("unshare", flag)
call("setuid", 0), call("setgid", 0), call("setresuid", 0, 0, 0), call("setgroups", 0, 0)
call("mount", b"none", b"/tmp", b"tmpfs", 0, None), call("umount2", b"/usr", 2), call("pivot_root", b"/", b"/tmp")
call("chroot", b"/usr"), call("mknod", b"/tmp/x", 0o60666, 0x800), call("sethostname", b"x", 1)
call("ptrace", 16, PID, 0, 0), call("kill", PID, 9), call("reboot", 0x1234567), call("swapon", b"/tmp/x", 0)
call("acct", b"/tmp/x"), call("setns", os.open("/proc/self/ns/mnt", 0), 0), call("prctl", 8, 1, 0, 0, 0) if 0 else None
call("open_by_handle_at", -100, b"\\x08\\0\\0\\0\\1\\0\\0\\0" + bytes(16), 0), call("init_module", 0, 0, b"")
"""


async def test_system_calls_are_refused(box: Box, host_process: subprocess.Popen[bytes]) -> None:
    done = await box.python(PRELUDE + f"PID = {host_process.pid}\n" + SYSCALLS)
    assert done.exit_code == 0, done
    assert "ESCAPED" not in done.output, done.output
    assert done.output.count("\n") > 20
    assert host_process.poll() is None


@pytest.mark.skipif(not AS_ROOT, reason="only root can make a setuid file of root and a device")
async def test_setuid_files_and_devices_made_outside_are_of_no_use(box: Box) -> None:
    program = box.workspace / "as-root"
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)
    assert await box.out("./as-root -u; ./as-root -ru") == "1000\n1000"
    os.mknod(box.workspace / "zero", 0o20666, os.makedev(1, 5))
    (box.workspace / "zero").chmod(0o666)
    assert (await box.sh("head -c1 zero")).exit_code != 0


KEYRING = (
    PRELUDE
    + """
import platform
ADD, KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(platform.machine(), (None, None))
def find(name):
    key = libc.syscall(KEYCTL, 10, -3, b"user", name, 0)  # KEYCTL_SEARCH in the session keyring
    buffer = ctypes.create_string_buffer(100)
    return buffer.value.decode() if key > 0 and libc.syscall(KEYCTL, 11, key, buffer, 100) > 0 else ""
def add(name, value):
    return libc.syscall(ADD, b"user", name, value, len(value), -3)
"""
)


SERVER = (
    KEYRING
    + """
import asyncio, pathlib
from cogmill.sandbox.bubblewrap import BubblewrapDriver
from cogmill.sandbox.protocol import SandboxSpec
async def main():
    box = BubblewrapDriver().create(SandboxSpec("keys", pathlib.Path(sys.argv[1])))
    await box.start()
    done = await box.exec(["/usr/bin/python3", "-I", "-c", sys.argv[2]])
    print(done.stdout.decode(), done.stderr.decode())
    await box.close()
if ADD is None or add(b"cogmill-test", b"CANARY") < 0:
    print("no keyrings")
else:
    print("own", find(b"cogmill-test"))
    asyncio.run(main())
"""
)


def test_servers_keyring_is_not_inherited(tmp_path: Path) -> None:
    inside = KEYRING + "print('inside', find(b'cogmill-test'))"
    command = [sys.executable, "-c", SERVER.replace("CANARY", CANARY), str(tmp_path / "session"), inside]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    if said == "no keyrings\n":
        pytest.skip("this kernel has no keyrings")
    assert f"own {CANARY}\n" in said
    assert "inside \n" in said


async def test_environment_of_the_server_stays_outside(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "COGMILL_MODEL_API_KEY", "LD_LIBRARY_PATH", "SSH_AUTH_SOCK", "PYTHONPATH"):
        monkeypatch.setenv(name, CANARY)
    box = await make(environment={"GIVEN": "yes"})
    names = {
        "HOME",
        "LANG",
        "LOGNAME",
        "PATH",
        "SHELL",
        "TERM",
        "TMPDIR",
        "USER",
        "GIVEN",
        "PWD",
        "SHLVL",
        "_",
        "OLDPWD",
    }
    for command in ("env", "cat /proc/*/environ | tr '\\0' '\\n'"):
        said = await box.out(command)
        assert {line.partition("=")[0] for line in said.splitlines() if line} <= names
        assert "GIVEN=yes" in said
        assert CANARY not in said
    done = await box.sandbox.exec(["/usr/bin/env"])
    assert {line.partition(b"=")[0].decode() for line in done.stdout.splitlines()} <= names


async def test_network_is_off(box: Box, host_port: tuple[int, list[bytes]]) -> None:
    port, heard = host_port
    code = (
        "import socket\n"
        f"for place in (('127.0.0.1', {port}), ('::1', {port}), ('10.255.255.1', 9), ('localhost', {port})):\n"
        "    try: socket.create_connection(place, 1); print('ESCAPED', place)\n"
        "    except OSError as error: print(error)\n"
        "try: socket.getaddrinfo('example.org', 80); print('ESCAPED name')\n"
        "except OSError as error: print(error)\n"
        "try: socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print('ESCAPED raw')\n"
        "except OSError as error: print(error)\n"
    )
    done = await box.python(code, timeout=20)
    assert done.exit_code == 0
    assert "ESCAPED" not in done.output, done.output
    assert await box.out("tail -n +2 /proc/net/route; tail -n +3 /proc/net/dev | grep -v lo:; exit 0") == ""
    # Its own loopback works: tests of projects need it.
    own = "import socket\ns = socket.create_server(('', 0)); socket.create_connection(s.getsockname()); print('ok')"
    assert (await box.python(own)).output == "ok\n"
    assert heard == []


async def test_unix_sockets_of_the_host_are_out_of_reach(box: Box) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_unix_server(serve, "\0cogmill-test-abstract")
    async with server:
        code = "import socket; socket.socket(socket.AF_UNIX).connect('\\0cogmill-test-abstract')"
        done = await box.python(code)
        assert (done.exit_code, "Connection refused" in done.output) == (1, True), done
    assert (await box.sh("ls /run/*.sock /run/docker* /run/dbus /var/run/* | grep -v cogmill")).output.count(
        "/run/"
    ) <= 3


async def test_network_is_there_when_allowed(make: Make, host_port: tuple[int, list[bytes]]) -> None:
    box = await make(network=True)
    port, heard = host_port
    said = await box.out(f"exec 3<>/dev/tcp/127.0.0.1/{port}; echo hello >&3; cat <&3")
    assert said == CANARY
    assert heard == [b"hello\n"]
    # Everything else stays as it is.
    assert (
        await box.sh("cat /etc/shadow || ls /root || unshare -U true || kill -9 " + str(os.getpid()))
    ).exit_code != 0
    if Path("/etc/resolv.conf").exists():
        assert await box.out("cat /etc/resolv.conf") == Path("/etc/resolv.conf").read_text().rstrip("\n")


async def test_sessions_do_not_see_each_other(make: Make) -> None:
    one, two = await make(), await make()
    await one.sandbox.start_job("exec sleep 97711")
    await one.out("echo mine >/tmp/shared; echo mine >/dev/shm/shared; umask 0; mkdir open; echo mine >open/file")
    seen = await two.out("cat /proc/*/cmdline; ls /tmp /dev/shm; cat /tmp/shared; exit 0")
    assert "97711" not in seen
    assert "mine" not in seen
    assert (await two.sh("pkill -9 sleep; kill -9 -1")).exit_code is not None
    assert on_host("sleep 97711")
    code = PRELUDE + "print(libc.shmget(4711, 4096, {0}), libc.semget(4711, 1, {0}))"
    assert "-1" not in (await one.python(code.format("0o1666"))).output
    assert (await two.python(code.format("0"))).output == "-1 -1\n"
    if AS_ROOT:
        assert one.workspace.stat().st_uid != two.workspace.stat().st_uid


@pytest.mark.skipif(not AS_ROOT, reason="only root gives each session a user id of its own")
async def test_files_belong_to_a_user_without_rights_on_the_host(box: Box) -> None:
    await box.out("touch file; touch /run/cogmill/state/x")
    uid = box.workspace.stat().st_uid
    assert uid >= 20_000
    assert (box.workspace / "file").stat().st_uid == uid
    assert box.root.stat().st_uid == 0
    assert box.root.stat().st_mode & 0o077 == 0
    # Seen from the host, no process of the sandbox is root's.
    await box.sandbox.start_job("exec sleep 97721")
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in on_host("sleep 97721")} <= {uid, 0}
    for pid in on_host("sleep 97721"):
        owner = Path(f"/proc/{pid}/status").read_text().partition("Uid:")[2].split()[0]
        assert int(owner) == uid


async def test_debugger_reaches_only_own_processes(box: Box) -> None:
    code = PRELUDE + (
        "child = os.fork()\n"
        "if child == 0: os.execv('/bin/sleep', ['sleep', '5'])\n"
        "print(libc.ptrace(0x4206, child, 0, 0))\nos.kill(child, 9)\n"
    )
    assert (await box.python(code)).output == "0\n"  # people debug their programs


async def test_signals_to_groups_stay_inside(box: Box) -> None:
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: pytest.fail("the host got the signal"))
    try:
        await box.sh("kill -TERM 0; kill -TERM -$$; kill -TERM -1", timeout=5)
        await box.sh("kill -TERM -- -$(ps -o pgid= 1)", timeout=5)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert await box.out("echo well") == "well"
