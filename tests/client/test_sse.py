"""The parser of server-sent events against what the HTML standard says."""

import pytest

from cogmill.client.sse import Message, Parser

WHOLE = (
    "\ufeff: comment\n\nid: 1\nevent: a\ndata: one\ndata:two\n\n"
    "data: ümläut\u2028still the same line\r\n\r\nid: 3\rdata\r\r"
    "event: nothing\n\nretry: 250\nid: bad\0id\nunknown: x\ndata:  two blanks\n\ndata: never finished"
).encode()
MESSAGES = [
    Message("a", "one\ntwo", "1"),
    Message("message", "ümläut\u2028still the same line", "1"),
    Message("message", "", "3"),
    Message("message", " two blanks", "3"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_any_chunking_gives_the_same_messages(size):
    parser = Parser()
    found = [message for i in range(0, len(WHOLE), size) for message in parser.feed(WHOLE[i : i + size])]
    assert found == MESSAGES
    assert parser.retry_ms == 250
    assert parser.last_id == "3"


def test_data_with_empty_value_counts_and_no_data_does_not():
    assert Parser().feed(b"data:\n\n") == [Message("message", "", "")]
    assert Parser().feed(b"event: x\nid: 4\n\n") == []
