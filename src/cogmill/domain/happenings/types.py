"""Names of what can happen. The words behind the dot are the contract's statuses."""

SESSION_CREATED = "session.created"
SESSION = (
    SESSION_CREATED, "session.claimed", "session.working", "session.waiting_for_user", "session.waiting_for_approval",
    "session.finished", "session.suspended", "session.resuming", "session.exit", "session.error",
)  # fmt: skip
PULL_REQUEST = ("pull_request.opened", "pull_request.updated", "pull_request.merged", "pull_request.closed")
SCHEDULE_RUN = ("schedule.started", "schedule.messaged", "schedule.skipped", "schedule.failed")
"""What became of a run; also failed: its session ended in an error."""
LIMIT_WARNING = "limit.warning"
"""A limit of the cycle is used for a half, for four fifths or wholly. Webhooks hear of it, automations do not."""
EVENT_TYPES = (*SESSION, *PULL_REQUEST, *SCHEDULE_RUN)
WEBHOOK_EVENT_TYPES = (*EVENT_TYPES, LIMIT_WARNING)
GROUPS = ("session.*", "pull_request.*", "schedule.*", "limit.*")
PING = "webhook.ping"


def group(event_type: str) -> str:
    """The name that stands for all events of the kind."""
    return event_type.partition(".")[0] + ".*"


WEBHOOK, SCHEDULE, SESSION_ENDED = "webhook:incoming", "schedule:recurring", "session:ended"
_ENDED = ("session.finished", "session.exit", "session.error")


def external(event_type: str) -> str:
    """As automations write it."""
    return event_type.replace(".", ":")


def internal(event_type: str) -> tuple[str, ...]:
    """What a trigger of an automation stands for; nothing for those that come from elsewhere."""
    if event_type == SESSION_ENDED:
        return _ENDED
    name = event_type.replace(":", ".")
    return (name,) if name in EVENT_TYPES else ()


TRIGGERS = (WEBHOOK, SCHEDULE, SESSION_ENDED, *map(external, EVENT_TYPES))

_OF_SESSION = (
    "session_id", "org_id", "status", "status_detail", "user_id", "service_user_id", "origin", "playbook_id",
    "schedule_id", "parent_session_id", "is_archived", "acus_consumed", "seq", "url",
)  # fmt: skip
_OF_PULL_REQUEST = (
    "pull_request_id", "session_id", "org_id", "repo", "number", "state", "url", "branch", "base_branch",
    "base_commit", "head_commit",
)  # fmt: skip
_OF_SCHEDULE = ("schedule_id", "org_id", "run", "session_id", "consecutive_failures")


def fields_of(event_type: str) -> tuple[str, ...]:
    """What conditions on an event of this type can ask for."""
    if event_type == WEBHOOK:
        return ("body", "body.*", "headers.*")
    if event_type == SCHEDULE:
        return ("rrule",)
    if event_type.startswith("schedule:"):
        return _OF_SCHEDULE
    return _OF_SESSION if event_type.startswith("session:") else _OF_PULL_REQUEST
