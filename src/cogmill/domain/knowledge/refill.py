"""The full-text index made anew from the notes, whose words are counted already: after an import."""

from sqlalchemy import Connection, select

from cogmill.domain.knowledge import index
from cogmill.domain.knowledge.service import words_said
from cogmill.models.knowledge import knowledge_note

BATCH = 200


def refill(db: Connection, after: int = 0) -> int:
    """Index all notes with an id greater than `after`, none of which is indexed; answers how many."""
    done = 0
    while True:
        query = select(knowledge_note).where(knowledge_note.c.id > after).order_by(knowledge_note.c.id).limit(BATCH)
        rows = db.execute(query).mappings().all()
        for row in rows:
            index.hold(db, row["id"], row["place"], row["fit_words"].split(), words_said({**row}))
        done += len(rows)
        if len(rows) < BATCH:
            return done
        after = rows[-1]["id"]
