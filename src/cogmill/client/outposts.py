"""Outposts and their queues: what administrators and workers do with an enterprise key."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx

from cogmill.client.errors import BadInput, NetworkError
from cogmill.client.http import Http
from cogmill.client.models import Wire
from cogmill.client.reading import every, given, read
from cogmill.client.sse import Parser

ROOT, QUEUE = "/opbeta/outposts", "/opbeta/outposts/devins"
IDLE_TIMEOUT = 60.0


class OutpostMetadata(Wire):
    outpost_id: str
    created_at: int | None = None


class OutpostSpec(Wire):
    name: str
    platform: str | None = None
    description: str | None = None
    allowed_org_ids: list[str] | None = None


class OutpostStatus(Wire):
    queue_depth: int = 0
    active_claims: int = 0


class Outpost(Wire):
    """A named queue of sessions."""

    metadata: OutpostMetadata
    spec: OutpostSpec
    status: OutpostStatus = OutpostStatus()


class EntryMetadata(Wire):
    session_id: str
    outpost_id: str
    created_at: float
    updated_at: float


class EntrySpec(Wire):
    kind: str
    platform: str | None = None


class EntryStatus(Wire):
    phase: str
    acceptor_id: str | None = None
    claim_deadline: str | float | None = None
    session_status: str
    connect_token: str | None = None
    gateway_url: str | None = None


class Entry(Wire):
    """A session in a queue."""

    metadata: EntryMetadata
    spec: EntrySpec
    status: EntryStatus


class Entries(Wire):
    items: list[Entry]
    cursor: str
    has_next_page: bool = False


class Outposts:
    """Those of the enterprise of the caller's key."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def list_(self) -> list[Outpost]:
        return every(self._http, ROOT, Outpost)

    def find(self, named: str) -> Outpost:
        """The outpost of this id or name."""
        for one in self.list_():
            if named in {one.metadata.outpost_id, one.spec.name}:
                return one
        raise BadInput(f"There is no outpost {named!r}.", hint="`cogmill outposts list` shows them.")

    def create(self, body: dict[str, Any]) -> Outpost:
        return read(Outpost, self._http.json("POST", ROOT, json=given(body)))

    def delete(self, outpost_id: str) -> Outpost:
        return read(Outpost, self._http.json("DELETE", f"{ROOT}/{quote(outpost_id, safe='')}"))

    def queue(self, outpost_id: str | None, phase: str | None = None, cursor: str | None = None) -> Entries:
        """One page of a queue."""
        asked = given({"outpost": outpost_id, "phase": phase, "cursor": cursor})
        return read(Entries, self._http.json("GET", QUEUE, params=asked))

    def whole_queue(self, outpost_id: str | None, phase: str | None = None) -> list[Entry]:
        page = self.queue(outpost_id, phase)
        found = list(page.items)
        while page.has_next_page:
            page = self.queue(outpost_id, phase, page.cursor)
            found += page.items
        return found

    def entry(self, session_id: str) -> Entry:
        return read(Entry, self._http.json("GET", _of(session_id)))

    def claim(self, session_id: str, acceptor_id: str) -> Entry:
        """With the token and the address that the worker connects with."""
        return read(Entry, self._http.json("POST", _of(session_id) + "/claim", json={"acceptor_id": acceptor_id}))

    def release(self, session_id: str, acceptor_id: str) -> Entry:
        return read(Entry, self._http.json("POST", _of(session_id) + "/release", json={"acceptor_id": acceptor_id}))

    def changes(self, outpost_id: str, cursor: str) -> Iterator[Entry]:
        """Entries that change behind a cursor, until the server ends the stream."""
        asked = httpx.QueryParams({"outpost": outpost_id, "cursor": cursor, "watch": "true"})
        headers = {"Accept": "text/event-stream"}
        response, parser = self._http.stream(f"{QUEUE}?{asked}", headers, IDLE_TIMEOUT), Parser()
        try:
            for chunk in response.iter_bytes():
                for message in parser.feed(chunk):
                    yield read(Entry, json.loads(message.data)["object"])
        except httpx.HTTPError as error:
            raise NetworkError(f"The stream of the queue broke ({type(error).__name__}).", hint="Try again.") from None
        finally:
            response.close()


def _of(session_id: str) -> str:
    return f"{QUEUE}/{quote(session_id, safe='')}"
