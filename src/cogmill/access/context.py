"""What every service gets first: who asks, how far they reach, the open transaction, the time."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from cogmill.access.addresses import AddressLists
from cogmill.access.legacy_calls import LegacyCalls
from cogmill.access.oidc_provider import OidcProvider
from cogmill.access.passwords import SignIns
from cogmill.access.permissions import Permission
from cogmill.access.principals import Authenticator, Principal
from cogmill.access.rate_limits import RateLimits
from cogmill.access.scope import Scope
from cogmill.kit.clock import Clock
from cogmill.kit.crypto import Keyring
from cogmill.kit.db import Database
from cogmill.kit.errors import Forbidden
from cogmill.kit.flood import Flood
from cogmill.kit.hub import Hub
from cogmill.kit.remembered import Remembered
from cogmill.kit.settings import Settings
from cogmill.kit.slowdown import Slowdown
from cogmill.kit.traces import Traces


async def _no_worker(_attachment: Any) -> str:
    raise NotImplementedError("this process runs no sessions")


@dataclass(slots=True)
class Signals:
    """How services tell the engine and the watchers of something that is committed. `main` connects them."""

    runnable: Callable[[int, str, int], None] = lambda _session, _org, _priority: None
    """A session (its row id, its organization, its priority) waits to be run."""
    cancelled: Callable[[int], None] = lambda _session: None
    """A session must not run any longer; kill what runs."""
    runs: Callable[[int], bool] = lambda _session: False
    """Asked, not told: whether a session runs in this process now. One whose process was cut does not."""
    appended: Callable[[int, Callable[[], list[tuple[int, bytes]]]], None] = lambda _session, _events: None
    """New events of a session, asked for if somebody watches: (seq, the event as JSON)."""
    limited: Callable[[], None] = lambda: None
    """A limit of the cycle was set or changed: what runs shall look at once."""
    due: Callable[[str], None] = lambda _loop: None
    """A background loop, by its name, has something to do now or at another time than it knows."""
    wanted: Callable[[int], None] = lambda _session: None
    """A session of an outpost waits to be run by the worker that holds it, if one does."""
    let_go: Callable[[int, str], None] = lambda _session, _why: None
    """A session of an outpost is no longer for the worker that holds it: it is over, asleep or given back."""
    attached: Callable[[Any], Awaitable[str]] = _no_worker
    """A worker has connected for a session: serve it until either side ends that. Answers why it ended."""

    trouble: Callable[[], str | None] = lambda: None
    """Asked: why the engine does not do its work. None when it does."""
    build_queued: Callable[[], None] = lambda: None
    """A snapshot build waits to be run."""
    build_cancelled: Callable[[str], None] = lambda _build: None
    """A snapshot build must not run any longer; kill what runs."""


LoggedEvent = tuple[int, str, dict[str, Any]]
"""Sequence number, event type and contents."""


def _no_recorder(_log: list[LoggedEvent]) -> dict[str, Any]:
    raise NotImplementedError("this process has no engine")


def _no_redactor(_secrets: Mapping[str, str]) -> Callable[[str], str]:
    raise NotImplementedError("this process shows no secrets' surroundings")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What lives as long as the server process."""

    settings: Settings
    database: Database
    keyring: Keyring
    authenticator: Authenticator
    clock: Clock
    signals: Signals = field(default_factory=Signals)
    hub: Hub = field(default_factory=Hub)
    """Watchers of sessions, by the session's row id."""
    record: Callable[[list[LoggedEvent]], dict[str, Any]] = _no_recorder
    """Makes a recording that agent `replay` can play of a session's log."""
    redactor: Callable[[Mapping[str, str]], Callable[[str], str]] = _no_redactor
    """Makes of secrets, by name, what takes them out of texts."""
    floods: Flood = field(default_factory=Flood)
    """Which refused calls are recorded one by one."""
    sign_ins: SignIns = field(default_factory=SignIns)
    """What guards sign-ins with a password."""
    oidc: OidcProvider | None = None
    """The identity provider, if there is one."""
    addresses: AddressLists = field(default_factory=AddressLists)
    """From where callers may come."""
    hook_guesses: Slowdown = field(default_factory=lambda: Slowdown(burst=20, every=10))
    """How often an address may send a wrong secret to an automation."""
    legacy_calls: LegacyCalls = field(default_factory=LegacyCalls)
    """Who still uses the old APIs."""
    rate_limits: RateLimits = field(default_factory=RateLimits)
    """How many requests they may make."""
    guardrails: Remembered[Any] = field(default_factory=Remembered)
    """The guardrails of organizations, which every step of a session asks for."""
    traces: Traces | None = None
    """Where spans go, if anywhere."""


@dataclass(slots=True)
class Context:
    """One unit of work of one caller. `after_commit` runs when, and only when, the transaction is durable."""

    runtime: Runtime
    db: Connection
    scope: Scope
    now: float
    request_id: str
    caller: Principal | None = None
    """None in work that the server does by itself."""
    held: frozenset[Permission] = frozenset()
    """The caller's rights within the scope."""
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    before_commit: list[Callable[[Connection], None]] = field(default_factory=list)
    """Runs last within the transaction: for locks that nothing may be waited for with."""
    audited: dict[str, Any] = field(default_factory=dict)
    """What the audit record of this change says beyond the names in the path. Never secrets."""
    action: str | None = None
    """The record's action, where the row of the table cannot know it."""
    is_limited: bool = False
    """Set by a booking: a limit of the cycle holds for its session."""
    known: dict[Any, Any] | None = None
    """What a unit that does many things of a kind reads only once; None: everything is read when it is asked for."""
    set_off_by: tuple[str, int] | None = None
    """The automation whose run this unit does, and the place of the run in a row of such that set off one another."""

    @property
    def principal(self) -> Principal:
        if self.caller is None:
            raise Forbidden("This needs a caller.")
        return self.caller

    def allows(self, *permissions: Permission) -> bool:
        """Whether the caller holds any one of the permissions here."""
        return any(permission in self.held for permission in permissions)

    def narrow(self, org_id: str) -> None:
        """Go on within one organization of the scope, with the caller's rights there as well."""
        self.scope = Scope(self.scope.enterprise_id, org_id)
        self.held |= self.principal.in_org(org_id)

    def require(self, *permissions: Permission, when: str) -> None:
        """Refuse unless any one is held; `when` says which input asked for it."""
        if not self.allows(*permissions):
            names = " or ".join(permissions)
            raise Forbidden(
                f"Missing required permission {names} ({when}). Ask an administrator for a role that has it."
            )
