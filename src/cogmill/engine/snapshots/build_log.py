"""The log of a build: redacted before it is written, bounded, readable while it grows."""

import os
from pathlib import Path

from cogmill.engine.redaction import Redactor
from cogmill.kit.logs import logger

log = logger("snapshots")
LONGEST = 8 * 1024**2
FULL = "\n[the log is full; more output is left out]\n"


class BuildLog:
    """Appends text. Calls are short: they write to the page cache, and are made in the event loop.

    On a full disk the log loses text; the build goes on, and can end.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self._redactor, self._path = redactor, path
        self._held = ""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)
        self._size = 0

    def add(self, text: str) -> None:
        """Output of a step; its end is held back while it may be the beginning of a secret."""
        ready, self._held = self._redactor.split(self._held + text)
        self._write(ready)

    def line(self, text: str) -> None:
        """A line of our own between outputs."""
        self._flush()
        self._write(f"{self._redactor.text(text)}\n", always=True)

    def _flush(self) -> None:
        held, self._held = self._held, ""
        if held:
            self._write(self._redactor.text(held) + ("" if held.endswith("\n") else "\n"))

    def _write(self, text: str, *, always: bool = False) -> None:
        room = LONGEST - self._size
        if room <= 0 and not always:
            return
        data = text.encode("utf-8", "replace")
        if len(data) > room and not always:
            data = data[:room] + FULL.encode()
        try:
            self._size += self._file.write(data)
        except OSError as error:
            log.warning("build_log_not_written", path=str(self._path), error=str(error))

    def close(self) -> None:
        self._flush()
        self._file.close()
