"""Which tables an export holds, which rows of them are an organization's, and what an import changes on the way.

What the tables hold decides, so that tables to come are in every export without anybody thinking of it; what is left
out stands here, each with its reason.
"""

from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, false, func, literal_column, or_, select
from sqlalchemy.sql.selectable import FromClause

from cogmill.models import metadata
from cogmill.models.access import role, role_assignment, service_user, user
from cogmill.models.content import secret
from cogmill.models.metadata import BigId
from cogmill.models.sealed import SEALED, UNSET
from cogmill.models.sessions import session
from cogmill.models.usage import usage_day

LEFT_OUT = {
    "browser_session": "whoever was signed in signs in again",
    "schedule_block": "counted anew from the schedules",
    "hypervisor": "a server writes down anew that it runs sessions",
    "usage_reservation": "set aside anew by the next run",
}
"""Of every export."""

UNDER_KEYS = {
    "api_key": "its hash is made with the keys file",
    "data_key": "wrapped by the master key",
    "idempotent_request": "its answers are sealed",
    "installation": "names the keys file",
    "invitation": "its hash is made with the keys file",
    "legacy_call": "hangs on keys",
    "session_once": "its fingerprint is made with the keys file",
    "blueprint_file": "its content is sealed",
    "session_secret": "its value is sealed",
    "webhook": "its secret is sealed, without which it could not sign",
    "webhook_delivery": "hangs on webhooks",
    "webhook_attempt": "hangs on webhooks",
    "git_connection": "its credentials are sealed",
    "git_permission": "hangs on connections",
}
"""What is of no use under other keys than those it was made with. Of secrets, the names stay, without values."""

NOT_OF_ORGANIZATIONS = {
    "enterprise": "the organization moves to another one",
    "audit_log": "one chain of the enterprise, which stays where it was written; 'cogmill audit export' takes it along",
    "organization_group": "the enterprise's",
    "organization_group_member": "the enterprise's",
    "cycle_limit": "the enterprise's",
    "limit_notice": "the enterprise's",
    "ip_range": "the enterprise's",
    "idp_group": "the enterprise's",
    "idp_group_member": "the enterprise's",
    "user_identity": "accounts at the enterprise's identity provider",
    "mail": "would be sent twice",
    "outpost": "the enterprise's",
    "outpost_entry": "hangs on outposts; a session of one can be read, and cannot go on elsewhere",
    "outpost_feed": "the enterprise's",
    "automation_trigger": "of enabled automations only, and they come switched off",
    "automation_run": "one that waits would run twice",
    "metric_activity": "sums of the enterprise as well; made anew",
    "metric_category": "made anew from its sessions",
    "metric_mark": "made anew",
    "metric_person": "sums of the enterprise; made anew",
    "metric_sum": "made anew from its sessions",
    "metric_user": "made anew from its sessions",
}
"""What the export of one organization leaves out on top of UNDER_KEYS."""

WITHOUT_VALUES: dict[str, dict[str, Any]] = {
    "secret": {"sealed": UNSET},
    "automation": {"hook_id": None, "hook_secret": None},
    "outpost_entry": {"acceptor_id": None, "claim_deadline": None, "token_hash": None, "connection": None},
}
"""What becomes of values under the keys file in tables that stay: secrets are to be set again, hooks made again."""
OF_ORGANIZATIONS: dict[str, dict[str, Any]] = {
    "organization": {"deleted_at": None},
    "session": {"run_state": "idle", "active_since": None},
    "user_account": {"password_hash": None},
    "schedule": {"enabled": False, "due_at": None},
    "automation": {"enabled": False, "next_at": None},
    "code_scan": {"due_at": None},
    "pull_request": {"check_at": None, "close_attempts": None},
    "pr_review": {"check_at": None},
    "role_assignment": {},
    "usage_record": {"group_name": None},
}
"""Nothing that an organization brings along may act while it may also be alive where it comes from."""
TO_SET = "[to be set again] "
"""What the notes of secrets without a value begin with."""

LOOSE = {"playbook_version": ("playbook_id", "playbook")}
"""Columns that refer to the column of the same name in another table without a foreign key."""
ORDER = metadata.sorted_tables
"""Whatever a table refers to comes before it."""


