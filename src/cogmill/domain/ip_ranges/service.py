"""The addresses that an enterprise's callers may come from. The list binds from the very next request on."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from cogmill.access.addresses import read_ranges
from cogmill.access.context import Context
from cogmill.domain.ip_ranges.schemas import MOST_RANGES
from cogmill.kit.errors import Invalid
from cogmill.kit.networks import network
from cogmill.models.access import enterprise, ip_range


def get(ctx: Context) -> list[str]:
    return read_ranges(ctx.db, ctx.scope.enterprise_id)


def append(ctx: Context, texts: list[str]) -> list[str]:
    """Let in further addresses; what is on the list already stays where it is."""
    added = _normalised(texts)
    return _store(ctx, [*_locked(ctx), *added])


def replace(ctx: Context, texts: list[str]) -> list[str]:
    """Let in just these addresses, the caller's own or not; none at all lets in everybody."""
    wanted = _normalised(texts)
    _locked(ctx)
    return _store(ctx, wanted)


def clear(db: Connection, enterprise_id: str) -> list[str]:
    """Let in everybody; answers what was on the list."""
    before = read_ranges(db, enterprise_id)
    db.execute(delete(ip_range).where(ip_range.c.enterprise_id == enterprise_id))
    return before


def _normalised(texts: list[str]) -> list[str]:
    problems, found = [], []
    for place, text in enumerate(texts):
        try:
            found.append(str(network(text)))
        except ValueError as error:
            problems.append({"loc": ["body", "ip_ranges", place], "msg": str(error), "type": "value_error"})
    if problems:
        raise Invalid(problems)
    return found


def _locked(ctx: Context) -> list[str]:
    """The list as it is until this transaction ends: of two changes at once none gets lost."""
    ours = select(enterprise.c.enterprise_id).where(enterprise.c.enterprise_id == ctx.scope.enterprise_id)
    ctx.db.execute(ours.with_for_update())
    return get(ctx)


def _store(ctx: Context, texts: Iterable[str]) -> list[str]:
    after = list(dict.fromkeys(texts))
    if len(after) > MOST_RANGES:
        msg = f"A list has at most {MOST_RANGES} ranges; these are {len(after)}."
        raise Invalid.at("body", "ip_ranges", msg=msg, kind="too_long")
    enterprise_id = ctx.scope.enterprise_id
    before = clear(ctx.db, enterprise_id)
    if after:
        rows = [{"enterprise_id": enterprise_id, "range": one, "position": place} for place, one in enumerate(after)]
        ctx.db.execute(insert(ip_range), rows)
    added, removed = [one for one in after if one not in before], [one for one in before if one not in after]
    ctx.audited |= {"setting": "ip_access_list", "added": added, "removed": removed}
    ctx.after_commit.append(ctx.runtime.addresses.forget)
    return after
