"""How a session begins with a snapshot: as a layer below its own files where the kernel can, else as a copy."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cogmill.kit.logs import logger
from cogmill.sandbox.folders import Folders, session_uid
from cogmill.sandbox.protocol import SandboxError, SandboxSpec
from cogmill.sandbox.staging import STARTER

if TYPE_CHECKING:
    from cogmill.sandbox.bubblewrap import BubblewrapDriver

log = logger("sandbox")
NAMES = ("workspace", "home")
# What sessions do with files of the snapshot: change, remove, replace, move a folder, link, read, change rights.
_SCRIPT = """set -e
cd /workspace
echo more >>kept
[ "$(cat kept)" = "below
more" ]
rm folder/file
[ ! -e folder/file ]
mv folder moved
ln kept linked
chmod 600 kept
mv kept renamed
[ -f /home/agent/there ]
"""


def begin(folders: Folders, base: Path, can_layer: Callable[[], bool]) -> None:
    """Choose, once in a session's life, how its files lie over `base`; copies them when there is no better way."""
    if folders.layers.is_dir():
        folders.layered = True
    elif not (folders.root / "workspace").is_dir():
        folders.layered = can_layer()
        if not folders.layered:
            copy_base(folders.root, base)


def copy_base(root: Path, base: Path) -> None:
    """Shares blocks where the file system can; a copy that was cut is made anew."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in reversed(NAMES):  # the workspace last: where it is, all is
        target, staging = root / name, root / f".{name}.copying"
        for left in (staging, target):
            shutil.rmtree(left, ignore_errors=True)
        copy = ["cp", "-a", "--reflink=auto", "--", str(base / name), str(staging)]
        done = subprocess.run(copy, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SandboxError(f"The snapshot cannot be copied: {done.stderr.strip()[:300]}")
        staging.rename(target)


def works(driver: "BubblewrapDriver", folder: Path) -> bool:
    """Try it: a snapshot of another user below, all that sessions do to it above."""
    root = Path(tempfile.mkdtemp(prefix=".layers-", dir=folder))
    try:
        code, text = _try(driver, root)
    except (OSError, SandboxError, RuntimeError) as error:
        code, text = 1, str(error)
    finally:
        _remove(root)
    if code != 0:
        log.warning("snapshots_are_copied", folder=str(folder), cause=text[-300:])
    return code == 0


def _try(driver: "BubblewrapDriver", root: Path) -> tuple[int, str]:
    from cogmill.sandbox.bubblewrap import BubblewrapLauncher, start_bwrap

    base = root / "base"
    (base / "workspace" / "folder").mkdir(parents=True)
    (base / "home").mkdir()
    (base / "workspace" / "kept").write_text("below\n")
    (base / "workspace" / "folder" / "file").touch()
    (base / "home" / "there").touch()
    if os.geteuid() == 0:
        owner = session_uid("below")
        for path in (*base.rglob("*"), base):
            os.chown(path, owner, owner)
    launcher = BubblewrapLauncher(SandboxSpec("layers", root / "session", base=base), driver)
    launcher.folders.layered = True
    launcher.folders.prepare()

    def run() -> tuple[int, str]:
        binary, script = driver.binary(), ["/bin/bash", "-c", _SCRIPT]
        try:
            return start_bwrap(binary, launcher.options(binary), script, launcher.folders.uid).collect(10.0)
        finally:
            launcher.settle()

    done = STARTER.submit(run).result()
    return done if (base / "workspace" / "kept").read_text() == "below\n" else (1, "the lower layer was written to")


def _remove(root: Path) -> None:
    """The kernel leaves folders that even their owner may not enter."""
    for path, folders, _ in os.walk(root):
        for name in folders:
            with contextlib.suppress(OSError):
                Path(path, name).chmod(0o700)
    shutil.rmtree(root, ignore_errors=True)
