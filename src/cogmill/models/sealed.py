"""Which columns hold encrypted values, and what each value is bound to: what a new master key has to reach."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, literal, select

from cogmill.models.content import secret
from cogmill.models.environments import blueprint_file
from cogmill.models.git import git_connection
from cogmill.models.sessions import session, session_secret
from cogmill.models.webhooks import webhook


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of values of `Keyring.encrypt`."""

    column: Column[Any]
    bound_to: ColumnElement[str]
    """What `encrypt` was given as `bound_to`, as SQL over the row."""


UNSET = ""
"""Instead of a value that could not come along with an import: it is to be set again."""


def _session_id() -> ColumnElement[str]:
    return select(session.c.session_id).where(session.c.id == session_secret.c.session).scalar_subquery()


SEALED = (
    Sealed(secret.c.sealed, secret.c.secret_id),
    Sealed(blueprint_file.c.sealed, blueprint_file.c.file_id),
    Sealed(session_secret.c.sealed, _session_id().concat("/").concat(session_secret.c.name)),
    Sealed(webhook.c.sealed, webhook.c.webhook_id),
    Sealed(webhook.c.sealed_before, webhook.c.webhook_id),
    Sealed(git_connection.c.sealed, literal("git ").concat(git_connection.c.git_connection_id)),
    Sealed(git_connection.c.sealed_webhook, literal("git webhook ").concat(git_connection.c.git_connection_id)),
)
