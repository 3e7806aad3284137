"""What is counted, one by one: the meaning of every metric. Sums that are kept are made by these same functions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, case, func, literal, select, union_all
from sqlalchemy.engine import Row

from cogmill.access.scope import Scope, owned
from cogmill.domain.metrics.sizes import size_column
from cogmill.domain.metrics.spans import Range
from cogmill.models.metrics import ORIGINS
from cogmill.models.repositories import code_search
from cogmill.models.sessions import pull_request, session

MICRO = 1_000_000
PR_STATES = {"open": "opened", "closed": "closed", "merged": "merged"}
Counts = Counter[str]


Kind = Literal["sessions", "pull requests", "searches"]
KINDS: frozenset[Kind] = frozenset({"sessions", "pull requests", "searches"})


@dataclass(frozen=True, slots=True)
class Which:
    """Whose sessions, and pull requests of these. None: all."""

    org_ids: Sequence[str] | None = None
    playbook_id: str | None = None
    service_user_ids: Sequence[str] | None = None
    user_ids: Sequence[str] | None = None
    kinds: frozenset[Kind] = KINDS
    """What is asked for: counters of other kinds may be wrong, for they cost time."""

    @property
    def names_sessions(self) -> bool:
        """Whether it is about some sessions of the organizations only."""
        return any(one is not None for one in (self.playbook_id, self.service_user_ids, self.user_ids))


def within(query: Select[Any], column: ColumnElement[Any], times: Range) -> Select[Any]:
    """What is of the time."""
    return query.where(column >= times[0], column < times[1])


def session_groups(db: Connection, scope: Scope, which: Which, times: Range) -> list[Row[Any]]:
    """Sessions that were created in the time, by all that metrics tell apart."""
    columns = session.c
    merged = select(literal(1)).where(pull_request.c.session == columns.id, pull_request.c.state == "merged")
    merged_one = merged.offset(0).exists()  # or PostgreSQL would gather all merged pull requests first
    facts = within(_sessions(_reached(scope, which), which), columns.created_at, times).with_only_columns(
        columns.origin, columns.playbook_id, columns.service_user_id, columns.category, columns.subcategory,
        columns.has_searched, size_column().label("size"),
        case((merged_one, 1), else_=0).label("is_merged"), columns.acus_micro,
    )  # fmt: skip
    inner = facts.subquery().c
    keys = [one for one in inner if one.name != "acus_micro"]
    query = select(*keys, func.count().label("sessions"), func.sum(inner.acus_micro).label("acus_micro"))
    return list(db.execute(query.group_by(*keys)))


def _reached(scope: Scope, which: Which) -> Select[Any]:
    """Sessions of the scope. Those of people are found by person and time, not by organization."""
    if which.user_ids is None or scope.org_id is None:
        return owned(session, scope, along_key=which.user_ids is not None)
    everywhere = owned(session, Scope(scope.enterprise_id, None), along_key=True)
    return everywhere.where(session.c.org_id.concat("") == scope.org_id)


def _sessions(query: Select[Any], which: Which) -> Select[Any]:
    """Only those that are asked for, looked for among all of the time: most have sessions at any time."""
    if which.org_ids is not None:
        query = query.where(session.c.org_id.in_(which.org_ids))
    if which.playbook_id is not None:
        query = query.where(session.c.playbook_id.concat("") == which.playbook_id)
    if which.service_user_ids is not None:
        query = query.where(session.c.service_user_id.concat("").in_(which.service_user_ids))
    if which.user_ids is not None:
        query = query.where(session.c.user_id.in_(which.user_ids))
    return query


def of_sessions(groups: Iterable[Row[Any]]) -> Counts:
    """The counters of groups of sessions."""
    found: Counts = Counter()
    for one in groups:
        found["sessions"] += one.sessions
        found["acus_micro"] += int(one.acus_micro)
        found[f"size_{one.size}"] += one.sessions
        if one.origin in ORIGINS:
            found[f"origin_{one.origin}"] += one.sessions
        if one.playbook_id is not None:
            found["with_playbook"] += one.sessions
        if one.has_searched:
            found["with_search"] += one.sessions
        if one.is_merged:
            found[f"merged_{one.size}"] += one.sessions
    return found


def pull_request_groups(db: Connection, scope: Scope, which: Which, times: Range) -> list[Row[Any]]:
    """Pull requests that were recorded in the time, by state, and whether a session took them over from another one."""
    columns, earlier = pull_request.c, pull_request.alias().c
    known = select(literal(1)).where(
        earlier.org_id == columns.org_id, earlier.git_connection_id == columns.git_connection_id,
        earlier.provider_path == columns.provider_path, earlier.number == columns.number, earlier.id < columns.id,
    )  # fmt: skip
    query = within(owned(pull_request, scope), columns.created_at, times)
    if which.org_ids is not None:
        query = query.where(columns.org_id.in_(which.org_ids))
    query = query.join_from(pull_request, session, session.c.id == columns.session)
    facts = _sessions(query, Which(None, which.playbook_id, which.service_user_ids, which.user_ids)).with_only_columns(
        session.c.playbook_id, session.c.service_user_id, columns.state,
        case((known.exists(), 1), else_=0).label("is_taken_over"),
    )  # fmt: skip
    inner = facts.subquery().c
    return list(db.execute(select(*inner, func.count().label("prs")).group_by(*inner)))


def of_pull_requests(groups: Iterable[Row[Any]]) -> Counts:
    """The counters of groups of pull requests."""
    found: Counts = Counter()
    for one in groups:
        if one.state in PR_STATES:
            found[f"prs_{'taken_over_' if one.is_taken_over else ''}{PR_STATES[one.state]}"] += one.prs
    return found


def searches(db: Connection, scope: Scope, which: Which, times: Range) -> Counts:
    """Searches that people and service users made in the time."""
    query = within(_searches(scope, which), code_search.c.created_at, times)
    return Counter(searches=db.execute(query.with_only_columns(func.count())).scalar_one())


def _searches(scope: Scope, which: Which) -> Select[Any]:
    found, columns = owned(code_search, scope), code_search.c
    found = found if which.org_ids is None else found.where(columns.org_id.in_(which.org_ids))
    return found if which.user_ids is None else found.where(columns.user_id.in_(which.user_ids))


def counts(db: Connection, scope: Scope, which: Which, times: Range) -> Counts:
    """All counters of a time, of the kinds that are asked for."""
    found: Counts = Counter()
    if "sessions" in which.kinds:
        found.update(of_sessions(session_groups(db, scope, which, times)))
    if "pull requests" in which.kinds:
        found.update(of_pull_requests(pull_request_groups(db, scope, which, times)))
    if "searches" in which.kinds and which.playbook_id is None and which.service_user_ids is None:
        found.update(searches(db, scope, which, times))
    return found


def acus_of_people(scope: Scope, user_ids: Sequence[str], since: Sequence[int]) -> Select[Any]:
    """ACUs of each person's sessions, of those that were created at each of these times or later."""
    columns = session.c
    query = _sessions(owned(session, scope), Which(user_ids=user_ids)).where(columns.created_at >= min(since))
    sums = (func.sum(case((columns.created_at >= at, columns.acus_micro), else_=0)) for at in since)
    return query.with_only_columns(columns.user_id, *sums).group_by(columns.user_id)


def activity(scope: Scope, which: Which, times: Range) -> Select[Any]:
    """Sessions and searches of each person in the time."""
    of = within(_sessions(owned(session, scope), which), session.c.created_at, times)
    did = within(_searches(scope, which), code_search.c.created_at, times)
    nothing, who = literal(0), session.c.user_id
    both = union_all(
        of.where(who.is_not(None)).with_only_columns(
            who.label("user_id"), func.count().label("sessions"), nothing.label("searches")
        ).group_by(who),
        did.where(code_search.c.user_id.is_not(None)).with_only_columns(
            code_search.c.user_id, nothing, func.count()
        ).group_by(code_search.c.user_id),
    ).subquery().c  # fmt: skip
    sums = func.sum(both.sessions).label("sessions"), func.sum(both.searches).label("searches")
    return select(both.user_id, *sums).group_by(both.user_id)
