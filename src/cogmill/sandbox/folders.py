"""The folders of one session on the host: who owns them, how they are made safe to start on."""

import contextlib
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cogmill.sandbox.protocol import SandboxError

SHELL = "shell.sh"
_PLENTY = range(1_879_048_192, 2_147_352_576)
"""User ids above every range that distributions and systemd hand out."""
_FEW = range(20_000, 60_000)
"""For servers inside a user namespace that maps only 65,536 ids."""

ETC = {
    "passwd": "root:x:0:0:root:/:/usr/sbin/nologin\n"
    "agent:x:1000:1000:agent:/home/agent:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "group": "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def session_uid(session_id: str) -> int:
    """The same id for the same session, always. Rarely two share one: namespaces still keep them apart."""
    ids = _PLENTY if _mapped(_PLENTY) else _FEW
    if not _mapped(ids):
        raise SandboxError("This container maps too few user ids for the sandbox; run the server as an ordinary user.")
    return ids[int.from_bytes(sha256(session_id.encode()).digest()[:8]) % len(ids)]


def _mapped(ids: range) -> bool:
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= ids.start and ids.stop <= first + count:
            return True
    return False


@dataclass(slots=True)
class Folders:
    """`workspace`, `home` and `state` belong to the session's user, `control` to the server."""

    root: Path
    uid: int | None
    """The user commands run as when that is not the server's own."""
    layered: bool = False
    """Workspace and home hold only what the session wrote; below them lie the files that it began with."""

    @property
    def layers(self) -> Path:
        return self.root / "layers"

    @property
    def workspace(self) -> Path:
        return (self.layers if self.layered else self.root) / "workspace"

    @property
    def home(self) -> Path:
        return (self.layers if self.layered else self.root) / "home"

    @property
    def scratch(self) -> tuple[Path, ...]:
        """What the kernel needs beside each upper layer."""
        names = ("workspace.work", "home.work") if self.layered else ()
        return tuple(self.layers / name for name in names)

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def control(self) -> Path:
        return self.root / "control"

    @property
    def writable(self) -> tuple[Path, Path, Path]:
        return self.workspace, self.home, self.state

    def prepare(self) -> None:
        """Make what is missing, hand over what has another owner, clear what a crash left. Blocks: call in a thread."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            outer = (self.layers,) if self.layered else ()
            for folder in (*outer, *self.scratch, *self.writable, self.control):
                folder.mkdir(mode=0o700, exist_ok=True)
                if not stat.S_ISDIR(folder.lstat().st_mode):
                    raise SandboxError(f"{folder} is not a plain folder.")
            # Only the session's own control files need be readable inside; the root keeps other host users out.
            self.root.chmod(0o700)
            self.control.chmod(0o755)
            self._hand_over()
            self.clear()
            self._fill()
        except OSError as error:
            raise SandboxError(f"The session's folders cannot be prepared: {error}") from error

    def _hand_over(self) -> None:
        if self.uid is None:
            return
        for folder in (self.layers, *self.scratch) if self.layered else ():
            os.chown(folder, self.uid, self.uid)
        for folder in self.writable:
            if folder.stat().st_uid == self.uid:
                continue
            # coreutils copes with any depth and follows no links; the top goes last, so a broken walk starts again.
            owner = f"{self.uid}:{self.uid}"
            chown = ["chown", "-RhP", owner, "--", *map(str, folder.iterdir())]
            if len(chown) > 4:
                done = subprocess.run(chown, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SandboxError(f"Handing over {folder} failed: {done.stderr.strip()[:300]}")
            os.chown(folder, self.uid, self.uid)

    def clear(self) -> None:
        """Remove FIFOs and command texts; only the host writes there, so nothing can be in the way."""
        for entry in os.scandir(self.control):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                Path(entry).unlink()

    def _fill(self) -> None:
        (self.control / SHELL).write_text(Path(__file__).with_name(SHELL).read_text())
        for name, text in ETC.items():
            (self.control / name).write_text(text)
        for entry in self.control.iterdir():
            entry.chmod(0o644)
        self.fifo("events")

    def fifo(self, name: str) -> Path:
        path = self.control / name
        os.mkfifo(path, 0o600)
        if self.uid is not None:
            os.chown(path, self.uid, self.uid)
        return path


def remove(folder: Path) -> None:
    """Remove a session's folder, with folders that its commands made read-only. What cannot be removed is left."""
    for path, folders, _ in os.walk(folder):
        for one in [Path(path), *(Path(path, name) for name in folders)]:
            if not one.is_symlink():
                with contextlib.suppress(OSError):
                    one.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
