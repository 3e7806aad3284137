"""Which playbook a new session follows."""

import re
from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, or_
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_enterprise
from cogmill.domain.playbooks.schemas import MACRO
from cogmill.domain.playbooks.service import visible
from cogmill.kit.errors import BadRequest
from cogmill.models.content import playbook

_NAMED = re.compile(rf"(?<!\S){MACRO}(?![\w/])")
_ENTERPRISE = Scope(bindparam("enterprise_id"), None)  # type: ignore[arg-type]
_BY_MACRO = (
    of_enterprise(playbook, _ENTERPRISE)
    .where(playbook.c.macro.in_(bindparam("macros", expanding=True)))
    .where(or_(playbook.c.org_id == bindparam("org_id"), playbook.c.org_id.is_(None)))
)
"""Built once: it lies on the way of every session whose prompt has a word with ! before it."""


def by_id(ctx: Context, playbook_id: str, field: str) -> Row[Any]:
    """The playbook that a field of a request names."""
    row = if_there(ctx, playbook_id)
    if row is None:
        raise BadRequest(f"{field}: {playbook_id[:64]!r} does not exist in this organization.")
    return row


def if_there(ctx: Context, playbook_id: str) -> Row[Any] | None:
    """A playbook that was named earlier and may be gone since."""
    return ctx.db.execute(visible(ctx).where(playbook.c.playbook_id == playbook_id)).one_or_none()


def titles(ctx: Context, playbook_ids: Collection[str]) -> dict[str, str]:
    """Titles of those among the ids that can be seen here."""
    if not playbook_ids:
        return {}
    rows = ctx.db.execute(visible(ctx).where(playbook.c.playbook_id.in_(playbook_ids))).all()
    return {row.playbook_id: row.title for row in rows}


def by_macro(ctx: Context, prompt: str) -> Row[Any] | None:
    """The playbook whose macro stands first in the prompt. A word that is nobody's macro is only a word."""
    macros = list(dict.fromkeys(_NAMED.findall(prompt)))[:100] if "!" in prompt else []
    if not macros:
        return None
    named = {"enterprise_id": ctx.scope.enterprise_id, "org_id": ctx.scope.one_org, "macros": macros}
    found = ctx.db.execute(_BY_MACRO, named).all()
    # Of two with the same macro the organization's own one counts.
    return min(found, key=lambda one: (macros.index(one.macro), one.org_id is None), default=None)
