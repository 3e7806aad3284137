"""A real `cogmill serve` in a process of its own: started, killed and started again by tests."""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import httpx

_ports = count(10_000 + 2_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) + os.getpid() % 1_500)


def free_port() -> int:
    """A port below those that the system gives to clients, from a range of this worker of pytest's own.

    It begins elsewhere in another run, so that two runs on one machine do not meet.
    A server that is killed and started again must find its port free: no client may have got it meanwhile.
    """
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def _make(data: Path, environment: dict[str, str]) -> dict[str, str]:
    """What `cogmill init` prints of a new data folder."""
    command = [sys.executable, "-m", "cogmill", "init", "--data", str(data), "--json"]
    made = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=60)
    keys: dict[str, str] = json.loads(made.stdout)
    return keys


def _copy(data: Path) -> dict[str, str]:
    """The same for a copy of one that was made before: a second saved for every server of the suite."""
    folder, keys = _first()
    shutil.copytree(folder, data, dirs_exist_ok=True)
    return keys


@cache
def _first() -> tuple[Path, dict[str, str]]:
    root = Path(tempfile.mkdtemp(prefix="cogmill-first-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root / "data", _make(root / "data", _plain_environment())


def _plain_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("COGMILL_", "DEVIN_"))}


class Served:
    """One data folder and the server process over it."""

    def __init__(self, data: Path, *flags: str, **settings: str) -> None:
        self.data = data
        self.flags = flags
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = _plain_environment()
        self.keys: dict[str, str] = _make(data, self.environment | settings) if settings else _copy(data)
        self.environment |= settings
        self.client = httpx.Client(
            base_url=self.url, headers={"authorization": f"Bearer {self.keys['org_key']}"}, timeout=30
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: str) -> None:
        command = [sys.executable, "-m", "cogmill", "serve", "--data", str(self.data), "--port", str(self.port)]
        with (self.data / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.flags], stdout=log, stderr=log, env=self.environment | settings
            )
        for _ in range(600):
            if self.process.poll() is not None:
                if settings.get("COGMILL_CRASH_AT"):
                    return  # it met its crash point while taking up old sessions
                raise AssertionError((self.data / "serve.log").read_text()[-2000:])
            try:
                if self.client.get("/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError("the server did not answer")

    def end(self, how: int = signal.SIGTERM) -> int:
        """Signal the process and wait for its end; answers its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(30)

    def close(self) -> None:
        if self.process is not None:
            self.end(signal.SIGKILL)
        self.client.close()

    def create(self, prompt: str, **more: Any) -> str:
        answer = self.client.post("/v3/organizations/sessions", json={"prompt": prompt, **more})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["session_id"])

    def get(self, session_id: str, rest: str = "") -> Any:
        answer = self.client.get(f"/v3/organizations/sessions/{session_id}{rest}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, session_id: str, *details: str, seconds: float = 30) -> Any:
        """The session once its status or detail is one of `details`."""
        until = time.monotonic() + seconds
        while True:
            session = self.get(session_id)
            if {session["status"], session["status_detail"]} & set(details):
                return session
            assert time.monotonic() < until, session
            time.sleep(0.03)

    def events(self, session_id: str) -> list[dict[str, Any]]:
        """The whole log with contents, oldest first."""
        found: list[dict[str, Any]] = []
        while items := self.get(session_id, f"/events/details?offset={len(found)}&limit=50")["items"]:
            found += items
        return found
