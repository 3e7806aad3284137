"""The live stream of a session's events: each event once and in order, over any number of connections."""

import json
import time
from collections.abc import Callable, Iterator

import httpx
from pydantic import ValidationError

from cogmill.client.errors import AnswerError, ClientError, NetworkError, ServerFault
from cogmill.client.http import Http, pause
from cogmill.client.models import Event
from cogmill.client.sse import Message, Parser

IDLE_TIMEOUT = 60.0
"""The server sends heartbeats; silence of this length means that the connection is dead."""
PATIENCE = 300.0
"""Give up when no connection brought anything for so long."""

OnTrouble = Callable[[str], None]


class EventStream:
    """Iterate to get events after `after`. Reconnects by itself, resuming behind the last event that was handed out."""

    def __init__(
        self,
        http: Http,
        path: str,
        is_over: Callable[[], bool],
        *,
        after: int = 0,
        on_trouble: OnTrouble | None = None,
        idle_timeout: float = IDLE_TIMEOUT,
        patience: float = PATIENCE,
    ) -> None:
        self._http = http
        self._path = path
        self._is_over = is_over
        self.seen = after
        self._on_trouble = on_trouble or (lambda _: None)
        self._idle_timeout = idle_timeout
        self._patience = patience

    def __iter__(self) -> Iterator[Event]:
        attempt = 0
        last_contact = time.monotonic()
        while True:
            before = self.seen
            trouble: AnswerError | NetworkError | None = None
            try:
                yield from self._connection()
            except (NetworkError, ServerFault) as error:
                trouble = error
            except AnswerError as error:
                if error.status != 429:
                    raise
                trouble = error
            if trouble is None or self.seen > before:
                last_contact = time.monotonic()
            if self.seen > before:
                attempt = 0
            # A clean end may also be a server going down: over only if a whole connection brought nothing new.
            elif trouble is None and self._ended():
                return
            attempt = self._wait(trouble, attempt, last_contact)

    def _ended(self) -> bool:
        try:
            return self._is_over()
        except (NetworkError, ServerFault):
            return False

    def _wait(self, trouble: ClientError | None, attempt: int, last_contact: float) -> int:
        if trouble is not None:
            if time.monotonic() - last_contact > self._patience:
                raise trouble
            self._on_trouble(trouble.message)
        if trouble is not None or attempt:
            time.sleep(pause(attempt, ceiling=5.0))
        return attempt + 1

    def _connection(self) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self.seen:
            headers["Last-Event-ID"] = str(self.seen)
        response = self._http.stream(self._path, headers, self._idle_timeout)
        parser = Parser()
        try:
            if response.status_code == 204:
                return
            if "text/event-stream" not in response.headers.get("content-type", ""):
                raise ServerFault("The server does not stream events at this address.", status=response.status_code)
            for chunk in response.iter_bytes():
                for message in parser.feed(chunk):
                    event = _event(message)
                    if event is not None and event.seq > self.seen:
                        self.seen = event.seq
                        yield event
        except httpx.HTTPError as error:
            raise NetworkError(f"The event stream broke ({type(error).__name__}).") from None
        finally:
            response.close()


def _event(message: Message) -> Event | None:
    """The event in a message; None for messages that are none (a later server may send such)."""
    try:
        return Event.model_validate(json.loads(message.data))
    except (ValueError, ValidationError):
        return None
