"""The list of sessions: every filter finds its page along one index, however deep the page and however rare the match.

Newest first. Where a filter takes several values, each value's own first rows are found and put in order, for an
index holds the sessions of one value in order and not those of several. Where times are asked for, the list is in
their order, for that is what the index of times is in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, exists, select, tuple_

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.domain.sessions.queries import SessionRow, full_id, mine
from cogmill.domain.sessions.schemas import SessionFilters
from cogmill.kit.paging import Slice, decode_cursor, decode_text_cursor, encode_cursor, no_cursor
from cogmill.models.sessions import session, session_label

MOST_MERGED = 25
"""More values of one filter than that are looked for together, which takes its time where they are rare."""
_C, _LABEL = session.c, session_label.c


@dataclass(frozen=True, slots=True)
class Place:
    """What the list of the enterprise knows beside the filters."""

    devin_id: str | None = None
    org_ids: Sequence[str] | None = None
    with_deleted: bool = False


HERE = Place()


def list_page(ctx: Context, query: SessionFilters, place: Place = HERE) -> Slice[SessionRow]:
    """One page of sessions, newest first; where times are asked for, by these."""
    order = _order(query)
    rows: dict[int, SessionRow] = {}
    for one in _searches(ctx, query, place, order):
        behind = one.where(*order.behind(query.after))
        for row in ctx.db.execute(behind.order_by(*order.newest).limit(query.first + 1)):
            rows[row.id] = row
    found = sorted(rows.values(), key=order.of, reverse=True)
    shown = found[: query.first]
    return Slice(shown, order.cursor(shown[-1]) if len(found) > query.first else None)


@dataclass(frozen=True, slots=True)
class _Order:
    """By which a list is divided into pages: the key alone, or a time and the key."""

    time: Column[Any] | None
    label: bool
    """Found by a label, whose index has the key as well."""
    before: int | None = None
    """What the time must be below."""

    @property
    def newest(self) -> tuple[Any, ...]:
        if self.label:
            return (_LABEL.session.desc(),)
        return (_C.id.desc(),) if self.time is None else (self.time.desc(), _C.id.desc())

    def of(self, row: SessionRow) -> tuple[Any, ...]:
        return (row.id,) if self.time is None else (row._mapping[self.time], row.id)

    def cursor(self, row: SessionRow) -> str:
        return encode_cursor(row.id if self.time is None else f"{row._mapping[self.time]!r} {row.id}")

    def behind(self, cursor: str | None) -> list[ColumnElement[bool]]:
        """Where the page begins: at the cursor or at the bound of the time. SQLite follows the wrong one of two."""
        if self.time is None:
            key = None if cursor is None else decode_cursor(cursor)
            return [] if key is None else [_C.id < key, *([_LABEL.session < key] if self.label else [])]
        moment = None if cursor is None else _moment(cursor)
        if moment is not None and (self.before is None or moment[0] < self.before):
            return [tuple_(self.time, _C.id) < tuple_(*moment)]
        return [] if self.before is None else [self.time < self.before]


def _moment(cursor: str) -> tuple[float, int]:
    at, _, key = decode_text_cursor(cursor).partition(" ")
    try:
        found = float(at), int(key)
    except ValueError:
        raise no_cursor() from None
    if not math.isfinite(found[0]) or not 0 <= found[1] < 2**63:
        raise no_cursor()
    return found


def _order(query: SessionFilters) -> _Order:
    if query.updated_after is not None or query.updated_before is not None:
        return _Order(_C.updated_at, False, query.updated_before)
    if query.created_after is not None or query.created_before is not None:
        return _Order(_C.created_at, False, query.created_before)
    rarer = (query.session_ids, query.user_ids, query.playbook_id, query.schedule_id)
    return _Order(None, label=all(one is None for one in rarer) and _labels(query) != [])


def _labels(query: SessionFilters) -> list[tuple[str, Sequence[str]]]:
    return [(kind, values) for kind, values in (("tag", query.tags), ("repo", query.repo_names)) if values is not None]


def _searches(ctx: Context, query: SessionFilters, place: Place, order: _Order) -> list[Select[Any]]:
    """What to look for; together they find every session of the list, some perhaps twice."""
    found, labels = _narrowed(ctx, query, place), _labels(query)
    searches = [found]
    if order.label:
        (kind, values), labels = labels[0], labels[1:]
        found = found.join(session_label, _LABEL.session == _C.id).where(_LABEL.kind == kind)
        if ctx.scope.org_id is not None:
            found = found.where(_LABEL.org_id == ctx.scope.org_id)
        searches = _each(found, _LABEL.value, values)
    is_one = len(searches) == 1 and query.session_ids is None
    for column, some in _among(query, place):
        split = is_one and 1 < len(some) <= MOST_MERGED
        searches = [
            part for one in searches for part in (_each(one, column, some) if split else [_in(one, column, some)])
        ]
        is_one = len(searches) == 1 and is_one
    return [_with_labels(one, labels) for one in searches]


def _narrowed(ctx: Context, query: SessionFilters, place: Place) -> Select[Any]:
    """The filters that take one value, and the bounds that do not say where a page begins."""
    found = mine(ctx, _of_place(ctx, query, place))
    equal: dict[Any, Any] = {_C.category: query.category, _C.playbook_id: query.playbook_id}
    equal |= {_C.schedule_id: query.schedule_id, _C.is_archived: query.is_archived}
    for column, value in equal.items():
        if value is not None:
            found = found.where(column == value)
    if query.created_after is not None:
        found = found.where(_C.created_at >= query.created_after)
    if query.updated_after is not None:
        found = found.where(_C.updated_at >= query.updated_after)
    if query.created_before is not None and _order(query).time is not _C.created_at:
        found = found.where(_C.created_at < query.created_before)
    if query.session_ids is not None:
        found = found.where(_C.session_id.in_([full_id(one) for one in query.session_ids]))
    return found if place.devin_id is None else found.where(_C.session_id == full_id(place.devin_id))


def _of_place(ctx: Context, query: SessionFilters, place: Place) -> Select[Any]:
    """Sessions within reach. Those that are named are not looked for among all of their organization."""
    scope = ctx.scope
    if query.session_ids is not None and scope.org_id is not None:
        everywhere = owned(session, Scope(scope.enterprise_id, None), along_key=True)
        return everywhere.where(_C.org_id.concat("") == scope.org_id)
    is_wide = place.org_ids is None or len(place.org_ids) <= MOST_MERGED
    return owned(session, scope, along_key=is_wide, with_deleted=place.with_deleted)


def _among(query: SessionFilters, place: Place) -> list[tuple[Column[Any], list[str]]]:
    """The filters that take several values, those that leave least first; each value once."""
    origins = query.origins and ["automation" if one == "scheduled" else one for one in query.origins]
    filters: list[tuple[Column[Any], Sequence[str] | None]] = [
        (_C.user_id, query.user_ids), (_C.service_user_id, query.service_user_ids), (_C.org_id, place.org_ids),
        (_C.origin, origins),
    ]  # fmt: skip
    return [(column, list(dict.fromkeys(values))) for column, values in filters if values is not None]


def _each(found: Select[Any], column: Column[Any], values: Sequence[str]) -> list[Select[Any]]:
    """A search for each value; one for all of them where there are too many."""
    different = list(dict.fromkeys(values))
    if len(different) > MOST_MERGED or not different:
        return [found.where(column.in_(different))]
    return [found.where(column == one) for one in different]


def _in(found: Select[Any], column: Column[Any], values: Sequence[str]) -> Select[Any]:
    return found.where(column == values[0]) if len(values) == 1 else found.where(column.in_(values))


def _with_labels(found: Select[Any], labels: list[tuple[str, Sequence[str]]]) -> Select[Any]:
    """Sessions that have each of the labels, which the list is not found by."""
    own = session_label.alias().c
    for kind, values in labels:
        held = select(own.session).where(own.session == _C.id, own.org_id == _C.org_id, own.kind == kind)
        found = found.where(exists(held.where(own.value.in_(values))))
    return found
