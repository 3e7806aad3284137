"""Server-sent events, parsed as the HTML standard says, from any chunking of the bytes."""

import codecs
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One dispatched message. `id` is the last id seen, as the standard has it."""

    event: str
    data: str
    id: str


class Parser:
    """Feed it bytes as they come; it gives back the messages that became complete."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_ms: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line: list[str] = []
        self._after_cr = False
        self._at_start = True
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Message]:
        text = self._decoder.decode(chunk)
        if self._at_start and text:
            text = text.removeprefix("\ufeff")
            self._at_start = False
        messages = []
        for line in self._lines(text):
            message = self._take(line)
            if message is not None:
                messages.append(message)
        return messages

    def _lines(self, text: str) -> list[str]:
        """Complete lines; ends are LF, CR or CRLF and nothing else, also when a CRLF is cut in two."""
        if self._after_cr and text:
            text = text.removeprefix("\n")
            self._after_cr = False
        if text.endswith("\r"):
            self._after_cr = True
        *complete, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if not complete:
            self._line.append(rest)
            return []
        complete[0] = "".join(self._line) + complete[0]
        self._line = [rest]
        return complete

    def _take(self, line: str) -> Message | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value)
        return None

    def _dispatch(self) -> Message | None:
        event, data = self._event, self._data
        self._event, self._data = "", []
        return Message(event or "message", "\n".join(data), self.last_id) if data else None
