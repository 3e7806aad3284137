"""A real HTTP server that takes webhooks, and says what it is told to say."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook


@dataclass
class Got:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str):
        """The message, if the library of the specification says that the secret signed it."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    """What to answer next; 200 when there is nothing."""
    hold: threading.Event | None = None
    """Answers wait for it."""
    most_at_once: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.answers.append((status, headers, body))

    def take(self, got: Got) -> tuple[int, dict[str, str], bytes]:
        with self._lock:
            self.got.append(got)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            said = self.answers.pop(0) if self.answers else (200, {}, b"")
        if self.hold is not None:
            self.hold.wait(10)
        with self._lock:
            self._now -= 1
        return said


@contextmanager
def receiving(context=None):
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["content-length"])
            headers = {key.lower(): value for key, value in self.headers.items()}
            status, more, body = receiver.take(Got(self.path, headers, self.rfile.read(length)))
            self.send_response(status)
            for key, value in more.items():
                self.send_header(key.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass  # the sender hung up: that is what some tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            if receiver.hold is not None:
                receiver.hold.set()
            server.shutdown()
            thread.join()
