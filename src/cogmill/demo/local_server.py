"""A server of one's own for a while: `cogmill serve` as a process, on a free port, over a given data folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

STOP_SECONDS = 15.0
_OF_OTHER_SERVERS = ("COGMILL_", "DEVIN_")
_KEPT = ("COGMILL_MODEL", "COGMILL_SANDBOX", "COGMILL_UNSAFE")


class ServerDied(RuntimeError):
    """The server ended before it was ready; the text has its last words."""


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Our own environment without settings meant for other servers; those of model and sandbox stay."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_KEPT) or not name.startswith(_OF_OTHER_SERVERS)
    }
    return own | dict(settings)


class LocalServer:
    """Use it as a context manager. Start, kill and start again over the same folder as often as you like."""

    def __init__(self, data: Path, *, port: int | None = None, settings: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        self.log = data.parent / f"{data.name}.log"
        self.first_keys: dict[str, str] = {}
        """What the first start printed: enterprise_key, org_id, org_key."""
        self.process: subprocess.Popen[bytes] | None = None
        self._settings = dict(settings or {})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, patience: float = 60.0) -> float:
        """Start and wait until it answers; the seconds that took."""
        answer = self.data.parent / f"{self.data.name}.out"
        argv = ["serve", "--data", str(self.data), "--host", "127.0.0.1", "--port", str(self.port), "--json"]
        began = time.monotonic()
        with answer.open("wb") as out, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cogmill", *argv], stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                cwd=self.data.parent, env=environment(self._settings), start_new_session=True,
            )  # fmt: skip
        while (said := _ready(answer)) is None:
            if self.process.poll() is not None or time.monotonic() - began > patience:
                self.stop()
                raise ServerDied(f"The server did not start. {_told(self.last_words())}")
            time.sleep(0.005)
        self.first_keys = {name: said[name] for name in ("enterprise_key", "org_id", "org_key") if name in said} or (
            self.first_keys
        )
        return time.monotonic() - began

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """End it without asking, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-2000:].strip() if self.log.exists() else ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()


def _told(last_words: str) -> str:
    """The error that the server told, or whatever it said last."""
    last = last_words.rpartition("\n")[2]
    try:
        return str(json.loads(last)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"Its last words:\n{last_words}"


def _ready(answer: Path) -> dict[str, Any] | None:
    for line in answer.read_text("utf-8", "replace").splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("ready"):
            return said
    return None
