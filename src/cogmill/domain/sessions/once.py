"""Creating a session once: the same request of the same caller finds the session that it made the first time."""

import json
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from cogmill.access.context import Context
from cogmill.domain.sessions.create import create_session
from cogmill.domain.sessions.queries import find
from cogmill.domain.sessions.schemas import SessionIn
from cogmill.models.sessions import session_once

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def create_once(ctx: Context, data: SessionIn, origin: str) -> tuple[Any, bool]:
    """The session, and whether it is new. Whatever became of it, it stays the one of this request."""
    claim = {
        "org_id": ctx.scope.one_org, "principal_id": ctx.principal.principal_id,
        "fingerprint": ctx.runtime.keyring.sign("session", json.dumps(data.model_dump(), sort_keys=True)),
    }  # fmt: skip
    mine = [session_once.c[name] == value for name, value in claim.items()]
    # PostgreSQL waits here for a transaction that is just creating it.
    taken = _INSERTS[ctx.db.dialect.name](session_once).values(claim).on_conflict_do_nothing()
    if ctx.db.execute(taken.returning(session_once.c.fingerprint)).first() is None:
        found = ctx.db.execute(select(session_once.c.session_id).where(*mine)).scalar_one()
        return find(ctx, found), False
    row = create_session(ctx, data, None, origin)
    ctx.db.execute(update(session_once).where(*mine).values(session_id=row.session_id))
    return row, True
