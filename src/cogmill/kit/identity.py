"""The identity of a data folder among those that share a database; it stays over restarts."""

import os
import re
from pathlib import Path

from cogmill.kit.ids import new_id

FILE = "hypervisor-id"
_FORM = re.compile(r"hypervisor-[0-9a-f]{32}")


def read_identity(data: Path) -> str | None:
    """None when there is none yet, or none that makes sense."""
    try:
        found = (data / FILE).read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return found if _FORM.fullmatch(found) else None


def identity(data: Path) -> str:
    """That of the folder, made where it is missing."""
    found = read_identity(data)
    if found is None:
        found, new = new_id("hypervisor"), data / f".{FILE}-{os.getpid()}"
        new.write_text(f"{found}\n", "ascii")
        new.replace(data / FILE)
    return found
