"""What goes in and out of the outpost operations; names and meanings are the contract's."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cogmill.web.params import Body, Out, Query

Acceptor = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]


class OutpostIn(Body):
    """A new queue. Without `allowed_org_ids` all organizations of the enterprise may use it."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
    platform: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None, description="What its machines are; shown to workers, of no consequence here"
    )
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None
    allowed_org_ids: Annotated[list[str], Field(max_length=1000)] | None = None


class OutpostMetadata(Out):
    outpost_id: str
    account_id: str
    created_at: int


class OutpostSpec(Out):
    name: str
    platform: str | None
    description: str | None
    allowed_org_ids: list[str] | None


class OutpostStatus(Out):
    queue_depth: int = Field(description="Sessions that wait for a worker")
    active_claims: int = Field(description="Sessions that a worker has claimed")


class OutpostOut(Out):
    metadata: OutpostMetadata
    spec: OutpostSpec
    status: OutpostStatus


class EntryMetadata(Out):
    session_id: str
    outpost_id: str
    created_at: float
    updated_at: float


class NetworkRule(Out):
    """The contract's; this server lets sessions reach everything or nothing, so that there are none."""

    hostname: str
    ipv4: str
    ipv6: str


class NetworkPolicy(Out):
    enabled: bool = Field(description="Whether commands of the session reach only what is allowed")
    allow: list[NetworkRule]


class EntrySpec(Out):
    kind: Literal["new", "resume"]
    platform: str | None
    remote_binary_sha: str | None = Field(description="Always null: the worker's own program is used")
    network_policy: NetworkPolicy


class EntryStatus(Out):
    phase: Literal["pending", "claimed"]
    acceptor_id: str | None
    claim_deadline: str | None = Field(description="Until when the worker has to connect; null once it has")
    session_status: Literal["pending", "running", "suspended", "terminated"]
    connect_token: str | None = Field(description="In the answer to a claim only")
    gateway_url: str | None = Field(description="In the answer to a claim only")


class EntryOut(Out):
    metadata: EntryMetadata
    spec: EntrySpec
    status: EntryStatus


class EntryListOut(Out):
    items: list[EntryOut]
    cursor: str = Field(description="For the next page, or for watching from here on")
    has_next_page: bool
    total: int | None = Field(description="Always null: counting everything would be slow")


class EntriesQuery(Query):
    outpost: str | None = Field(None, description="Only of this outpost")
    phase: Literal["pending", "claimed"] | None = Field(None, description="pending: those that wait for a worker")
    acceptor_id: str | None = None
    first: Annotated[int, Field(ge=1, le=200, description="Most items on the page")] = 100
    cursor: str | None = Field(None, description="`cursor` of a page, or of an event of the watch")
    watch: bool | None = Field(None, description="Answer a stream of changes (text/event-stream)")


class ClaimIn(Body):
    acceptor_id: Acceptor


class ReleaseIn(Body):
    acceptor_id: Acceptor


class WatchEvent(Out):
    """One `data` of the stream."""

    type: Literal["MODIFIED", "DELETED"]
    object: EntryOut
    cursor: str
