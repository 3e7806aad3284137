"""Stored secrets under the newest data key: what follows a new master key. Every part may be cut and begun again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from sqlalchemy import Connection, delete, select, tuple_, update

from cogmill.kit.crypto import Keyring
from cogmill.models.installation import data_key
from cogmill.models.sealed import SEALED, Sealed

BATCH = 200
Transaction = Callable[[], AbstractContextManager[Connection]]


def reseal_all(transaction: Transaction, keyring: Keyring) -> Iterator[int]:
    """Seal every value anew that an older key sealed; answers how many after each batch, a transaction of its own."""
    assert keyring.data_keys is not None  # noqa: S101 - the caller opened them
    current = f"v2:{keyring.data_keys.newest()[0]}:"
    for sealed in SEALED:
        after: tuple[object, ...] | None = None
        while True:
            with transaction() as db:
                done, after = _batch(db, keyring, sealed, current, after)
            yield done
            if after is None:
                break


def _batch(
    db: Connection, keyring: Keyring, sealed: Sealed, current: str, after: tuple[object, ...] | None
) -> tuple[int, tuple[object, ...] | None]:
    """The rows behind the key `after`: how many were sealed anew, and the last key unless that was the end."""
    table, key = sealed.column.table, list(sealed.column.table.primary_key.columns)
    query = select(*key, sealed.column.label("value"), sealed.bound_to.label("bound_to")).order_by(*key).limit(BATCH)
    if after is not None:
        query = query.where(tuple_(*key) > after)
    rows = db.execute(query).all()
    done = 0
    for row in rows:
        if not row.value or row.value.startswith(current):
            continue
        fresh = keyring.encrypt(keyring.decrypt(row.value, row.bound_to), row.bound_to)
        same = [column == part for column, part in zip(key, row, strict=False)]
        # A value that changed meanwhile was sealed by whoever changed it.
        change = update(table).where(*same, sealed.column == row.value).values({sealed.column: fresh})
        done += db.execute(change).rowcount
    return done, tuple(rows[-1][: len(key)]) if len(rows) == BATCH else None


def forget_unused(db: Connection) -> int:
    """Delete data keys that seal nothing any more, the newest left alone; answers how many."""
    numbers = db.execute(select(data_key.c.number).order_by(data_key.c.number.desc())).scalars().all()
    unused = [number for number in numbers[1:] if not _is_used(db, number)]
    db.execute(delete(data_key).where(data_key.c.number.in_(unused)))
    return len(unused)


def _is_used(db: Connection, number: int) -> bool:
    return any(
        db.execute(select(one.column).where(one.column.startswith(f"v2:{number}:")).limit(1)).first() is not None
        for one in SEALED
    )
