"""The state of a scan, which follows its session's, as one pure function."""

from enum import StrEnum

from cogmill.domain.sessions.states import Detail, State, Status


class ScanStatus(StrEnum):
    WAITING = "waiting"
    """Accepted; its session waits for its turn, or its attachments wait to be read."""
    PENDING = "pending"
    """Its session's workspace is being made."""
    RUNNING = "running"
    AWAITING_USER_INPUT = "awaiting_user_input"
    """It asks something, or was put to sleep, or has reached a limit: somebody has to do something."""
    COMPLETED = "completed"
    FAILED = "failed"
    """It went wrong, or its session ended its work without a report that could be read."""
    CANCELLED = "cancelled"


UNFINISHED = (ScanStatus.WAITING, ScanStatus.PENDING, ScanStatus.RUNNING)
"""What fills the backlog."""
_S = ScanStatus
_STARTING = {Status.NEW: _S.WAITING, Status.CLAIMED: _S.PENDING, Status.RESUMING: _S.PENDING}


def follow(before: ScanStatus, session: State, *, is_archived: bool, has_reported: bool) -> ScanStatus:
    """The scan's state after its session got into this one.

    What is completed stays so when its session sleeps or is put away; more work in it makes it run again.
    """
    over = {_S.COMPLETED, _S.FAILED, _S.CANCELLED}
    if session.status in _STARTING:
        return before if before in over else _STARTING[session.status]
    if session.status is Status.RUNNING:
        return _running(session.detail, has_reported=has_reported)
    if session.status is Status.ERROR or session.detail is Detail.ERROR:
        return _S.FAILED
    if before in over:
        return before
    ended = session.status is Status.EXIT or is_archived
    return _S.CANCELLED if ended else _S.AWAITING_USER_INPUT


def _running(detail: Detail | None, *, has_reported: bool) -> ScanStatus:
    if detail in {Detail.WAITING_FOR_USER, Detail.WAITING_FOR_APPROVAL}:
        return _S.AWAITING_USER_INPUT
    if detail is Detail.FINISHED:
        return _S.COMPLETED if has_reported else _S.FAILED
    return _S.RUNNING