def exported(*, of_organization: bool) -> list[Table]:
    """The tables of an export, in the order in which their rows can be written."""
    left = {*LEFT_OUT, *UNDER_KEYS, *NOT_OF_ORGANIZATIONS} if of_organization else LEFT_OUT
    return [table for table in ORDER if table.name not in left]


def ordered(table: Table, dialect: str) -> list[ColumnElement[Any]]:
    """The primary key as an order that does not depend on the database."""
    keys = table.primary_key.columns
    return [key.collate("C") if dialect == "postgresql" and key.type.python_type is str else key for key in keys]


def own_rows(table: Table, org_id: str) -> Select[Any]:
    """The rows of a table that go with an organization."""
    return select(table).where(_belongs(table, org_id))


def _belongs(table: Table, org_id: str) -> ColumnElement[bool]:
    if table is role:
        return role.c.role_id.in_(select(role_assignment.c.role_id).where(role_assignment.c.org_id == org_id))
    if table is user:
        return user.c.user_id.in_(_people(org_id))
    if table is role_assignment:
        theirs = select(service_user.c.service_user_id).where(service_user.c.org_id == org_id)
        holder = role_assignment.c.principal_id
        return (role_assignment.c.org_id == org_id) & or_(holder.in_(_people(org_id)), holder.in_(theirs))
    if table is usage_day:
        return (usage_day.c.org_id == org_id) & (usage_day.c.scope != "org_group")
    if "org_id" in table.c:
        return table.c.org_id == org_id
    column, parent = _hangs_on(table)
    if column is None:
        return false()
    return column.in_(select(parent).select_from(parent.table).where(_belongs(parent.table, org_id)))


def _people(org_id: str) -> Select[Any]:
    """Members, and whoever something of the organization belongs to."""
    known = select(user.c.user_id)
    members = select(role_assignment.c.principal_id).where(role_assignment.c.org_id == org_id)
    owners = select(secret.c.user_id).where(secret.c.org_id == org_id)
    makers = select(session.c.user_id).where(session.c.org_id == org_id)
    return known.where(or_(*(user.c.user_id.in_(one) for one in (members, owners, makers))))


def _hangs_on(table: Table) -> tuple[Column[Any] | None, Any]:
    """The column by which a row belongs to a row of another table, with the column there."""
    if table.name in LOOSE:
        name, other = LOOSE[table.name]
        return table.c[name], metadata.tables[other].c[name]
    keys = sorted(table.foreign_keys, key=lambda key: (not key.parent.primary_key, key.parent.name))
    for key in keys:
        of_org = "org_id" in key.column.table.c or _hangs_on(key.column.table)[0] is not None
        if key.column.table is not table and of_org:
            return key.parent, key.column
    return None, None


def is_placed(table: Table) -> bool:
    """Whether the rows of a table can belong to an organization at all."""
    return table in (role, user) or "org_id" in table.c or _hangs_on(table)[0] is not None


def counter(table: FromClause) -> Column[Any] | None:
    """The key that the database counts up by itself, if the table has one."""
    keys = list(table.primary_key)
    is_one = len(keys) == 1 and isinstance(keys[0].type, type(BigId)) and keys[0].name == "id"
    return keys[0] if is_one and not keys[0].foreign_keys else None  # type: ignore[return-value]


@cache
def counted(table: Table) -> tuple[tuple[str, str], ...]:
    """Columns that hold numbers which another database counts differently, each with the table that counts."""
    found = [("id", table.name)] if counter(table) is not None else []
    for key in table.foreign_keys:
        if counter(key.column.table) is not None:
            found.append((key.parent.name, key.column.table.name))
    return tuple(found)


@cache
def to_itself(table: Table) -> tuple[str, ...]:
    """Columns that refer to rows of the same table, which may come later."""
    return tuple(sorted(key.parent.name for key in table.foreign_keys if key.column.table is table))


def greatest(table: Table) -> Select[Any]:
    """The greatest number of a table's counter, 0 when there is none."""
    column = counter(table)
    assert column is not None  # noqa: S101 - asked for counting tables only
    return select(func.coalesce(func.max(column), literal_column("0")))


def sealed_columns() -> set[tuple[str, str]]:
    """All (table, column) of sealed values."""
    return {(one.column.table.name, one.column.name) for one in SEALED}
