"""Looks at sessions that came to an end: category at once, the whole analysis where it is wanted."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import select

from cogmill.access.context import Context, Runtime
from cogmill.access.scope import Scope
from cogmill.domain.insights import jobs, service
from cogmill.domain.insights.analysis import RULES, by_rules
from cogmill.domain.insights.classify import Classified, classify
from cogmill.domain.insights.facts import Facts
from cogmill.domain.insights.jobs import Claim
from cogmill.domain.metrics.marks import mark
from cogmill.domain.organizations.rules import rules_of
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.domain.usage import reservations
from cogmill.engine import judgement
from cogmill.engine.agents.pricing import PriceUnknown
from cogmill.engine.agents.seam import Json, ModelSettings
from cogmill.engine.metering import MICRO, Booked
from cogmill.engine.redaction import Redactor
from cogmill.engine.store import secrets_of
from cogmill.engine.variables import to_hide
from cogmill.kit import metrics
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.models.sessions import session, session_event
from cogmill.web.call import Call

log = logger("engine")
PIECE = 500
"""Events that are read at once."""


class Insights:
    """The loop of one server process."""

    def __init__(self, runtime: Runtime, model: ModelSettings | None = None) -> None:
        self._call = Call(runtime, Scope("", None), "insights", None)
        self._model = model
        self._begun = False

    async def run_once(self) -> None:
        """At first take up what the last process left; then do whatever waits."""
        if not self._begun:
            await self._call.write(jobs.release_all)
            self._begun = True
        while (claimed := await self._call.write(_claim)) is not None:
            crash_point("insights_claimed")
            try:
                await self._look_at(claimed)
            except Exception as error:  # whatever is in a log, the next session is looked at
                metrics.LOOP_FAILURES.labels(jobs.LOOP).inc()
                log.exception("insights_failed", session_id=claimed.row.session_id, error=type(error).__name__)
                await self._call.write(partial(_fail, claimed))

    async def _look_at(self, claimed: Claim) -> None:
        facts = await self._facts(claimed)
        classified = await asyncio.to_thread(classify, facts, claimed.row.title)
        analysis = None
        if service.wants_analysis(claimed):
            analysis = await asyncio.to_thread(by_rules, facts, classified) | {"made_by": RULES}
            judged = await self._judged(claimed, facts, analysis, classified)
            if judged is not None:
                analysis, classified = judged.analysis, judged.classified
        crash_point("insights_made")
        await self._call.write(lambda ctx: service.store(ctx, claimed, classified, analysis))

    async def _judged(
        self, claimed: Claim, facts: Facts, analysis: Json, classified: Classified
    ) -> judgement.Judged | None:
        """What the model says, if there is one and the limits leave room for it. Its failure is no failure."""
        model = self._model
        if model is None:
            return None
        redact = await self._call.read(lambda ctx: Redactor(to_hide(secrets_of(ctx, claimed.row))).json)
        text = judgement.question(facts, analysis, redact)
        try:
            if not await self._call.write(partial(self._affordable, claimed, judgement.dearest(model, text))):
                return None
            crash_point("insights_reserved")
            judged = await judgement.judge(model, facts, analysis, classified, text, redact)
        except (judgement.Unusable, PriceUnknown) as failure:
            log.warning("insights_by_rules", session_id=claimed.row.session_id, reason=str(failure))
            if isinstance(failure, judgement.Paid):
                await self._call.write(partial(self._book, claimed, failure.usage, failure.usd))
            else:
                await self._call.write(partial(_give_back, claimed))
            return None
        crash_point("insights_judged")
        await self._call.write(partial(self._book, claimed, judged.usage, judged.usd))
        return judged

    def _affordable(self, claimed: Claim, dearest: Decimal, ctx: Context) -> bool:
        """Whether the dearest answer fits below the session's limit, and could be set aside of those of the cycle."""
        reservations.lock(ctx, rules_of(ctx, claimed.row.org_id).accounts.enterprise_id)
        mine = select(session).where(session.c.id == claimed.row.id).with_for_update()
        row = ctx.db.execute(mine).one_or_none()
        if row is None or row.run_state != "idle":  # one that runs spends at the same time
            return False
        rules = rules_of(ctx, row.org_id, row.user_id)
        limit, need = rules.session_limit(row.max_acu_limit), self._acus(dearest)
        fits = limit is None or row.acus_micro + need <= limit * MICRO
        if rules.is_deleted or rules.stopped is not None or not fits:
            return False
        answer = reservations.reserve(ctx, row, reservations.INSIGHTS, need, 0, 0)
        if answer.granted is None and limit is not None:
            reservations.hold(ctx, row, reservations.INSIGHTS, rules.accounts, need)
        return answer.refused is None

    def _acus(self, usd: Decimal) -> int:
        return round(float(usd) * self._call.runtime.settings.acu_per_usd * MICRO)

    def _book(self, claimed: Claim, usage: Json, usd: Decimal, ctx: Context) -> None:
        """The answer is paid for: an event of the session says so, and the ledger."""
        assert self._model is not None  # noqa: S101 - it has just answered
        row, acus = claimed.row, self._acus(usd)
        ctx.db.execute(select(session.c.id).where(session.c.id == row.id).with_for_update())
        if (held := reservations.reserved(ctx, row.id, reservations.INSIGHTS)) is not None:
            acus = min(acus, held)
        booked = Booked(acus, round(usd * MICRO), 0)
        said = {"model": self._model.name, "usage": usage, "acus": booked.acus / MICRO, "usd": str(usd)}
        event = NewEvent("insights_judged", "other", f"Insights: asked {self._model.name}", said)
        use = replace(booked.use(said), holder=reservations.INSIGHTS)
        append(ctx, row.id, row.session_id, [event], acus=booked.acus, usd=booked.usd, use=use)
        _give_back(claimed, ctx)
        mark(ctx, row.org_id, row.created_at)

    async def _facts(self, claimed: Claim) -> Facts:
        """The log, piece by piece, so that a long one neither fills the memory nor holds a transaction."""
        facts, seq = Facts(), 0
        while rows := await self._call.read(partial(_piece, claimed.row.id, seq)):
            await asyncio.to_thread(_gather, facts, rows)
            seq = rows[-1].seq
        facts.close()
        return facts


def _piece(row_id: int, after: int, ctx: Context) -> Sequence[Any]:
    columns = session_event.c
    query = select(columns.seq, columns.event_type, columns.created_at, columns.summary, columns.contents)
    query = query.where(
        columns.session == row_id, columns.seq > after, ~columns.event_type.like("%\\_output", escape="\\")
    )
    return ctx.db.execute(query.order_by(columns.seq).limit(PIECE)).all()


def _gather(facts: Facts, rows: Sequence[Any]) -> None:
    for row in rows:
        facts.add(row.event_type, row.created_at, row.summary, json.loads(row.contents))


def _claim(ctx: Context) -> Claim | None:
    """The next job; what an earlier attempt at it had set aside is given back."""
    claimed = jobs.claim(ctx)
    if claimed is not None:
        _give_back(claimed, ctx)
    return claimed


def _give_back(claimed: Claim, ctx: Context) -> None:
    reservations.release(ctx, claimed.row.id, reservations.INSIGHTS)


def _fail(claimed: Claim, ctx: Context) -> None:
    _give_back(claimed, ctx)
    jobs.finish(ctx, claimed, "failed")
