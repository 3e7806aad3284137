"""Writing down what was used, with all sums of it, in the transaction of the event that books it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from cogmill.access.context import Context
from cogmill.domain.usage.times import cycle_of, day_of
from cogmill.kit.hot_change import HotChange
from cogmill.kit.hot_insert import HotInsert
from cogmill.kit.hot_select import HotSelect
from cogmill.models.access import organization
from cogmill.models.usage import usage_record

PRODUCT = "devin"
AMOUNTS = ("acus_micro", "usd_micro", "active_ms", "input_tokens", "output_tokens", "cached_tokens")


@dataclass(frozen=True, slots=True)
class Use:
    """What is known of a use beside its ACUs and its cost."""

    at: float | None = None
    """When it was; None: now."""
    active_ms: int = 0
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


NOTHING = Use()
INSERT = HotInsert(usage_record)
_ENTERPRISE = HotSelect(
    select(organization.c.enterprise_id).where(
        organization.c.org_id == bindparam("org_id", type_=organization.c.org_id.type)
    )
)


def _adding(table: str, keys: tuple[str, ...]) -> HotChange:
    """An insert that adds to the row which is there already."""
    names = (*keys, *AMOUNTS)
    sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in AMOUNTS)
    return HotChange(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"  # noqa: S608
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sums} RETURNING day"
    )


_ADD_TO_SESSION = _adding("usage_session_day", ("session", "day", "product"))
_ADD_TO_DAY = _adding("usage_day", ("scope", "scope_id", "day", "org_id", "product"))


def enterprise_of(ctx: Context, org_id: str) -> str:
    """Whose organization it is."""
    return str(_ENTERPRISE(ctx.db, {"org_id": org_id})[0][0])


def write(ctx: Context, row: Any, acus: int, usd: int, use: Use) -> None:
    """Add a record, and add it to every sum. `row`: the session's, with the sequence number of the event.

    The sums are locked after the session, the enterprise's first: no two writers ever wait for each other.
    """
    at = ctx.now if use.at is None else use.at
    amounts = {
        "acus_micro": acus, "usd_micro": usd, "active_ms": use.active_ms, "input_tokens": use.input_tokens,
        "output_tokens": use.output_tokens, "cached_tokens": use.cached_tokens,
    }  # fmt: skip
    if not any(amounts.values()):
        return
    enterprise_id, day = enterprise_of(ctx, row.org_id), day_of(at)
    same = {"day": day, "product": PRODUCT, **amounts}
    record = same | {
        "session": row.id, "seq": row.last_seq, "at": at, "cycle": cycle_of(at), "enterprise_id": enterprise_id,
        "org_id": row.org_id, "user_id": row.user_id, "service_user_id": row.service_user_id, "model": use.model,
    }  # fmt: skip
    INSERT(ctx.db, [record])
    _ADD_TO_SESSION(ctx.db, same | {"session": row.id})
    for scope, scope_id, org_id in (
        ("enterprise", enterprise_id, ""),
        ("org", row.org_id, row.org_id),
        ("user", row.user_id, row.org_id),
        ("service_user", row.service_user_id, row.org_id),
    ):
        if scope_id is not None:
            _ADD_TO_DAY(ctx.db, same | {"scope": scope, "scope_id": scope_id, "org_id": org_id})
