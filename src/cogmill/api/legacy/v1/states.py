"""How v1 calls what a session does (docs/decisions/0032)."""

from cogmill.api.legacy.v1.schemas import StatusEnum
from cogmill.domain.sessions.states import Detail, Status

_WAITING = {Detail.WAITING_FOR_USER, Detail.WAITING_FOR_APPROVAL}


def status_enum(status: Status, detail: Detail | None) -> StatusEnum:
    """Old clients wait until it is blocked, finished or expired, so nothing that rests may look like work."""
    match status:
        case Status.EXIT:
            return "finished"
        case Status.ERROR:
            return "expired"
        case Status.SUSPENDED:
            return "suspend_requested" if detail is Detail.USER_REQUEST else "blocked"
        case Status.RESUMING:
            return "resume_requested"
    if detail is Detail.FINISHED:
        return "finished"
    return "blocked" if detail in _WAITING else "working"


def plain_status(status: Status, detail: Detail | None) -> str:
    """The older field, a text without a list of values."""
    if status in {Status.EXIT, Status.SUSPENDED}:
        return status.value
    if status is Status.ERROR:
        return "stopped"
    return "blocked" if detail in _WAITING | {Detail.FINISHED} else "running"
