"""A server to measure: its own data folder below one temporary folder, settings for what is measured."""

import json
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.wire import Target
from cogmill.demo.local_server import LocalServer

TWO_STEPS = "# First\n```sh\necho one\n```\n# Second\n```sh\necho two\n```\n"
LONG = "# Wait\n```sh\nsleep 600\n```\n"


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder that sandboxes of other users can pass through."""
    path = Path(tempfile.mkdtemp(prefix="cogmill-bench-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def running(root: Path, **settings: str) -> Iterator[tuple[LocalServer, Target]]:
    """A fresh server; settings by their lower-case names."""
    data = Path(tempfile.mkdtemp(prefix="data-", dir=root))
    given = {f"COGMILL_{name.upper()}": value for name, value in settings.items()}
    with LocalServer(data, settings=given) as server:
        yield server, target_of(server)


def target_of(server: LocalServer) -> Target:
    return Target(server.port, server.first_keys["org_key"], server.first_keys["org_id"])


def first_answer(server: LocalServer) -> float:
    """Seconds from the start of the process to the first 200, asked for every few milliseconds."""
    import threading

    began = time.monotonic()
    starter = threading.Thread(target=server.start)
    starter.start()
    while not _answers(server.port):
        if time.monotonic() - began > 60:
            raise TimeoutError("The server does not answer.")
        time.sleep(0.002)
    seconds = time.monotonic() - began
    starter.join()
    return seconds


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as one:
            one.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            return one.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def runbook(text: str = TWO_STEPS, **more: object) -> dict[str, object]:
    return {"prompt": text, "agent": "runbook", **more}


def id_of(answer: bytes) -> str:
    return str(json.loads(answer)["session_id"])
