"""The states of a session as one pure function (contract/semantics.md, section 3)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from cogmill.kit.errors import Conflict


class Status(StrEnum):
    NEW = "new"
    CLAIMED = "claimed"
    RUNNING = "running"
    EXIT = "exit"
    ERROR = "error"
    SUSPENDED = "suspended"
    RESUMING = "resuming"


class Detail(StrEnum):
    WORKING = "working"
    WAITING_FOR_USER = "waiting_for_user"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    FINISHED = "finished"
    INACTIVITY = "inactivity"
    USER_REQUEST = "user_request"
    USAGE_LIMIT_EXCEEDED = "usage_limit_exceeded"
    OUT_OF_CREDITS = "out_of_credits"
    OUT_OF_QUOTA = "out_of_quota"
    NO_QUOTA_ALLOCATION = "no_quota_allocation"
    PAYMENT_DECLINED = "payment_declined"
    ORG_USAGE_LIMIT_EXCEEDED = "org_usage_limit_exceeded"
    TOTAL_SESSION_LIMIT_EXCEEDED = "total_session_limit_exceeded"
    ERROR = "error"


RUNNING_DETAILS = frozenset({Detail.WORKING, Detail.WAITING_FOR_USER, Detail.WAITING_FOR_APPROVAL, Detail.FINISHED})
SUSPENDED_DETAILS = frozenset(Detail) - RUNNING_DETAILS
ENDED = frozenset({Status.EXIT, Status.ERROR})


class Trigger(StrEnum):
    """What can happen to a session. `SETTLE` ends a turn, `SUSPEND` puts it to sleep; both name the detail."""

    CLAIM = "claim"
    START = "start"
    SETTLE = "settle"
    SUSPEND = "suspend"
    WAKE = "wake"
    TERMINATE = "terminate"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class State:
    status: Status
    detail: Detail | None = None

    @classmethod
    def of(cls, status: str, detail: str | None) -> "State":
        return cls(Status(status), Detail(detail) if detail else None)


def is_end(state: State) -> bool:
    """Whether nothing goes on by itself: it is over, asleep or finished."""
    return state.status in ENDED | {Status.SUSPENDED} or state == State(Status.RUNNING, Detail.FINISHED)


class WrongState(Conflict):
    """The session is in a state in which this cannot happen."""


S = Status
_ALIVE = frozenset(S) - ENDED
_FROM: dict[Trigger, frozenset[Status]] = {
    Trigger.CLAIM: frozenset({S.NEW, S.CLAIMED, S.RESUMING, S.RUNNING}),
    Trigger.START: frozenset({S.CLAIMED, S.RESUMING, S.RUNNING}),
    Trigger.SETTLE: frozenset({S.RUNNING}),
    Trigger.SUSPEND: _ALIVE,
    Trigger.WAKE: frozenset({S.SUSPENDED, S.RUNNING}),
    Trigger.TERMINATE: _ALIVE,
    Trigger.FAIL: _ALIVE,
}


def transition(state: State, trigger: Trigger, detail: Detail | None = None) -> State:
    """The state after `trigger`; raises WrongState where it cannot happen. Knows no clock, database or session."""
    if state.status not in _FROM[trigger]:
        raise WrongState(f"A session in status {state.status!r} cannot {trigger.value}.")
    match trigger:
        case Trigger.CLAIM:
            return State(S.CLAIMED) if state.status is S.NEW else state
        case Trigger.START:
            return State(S.RUNNING, Detail.WORKING)
        case Trigger.SETTLE if detail in RUNNING_DETAILS:
            return State(S.RUNNING, detail)
        case Trigger.SUSPEND if detail in SUSPENDED_DETAILS:
            return State(S.SUSPENDED, detail)
        case Trigger.WAKE:
            return State(S.RESUMING) if state.status is S.SUSPENDED else State(S.RUNNING, Detail.WORKING)
        case Trigger.TERMINATE:
            return State(S.EXIT)
        case Trigger.FAIL:
            return State(S.ERROR)
    raise ValueError(f"{detail!r} is no detail for {trigger.value}")


@dataclass(frozen=True, slots=True)
class Projection:
    """What the log says of a session; the columns of its row must say the same."""

    state: State = State(S.NEW)
    last_seq: int = 0
    acus_micro: int = 0
    title: str | None = None
    structured_output: dict[str, Any] | None = None


def rebuild(log: Iterable[tuple[int, str, dict[str, Any]]]) -> Projection:
    """Replay (seq, event type, contents), oldest first. A gap in the sequence is a damaged log: ValueError."""
    known = Projection()
    for seq, event_type, contents in log:
        if seq != known.last_seq + 1:
            raise ValueError(f"event {known.last_seq + 1} is missing from the log")
        known = replace(known, last_seq=seq, acus_micro=known.acus_micro + round(contents.get("acus", 0) * 1_000_000))
        if event_type == "status_changed":
            known = replace(known, state=State.of(contents["status"], contents["status_detail"]))
        elif event_type in {"session_created", "title_changed"}:
            known = replace(known, title=contents.get("title"))
        elif event_type == "structured_output_updated":
            known = replace(known, structured_output=contents["structured_output"])
    return known
