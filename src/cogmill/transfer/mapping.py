"""What an organization's rows become in another enterprise: its people, roles and numbers there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from cogmill.models.access import role, user
from cogmill.models.environments import snapshot_build
from cogmill.preconditions import Unusable
from cogmill.transfer.archive import Archive, Damaged, unpacked
from cogmill.transfer.rows import decoded
from cogmill.transfer.tables import OF_ORGANIZATIONS, counted

Row = dict[str, Any]
_PLAIN_ID = re.compile(r"(?!\.{1,2}$)[^/\\\0]+")
"""Ids become names of folders and files."""


@dataclass(slots=True)
class Mapping:
    """How values of the export read here."""

    org_id: str
    enterprise_id: str
    bases: dict[str, int]
    """By counting table: what is added to numbers, so that they come behind those that are here."""
    names: dict[str, str] = field(default_factory=dict)
    """Ids of people and roles that are known here under others."""
    known: set[str] = field(default_factory=set)
    """People and roles whose rows are here already."""
    renamed: dict[str, str] = field(default_factory=dict)
    """New names of roles, by id, where the name is taken."""

    def row(self, row: Row, table: Table) -> Row | None:
        """The row as it is written here; None when there is one already."""
        if table in (user, role) and row[next(iter(table.primary_key)).name] in self.known:
            return None
        self._check(row, table)
        if self.names:
            row = {name: self._value(value) for name, value in row.items()}
        for name, of in counted(table):
            if row[name] is not None:
                row[name] += self.bases[of]
        if "enterprise_id" in row:
            row["enterprise_id"] = self.enterprise_id
        if table is role and row["role_id"] in self.renamed:
            row["name"] = self.renamed[row["role_id"]]
        return row | OF_ORGANIZATIONS.get(table.name, {})

    def _check(self, row: Row, table: Table) -> None:
        """Nothing in the file reaches beyond its organization."""
        foreign = "org_id" in row and row["org_id"] != self.org_id
        foreign |= table.name.startswith("knowledge_") and row.get("place", self.org_id) != self.org_id
        foreign |= table.name == "usage_day" and row["scope"] in {"enterprise", "org_group"}
        foreign |= table is role and row["role_type"] != "org"
        foreign |= table is snapshot_build and not _is_own_context(row["context"], self.org_id)
        foreign |= any(row[name] is not None and not _is_number(row[name]) for name, _ in counted(table))
        if foreign:
            raise Damaged(f"a row of {table.name} belongs to somebody else")
        for name, value in row.items():
            if name.endswith("_id") and isinstance(value, str) and not is_plain_id(value):
                raise Damaged(f"a row of {table.name} has {value[:200]!r} as its {name}, which is no id")

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.names.get(value, value)
        if isinstance(value, dict):
            return {name: self._value(one) for name, one in value.items()}
        return [self._value(one) for one in value] if isinstance(value, list) else value


def _is_own_context(context: Any, org_id: str) -> bool:
    """Whether what sessions are shown of a snapshot's build are mirrors of the organization."""
    clones = (context.get("clones") or []) if isinstance(context, dict) else []
    if not isinstance(clones, list) or not all(isinstance(one, dict) for one in clones):
        return False
    mirrors = [str(one.get("mirror")).split("/") for one in clones]
    return all(one[:2] == ["mirrors", org_id] and all(is_plain_id(part) for part in one) for one in mirrors)


def is_plain_id(text: str) -> bool:
    """Whether an id names nothing but itself where it is part of a path."""
    return _PLAIN_ID.fullmatch(text) is not None


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 < value < 1 << 53


def learn(db: Connection, archive: Archive, mapping: Mapping) -> None:
    """Find out which people and roles of the export are here, by address and by name; asked anew after a cut."""
    try:
        for row in _rows(archive, user):
            _learn_person(db, row, mapping)
        for row in _rows(archive, role):
            _learn_role(db, row, mapping)
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"its people and roles cannot be read ({error})") from None


def _rows(archive: Archive, table: Table) -> Iterator[Row]:
    for part, content in archive.parts():
        if part.table == table.name:
            yield from decoded(unpacked(content), table)


def _learn_person(db: Connection, row: Row, mapping: Mapping) -> None:
    same = (user.c.email == row["email"]) | (user.c.user_id == row["user_id"])
    found = db.execute(select(user).where(same)).all()
    if not found:
        return
    here = found[0]
    if len(found) > 1 or here.enterprise_id != mapping.enterprise_id or here.email != row["email"]:
        raise Unusable(f"{row['email']} has an account here that cannot be the same person's. Nothing was imported.")
    mapping.known.add(row["user_id"])
    if here.user_id != row["user_id"]:
        mapping.names[row["user_id"]] = here.user_id


def _learn_role(db: Connection, row: Row, mapping: Mapping) -> None:
    here = db.execute(select(role).where(role.c.enterprise_id == mapping.enterprise_id)).all()
    if any(one.role_id == row["role_id"] for one in here):
        mapping.known.add(row["role_id"])
        return
    for one in here:
        is_same = one.role_type == row["role_type"] and one.internal_name == row["internal_name"]
        if is_same and (row["internal_name"] or (one.name, one.permissions) == (row["name"], row["permissions"])):
            mapping.known.add(row["role_id"])
            mapping.names[row["role_id"]] = one.role_id
            return
    if row["internal_name"] is not None:
        raise Unusable(f"There is no role {row['internal_name']} here. Nothing was imported.")
    taken = {one.name for one in here}
    if row["name"] in taken:
        mapping.renamed[row["role_id"]] = _free(f"{row['name']} (imported)", taken)


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free
