"""The full-text index of notes on either database, written in the transaction that writes the note."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from cogmill.access.context import Context
from cogmill.models.knowledge import knowledge_word, postgres_words, sqlite_words

ALL = ""
"""The word under which all notes of a place are counted."""
SHORTEST_BEGINNING = 3
"""A shorter last word of a search is meant as it is: too much begins with it."""
_SQLITE: ColumnElement[Any] = literal_column("knowledge_words")


def put(ctx: Context, note: int, place: str, fit: Collection[str], said: Collection[str]) -> None:
    """Index a note that is new, or was taken out before."""
    hold(ctx.db, note, place, fit, said)
    _count(ctx, place, [ALL, *fit], 1)


def hold(db: Connection, note: int, place: str, fit: Collection[str], said: Collection[str]) -> None:
    """The full-text index's own part of it, for a note whose words are counted already."""
    if db.dialect.name == "sqlite":
        values = {"rowid": note, "place": _token(place), "fit": " ".join(fit), "said": " ".join(said)}
        db.execute(insert(sqlite_words).values(values))
    else:
        held = {"fit": _vector(place, fit), "said": _vector(place, said)}
        db.execute(insert(postgres_words).values(note=note, **held))


def take_out(ctx: Context, note: int, place: str, fit: Collection[str]) -> None:
    """The opposite of `put`, with the words that it was given."""
    if ctx.db.dialect.name == "sqlite":
        ctx.db.execute(delete(sqlite_words).where(sqlite_words.c.rowid == note))
    else:
        ctx.db.execute(delete(postgres_words).where(postgres_words.c.note == note))
    _count(ctx, place, [ALL, *fit], -1)


def counts(ctx: Context, places: Collection[str], words: Iterable[str]) -> dict[str, int]:
    """How many notes of the places each word selects; words of none are left out."""
    columns = knowledge_word.c
    query = select(columns.word, func.sum(columns.notes).label("sum")).where(columns.place.in_(places))
    found = ctx.db.execute(query.where(columns.word.in_(list(words))).group_by(columns.word))
    return {row.word: int(row.sum) for row in found if row.sum > 0}


def fitting(ctx: Context, places: Collection[str], words: Collection[str], most: int) -> Select[Any]:
    """Ids of the notes with any of the words, those that the database ranks highest."""
    if ctx.db.dialect.name == "sqlite":
        asked = f"{_sqlite_places(places)} AND fit : ({' OR '.join(map(_quoted, words))})"
        rank = func.bm25(_SQLITE, 0.0, 1.0, 0.0)
        return select(sqlite_words.c.rowid).where(_SQLITE.op("MATCH")(asked)).order_by(rank).limit(most)
    any_ = " | ".join(f"'{word}'" for word in words)
    # 2: among notes with as many of the words, those go first that ask for few others.
    rank = func.ts_rank(postgres_words.c.fit, cast(any_, TSQUERY), 2)
    asked = f"({_postgres_places(places)}) & ({any_})"
    found = select(postgres_words.c.note).where(postgres_words.c.fit.op("@@")(cast(asked, TSQUERY)))
    return found.order_by(rank.desc()).limit(most)


@dataclass(frozen=True, slots=True)
class Holding:
    """How to find notes by words: the index and its column that names the note."""

    table: Table
    note: ColumnElement[int]
    matches: ColumnElement[bool]
    """What must be true, of any note: the index finds them."""
    says: ColumnElement[bool]
    """The same of notes that are known already: their words are read."""


def holding(ctx: Context, place: str | None, words: Collection[str]) -> Holding:
    """Notes of a place, or of any, that hold all of the words, the last of which may be a beginning."""
    *whole, last = words
    begins = len(last) >= SHORTEST_BEGINNING
    places = [place] if place is not None else []
    if ctx.db.dialect.name == "sqlite":
        parts = [*map(_quoted, whole), _quoted(last) + ("*" if begins else "")]
        asked = " AND ".join([*map(_sqlite_places, [places] if places else []), *(f"said : {part}" for part in parts)])
        said = " " + sqlite_words.c.said + " "
        says = and_(*(said.like(f"% {word} %") for word in whole), said.like(f"% {last}{'' if begins else ' '}%"))
        return Holding(sqlite_words, sqlite_words.c.rowid, _SQLITE.op("MATCH", is_comparison=True)(asked), says)
    parts = [*(f"'{word}'" for word in whole), f"'{last}'" + (":*" if begins else "")]
    asked = " & ".join([*map(_postgres_places, [places] if places else []), *parts])
    said, query = postgres_words.c.said, cast(asked, TSQUERY)
    # The operator's function: no index knows it, or plans made for any values would gather all notes that hold a word.
    says = func.ts_match_vq(said, query, type_=Boolean)
    return Holding(postgres_words, postgres_words.c.note, said.op("@@", is_comparison=True)(query), says)


def _count(ctx: Context, place: str, words: Iterable[str], change: int) -> None:
    """Words in one order, so that two writers wait for each other at the first one that both have."""
    columns = knowledge_word.c
    ordered = sorted(set(words))
    if change < 0:
        fewer = update(knowledge_word).where(columns.place == place, columns.word.in_(ordered))
        ctx.db.execute(fewer.values(notes=columns.notes + change))
        return
    make = sqlite_insert if ctx.db.dialect.name == "sqlite" else postgres_insert
    more = make(knowledge_word).on_conflict_do_update(
        index_elements=[columns.place, columns.word], set_={"notes": columns.notes + change}
    )
    org_id = None if place == ctx.scope.enterprise_id else place
    rows = [{"place": place, "word": word, "org_id": org_id, "notes": change} for word in ordered]
    ctx.db.execute(more, rows)


def _token(place: str) -> str:
    """An id as one word; no other word is as long with such a beginning."""
    return place.replace("-", "")


def _vector(place: str, words: Iterable[str]) -> Any:
    held = cast([f"@{_token(place)}", *words], ARRAY(Text))
    return func.array_to_tsvector(held)


def _sqlite_places(places: Collection[str]) -> str:
    return f"place : ({' OR '.join(_quoted(_token(place)) for place in places)})"


def _postgres_places(places: Collection[str]) -> str:
    return "(" + " | ".join(f"'@{_token(place)}'" for place in places) + ")"


def _quoted(word: str) -> str:
    """Words hold letters and digits only; quotes keep AND, OR and NOT from being commands."""
    return f'"{word}"'
