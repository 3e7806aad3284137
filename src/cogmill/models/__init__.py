"""All tables of Cogmill, one file per family; foreign keys cross slices, so they share this package."""

from cogmill.models import (
    access,
    audit,
    automations,
    content,
    environments,
    git,
    guardrails,
    hypervisors,
    installation,
    knowledge,
    mails,
    metrics,
    repositories,
    schedules,
    sessions,
    usage,
    webhooks,
)
from cogmill.models.metadata import metadata

__all__ = [
    "access",
    "audit",
    "automations",
    "content",
    "environments",
    "git",
    "guardrails",
    "hypervisors",
    "installation",
    "knowledge",
    "mails",
    "metadata",
    "metrics",
    "repositories",
    "schedules",
    "sessions",
    "usage",
    "webhooks",
]
