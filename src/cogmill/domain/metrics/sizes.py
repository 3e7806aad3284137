"""How large a session is: the one home of the cut-offs, as a column for sums and as a value for one session."""

from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case

from cogmill.models.sessions import session

MICRO = 1_000_000
Size = Literal["xs", "s", "m", "l", "xl"]
LIMITS: tuple[tuple[Size, float, int], ...] = (("xs", 1.0, 2), ("s", 2.5, 5), ("m", 5.0, 10), ("l", 10.0, 20))
"""A session has the first size whose ACUs it is below, and whose number of messages from users (the prompt included)
it does not exceed; the others are xl. So the larger of the two counts."""


def size_of(row: Any) -> Size:
    """The size of a session's row."""
    fits = (name for name, acus, most in LIMITS if row.acus_micro < acus * MICRO and row.user_messages <= most)
    return next(fits, "xl")


def size_column() -> ColumnElement[str]:
    """The same for the database."""
    columns = session.c
    whens = (
        (and_(columns.acus_micro < round(acus * MICRO), columns.user_messages <= most), name)
        for name, acus, most in LIMITS
    )
    return case(*whens, else_="xl")
