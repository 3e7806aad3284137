"""The client: one method per operation that commands need."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from cogmill.client.acu_limits import AcuLimits
from cogmill.client.administration import Administration
from cogmill.client.errors import BadInput, NoOrganization, Refused, ServerFault
from cogmill.client.git_connections import GitConnections
from cogmill.client.guardrails import Guardrails
from cogmill.client.http import Http
from cogmill.client.models import (
    Attachment,
    EventSummary,
    Page,
    PullRequest,
    Self,
    Session,
    SessionCreate,
    SessionDiff,
)
from cogmill.client.outposts import Outposts
from cogmill.client.reading import given, read
from cogmill.client.repositories import Repositories
from cogmill.client.reviews import Reviews
from cogmill.client.settings import Target
from cogmill.client.stream import EventStream, OnTrouble
from cogmill.client.webhooks import Webhooks

FULL_ID = re.compile(r"[0-9a-f]{32}")
SHORT_ID = re.compile(r"[0-9a-f]{4,31}")
PAGES_SEARCHED = 5


class Client:
    """A Cogmill (or Devin-compatible) server, seen from one key. Use it as a context manager."""

    def __init__(self, target: Target, *, timeout: float = 30.0, transport: httpx.BaseTransport | None = None) -> None:
        self.target = target
        self.http = Http(target, timeout=timeout, transport=transport)
        self.acu_limits = AcuLimits(self.http)
        self.administration = Administration(self.http)
        self.git_connections = GitConnections(self.http)
        self.guardrails = Guardrails(self.http)
        self.outposts = Outposts(self.http)
        self.repositories = Repositories(self.http, self.org_id)
        self.reviews = Reviews(self.http, self.org_id)
        self._org_id = target.org_id

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    # who and where

    def self_(self) -> Self:
        return read(Self, self.http.json("GET", "/v3/self"))

    def webhooks(self, *, everywhere: bool) -> Webhooks:
        """Those of the organization, or those that hear of the whole enterprise."""
        return Webhooks(self.http, None if everywhere else self.org_id())

    def org_id(self) -> str:
        """The organization: named, or the one the key belongs to."""
        if self._org_id is None:
            self._org_id = self.self_().org_id
        if self._org_id is None:
            raise NoOrganization("This key belongs to no single organization.", status=400)
        return self._org_id

    def session_id(self, given: str) -> str:
        """A full session id from what people type: with or without `devin-`, an address, or a unique beginning."""
        text = given.strip().rstrip("/").rpartition("/")[2].lower().removeprefix("devin-")
        if FULL_ID.fullmatch(text):
            return f"devin-{text}"
        if not SHORT_ID.fullmatch(text):
            raise BadInput(
                f"{given!r} is not a session id.", hint="Ids look like devin-0f3c… ; see `cogmill sessions list`."
            )
        return self._only_session_beginning(f"devin-{text}")

    def _only_session_beginning(self, beginning: str) -> str:
        after, found = None, set()
        for _ in range(PAGES_SEARCHED):
            page = self.list_sessions({"first": 200, "after": after})
            found |= {item.session_id for item in page.items if item.session_id.startswith(beginning)}
            after = page.end_cursor
            if not page.has_next_page or after is None:
                break
        if len(found) != 1:
            what = "Several sessions begin" if found else "No session begins"
            raise BadInput(f"{what} with {beginning}.", hint="Give more of the id; see `cogmill sessions list`.")
        return found.pop()

    # sessions

    def create_session(self, body: SessionCreate) -> Session:
        return read(Session, self._v3("POST", "/sessions", json=body.model_dump(exclude_none=True)))

    def list_sessions(self, query: Mapping[str, Any] | None = None) -> Page[Session]:
        return read(Page[Session], self._v3("GET", "/sessions", params=given(query)))

    def get_session(self, session_id: str) -> Session:
        return read(Session, self._v3("GET", f"/sessions/{session_id}"))

    def send_message(self, session_id: str, message: str) -> Session:
        return read(Session, self._v3("POST", f"/sessions/{session_id}/messages", json={"message": message}))

    def terminate(self, session_id: str, *, archive: bool = False) -> Session:
        params = {"archive": "true"} if archive else {}
        return read(Session, self._v3("DELETE", f"/sessions/{session_id}", params=params))

    def archive(self, session_id: str) -> Session:
        return read(Session, self._v3("POST", f"/sessions/{session_id}/archive"))

    def sleep(self, session_id: str) -> Session:
        return read(Session, self._own("POST", f"/sessions/{session_id}/sleep"))

    def wake(self, session_id: str) -> Session:
        return read(Session, self._own("POST", f"/sessions/{session_id}/wake"))

    # events

    def list_events(self, session_id: str, query: Mapping[str, Any] | None = None) -> Page[EventSummary]:
        """One page; with `query` among the parameters it is a search."""
        params = given(query)
        kind = "/search" if "query" in params else ""
        return read(Page[EventSummary], self._v3("GET", f"/sessions/{session_id}/events{kind}", params=params))

    def last_seq(self, session_id: str) -> int:
        """How far the session's log reaches; sequences have no gaps, so this is the number of events."""
        count, after = 0, None
        while True:
            page = self.list_events(session_id, {"first": 200, "after": after})
            if page.total is not None:
                return page.total
            count += len(page.items)
            after = page.end_cursor
            if not page.has_next_page or after is None:
                return count

    def stream_events(
        self, session_id: str, *, after: int = 0, on_trouble: OnTrouble | None = None, patience: float = 300.0
    ) -> EventStream:
        """Events behind sequence number `after`, live, until the session is over."""
        return EventStream(
            self.http,
            self._v3_path(f"/sessions/{session_id}/events/stream"),
            lambda: self.get_session(session_id).is_over,
            after=after,
            on_trouble=on_trouble,
            patience=patience,
        )

    # files and results

    def upload(self, path: Path) -> Attachment:
        with path.open("rb") as file:
            answer = self.http.json(
                "POST",
                f"/v3/organizations/{self._quoted_org()}/attachments",
                files={"file": (path.name, file)},
                timeout=300,
            )
        return read(Attachment, answer)

    def download(self, attachment: Attachment | str) -> bytes:
        """An attachment's bytes, by its url."""
        return self.http.download(attachment if isinstance(attachment, str) else attachment.url)

    def diff(self, session_id: str) -> SessionDiff:
        return read(SessionDiff, self._own("GET", f"/sessions/{session_id}/diff"))

    def recording(self, session_id: str) -> Any:
        return self._own("GET", f"/sessions/{session_id}/recording")

    def pull_request(self, pull_request_id: str) -> PullRequest:
        return read(PullRequest, self._own("GET", f"/pull-requests/{quote(pull_request_id, safe='')}"))

    # addresses

    def _v3_path(self, path: str) -> str:
        org = f"/{self._quoted_org()}" if self._org_id else ""
        return f"/v3/organizations{org}{path}"

    def _quoted_org(self) -> str:
        return quote(self.org_id(), safe="")

    def _v3(self, method: str, path: str, **request: Any) -> Any:
        address = self._v3_path(path)
        try:
            return self.http.json(method, address, **request)
        except Refused as refusal:
            if self._org_id is None and self._is_without_organization():
                raise NoOrganization(
                    refusal.message, status=refusal.status, request_id=refusal.request_id, fields=refusal.fields
                ) from None
            raise

    def _is_without_organization(self) -> bool:
        """After a refusal of an address without organization: is the key an enterprise one?"""
        try:
            return self.self_().org_id is None
        except (Refused, ServerFault):
            return False

    def _own(self, method: str, path: str) -> Any:
        return self.http.json(method, f"/cogmill/v1/organizations/{self._quoted_org()}{path}")
