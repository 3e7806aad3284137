"""Which notes fit a prompt: the database ranks those that share words with it, the rarity of the words decides."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import or_

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_enterprise
from cogmill.domain.knowledge import index
from cogmill.kit.words import stems
from cogmill.models.knowledge import knowledge_folder, knowledge_note

READ, ASKED = 20_000, 200
"""Letters of a prompt that are looked at, and different words of it."""
LOOKED_UP, POSTINGS = 60, 1_200
"""Words that are looked up, the rarest first, and how many notes they may select in all."""
RANKED, RANKED_AGAIN = 100, 1_200
"""Notes that the database ranks; more of them when many turn out to be in folders that are switched off."""
CANDIDATES, MOST = 40, 10
ENOUGH = 0.35
"""How much of a trigger the prompt must say, its words counted by their rarity."""
_C = knowledge_note.c
LIVE = _C.is_enabled & or_(_C.folder_id.is_(None), knowledge_folder.c.is_active)
"""A note that sessions are given; needs its folder joined."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A note whose trigger shares words with the prompt."""

    id: int
    name: str
    trigger: str
    score: float
    matched: tuple[str, ...]
    similarity: float | None = None


def candidates(ctx: Context, scope: Scope, places: Collection[str], prompt: str) -> list[Candidate]:
    """Notes that share words with the prompt, the best ones first."""
    asked = stems(prompt[:READ])[:ASKED]
    counts = index.counts(ctx, places, [index.ALL, *asked])
    total = counts.pop(index.ALL, 0)
    looked_up = _rarest(counts)
    if not looked_up:
        return []
    columns = (_C.id, _C.name, _C.trigger, _C.fit_words)
    query = of_enterprise(knowledge_note, scope, *columns)
    query = query.select_from(knowledge_note.outerjoin(knowledge_folder)).where(LIVE)
    for ranked in (RANKED, RANKED_AGAIN):
        best = index.fitting(ctx, places, looked_up, ranked)
        rows = ctx.db.execute(query.where(_C.id.in_(best))).all()
        if len(rows) >= min(CANDIDATES, ranked // 2):
            break
        if sum(counts[word] for word in looked_up) <= ranked:
            break  # that were all
    others = {word for row in rows for word in row.fit_words.split()} - set(counts)
    counts |= index.counts(ctx, places, others)
    scored = [_scored(row, set(asked), counts, total) for row in rows]
    return sorted(scored, key=lambda one: (-one.score, -one.id))[:CANDIDATES]


def fitting(found: Sequence[Candidate], least_similarity: float | None) -> list[Candidate]:
    """Those that fit: by the words, or by their similarity where that is known."""
    if least_similarity is None:
        return [one for one in found if one.score >= ENOUGH][:MOST]
    near = [one for one in found if one.similarity is not None and one.similarity >= least_similarity]
    return sorted(near, key=lambda one: (-(one.similarity or 0.0), -one.score, -one.id))[:MOST]


def _rarest(counts: dict[str, int]) -> list[str]:
    """The words worth looking up: frequent ones select too much, and tell little."""
    chosen: list[str] = []
    postings = 0
    for word in sorted(counts, key=lambda one: (counts[one], one))[:LOOKED_UP]:
        postings += counts[word]
        if chosen and postings > POSTINGS:
            break
        chosen.append(word)
    return chosen


def _scored(row: object, asked: Collection[str], counts: dict[str, int], total: int) -> Candidate:
    words: list[str] = row.fit_words.split()  # type: ignore[attr-defined]
    weights = {word: 1 + math.log(1 + total / max(1, counts.get(word, 1))) for word in words}
    matched = [word for word in words if word in asked]
    score = sum(weights[word] for word in matched) / sum(weights.values())
    return Candidate(row.id, row.name, row.trigger, score, tuple(matched))  # type: ignore[attr-defined]
