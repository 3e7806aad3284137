"""The loop of a worker: wait for a session, claim it, run it in a process of its own, give it back."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from platformdirs import user_data_path

from cogmill.cli.output import clean, note, print_json_line
from cogmill.client import AnswerError, Client, ClientError, NetworkError, Refused, ServerFault
from cogmill.client.http import pause
from cogmill.client.outposts import Entry, Outpost

PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy",
    "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
)  # fmt: skip
"""What the process of a session sees of this one's environment: not the key, above all."""
SETTLE_SECONDS = 20.0
"""How long a session may take to read as over after its process has ended."""
END_SECONDS = 10.0
DONE = frozenset({"suspended", "terminated"})


def usual_state() -> Path:
    return user_data_path("cogmill") / "outposts"


def usual_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class Stopped(BaseException):
    """SIGTERM or SIGINT: give back what is claimed, and end."""


class Worker:
    """One worker of one outpost: one session at a time."""

    def __init__(
        self, client: Client, outpost: Outpost, acceptor_id: str, state: Path, *, unsafe: bool, head_start: float,
        json_: bool,
    ) -> None:  # fmt: skip
        self._queue = client.outposts
        self._outpost_id = outpost.metadata.outpost_id
        self._acceptor_id = acceptor_id
        self._state = state
        self._unsafe = unsafe
        self._json = json_
        self._head_start = head_start
        self._seen: dict[str, float] = {}
        """Since when sessions wait here whose files another worker may have."""

    def work(self, *, once: bool) -> None:
        """Until a signal, or after one session. Trouble with the server is waited out."""
        self._say("waiting", f"Worker {self._acceptor_id} waits for sessions of {self._outpost_id}.")
        attempt, has_served = 0, True
        with suppress(Stopped), _signals():
            while True:
                try:
                    if has_served:
                        self._clear()
                    has_served = self._serve_next()
                    if has_served and once:
                        return
                    attempt = 0
                except (NetworkError, ServerFault) as error:
                    self._say("trouble", f"{error.message} Trying again.")
                    time.sleep(pause(attempt, ceiling=30.0))
                    attempt += 1
        self._say("ended", f"Worker {self._acceptor_id} has ended.")

    def _serve_next(self) -> bool:
        """Serve a session, or wait until there may be one; answers whether one was served to its end or its sleep."""
        page = self._queue.queue(self._outpost_id, "pending")
        waiting = sorted(page.items, key=lambda one: not self._has_files(one))
        for entry in waiting:
            if self._may_take(entry) and (claimed := self._claim(entry)) is not None:
                return self._serve(claimed)
        if any(not self._may_take(entry) for entry in waiting):
            time.sleep(1.0)
        elif not page.has_next_page:
            self._seen.clear()
            for _ in self._queue.changes(self._outpost_id, page.cursor):
                time.sleep(random.uniform(0.0, 0.2))  # of many workers that hear of it, not all ask at once
                break
        return False

    def _has_files(self, entry: Entry) -> bool:
        return (self._state / "sessions" / entry.metadata.session_id / "session").is_dir()

    def _may_take(self, entry: Entry) -> bool:
        """A resumed session is first for the worker that has its files."""
        if entry.spec.kind == "new" or self._has_files(entry):
            return True
        since = self._seen.setdefault(entry.metadata.session_id, time.monotonic())
        return time.monotonic() - since >= self._head_start

    def _claim(self, entry: Entry) -> Entry | None:
        try:
            return self._queue.claim(entry.metadata.session_id, self._acceptor_id)
        except Refused as refused:
            if refused.status not in {404, 409}:
                raise
            return None  # another worker was quicker, or the session is over

    def _serve(self, claimed: Entry) -> bool:
        session_id = claimed.metadata.session_id
        self._say("claimed", f"{session_id}: claimed", session_id)
        code = None
        try:
            code = self._run(claimed)
            self._say("left", f"{session_id}: its process has ended with {code}", session_id)
            if code == 0:
                self._wait_until_over(session_id)
        finally:
            self._release(session_id)
        if code:
            time.sleep(1.0)  # whatever it was, not in a tight circle
        return code == 0

    def _run(self, claimed: Entry) -> int:
        folder = self._state / "sessions" / claimed.metadata.session_id
        folder.mkdir(parents=True, exist_ok=True)
        self._state.chmod(0o711)
        folder.parent.chmod(0o711)
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
            "DEVIN_OUTPOST_GATEWAY_URL": claimed.status.gateway_url or "",
            "DEVIN_OUTPOST_CONNECT_TOKEN": claimed.status.connect_token or "",
            "DEVIN_OUTPOST_SESSION_ID": claimed.metadata.session_id,
            "DEVIN_REMOTE_STATE_DIR": str(folder),
            "COGMILL_OUTPOST_MIRRORS": str(self._state / "mirrors"),
            "COGMILL_OUTPOST_DIES_WITH_PARENT": "1",
        }
        command = [sys.executable, "-m", "cogmill", "outposts", "remote"]
        command += ["--unsafe-no-sandbox"] if self._unsafe else []
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, cwd=folder)
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(END_SECONDS)
                process.kill()

    def _wait_until_over(self, session_id: str) -> None:
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            try:
                if self._queue.entry(session_id).status.session_status in DONE:
                    return
            except Refused:
                return
            time.sleep(0.2)

    def _release(self, session_id: str) -> None:
        try:
            self._queue.release(session_id, self._acceptor_id)
            self._say("released", f"{session_id}: given back", session_id)
        except AnswerError as error:
            if error.status != 404:
                self._say("trouble", f"{session_id}: {error.message}", session_id)
        except ClientError as error:
            self._say("trouble", f"{session_id}: {error.message}", session_id)

    def _clear(self) -> None:
        """Remove the files of sessions that are over."""
        sessions = self._state / "sessions"
        for folder in sorted(sessions.iterdir()) if sessions.is_dir() else ():
            try:
                self._queue.entry(folder.name)
            except Refused as refused:
                if refused.status == 404:
                    _remove(folder)

    def _say(self, event: str, text: str, session_id: str | None = None) -> None:
        if self._json:
            print_json_line({"event": event, "message": clean(text), "session_id": session_id})
        else:
            note(text)


def _remove(folder: Path) -> None:
    """With folders that commands made read-only."""
    for path, _, _ in os.walk(folder):
        with suppress(OSError):
            Path(path).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _signals() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
