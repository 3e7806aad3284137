"""Names of what can happen. The words behind the dot are the contract's statuses."""

SESSION_CREATED = "session.created"
SESSION = (
    SESSION_CREATED, "session.claimed", "session.working", "session.waiting_for_user", "session.waiting_for_approval",
    "session.finished", "session.suspended", "session.resuming", "session.exit", "session.error",
)  # fmt: skip
PULL_REQUEST = ("pull_request.opened", "pull_request.updated", "pull_request.merged", "pull_request.closed")
EVENT_TYPES = (*SESSION, *PULL_REQUEST)
GROUPS = ("session.*", "pull_request.*")
PING = "webhook.ping"


def group(event_type: str) -> str:
    """The name that stands for all events of the kind."""
    return event_type.partition(".")[0] + ".*"
