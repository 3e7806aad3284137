"""Looks after reviews of pull requests: cancels those whose pull request got on, writes down what the others found."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Row

from cogmill.access.context import Context
from cogmill.domain.git_providers.credentials import provider_of
from cogmill.domain.pr_reviews import outcomes, report
from cogmill.domain.pr_reviews.heads import at_forge
from cogmill.domain.pr_reviews.outcomes import Look
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.scm.provider import ProviderError, PullRequestDetails, Remark, ReviewDraft
from cogmill.web.call import Call

log = logger("engine")


async def run_once(call: Call) -> float | None:
    """Look at every review that is due; answers when the next one will be."""
    while claimed := await call.write(outcomes.claim):
        looks = await call.read(partial(_looks, claimed))
        await asyncio.gather(*(_go_on(call, one) for one in looks))
    return await call.read(outcomes.next_due)


def _looks(claimed: Sequence[Row[Any]], ctx: Context) -> list[Look]:
    return [outcomes.look(ctx, row) for row in claimed]


async def _go_on(call: Call, seen: Look) -> None:
    if seen.failure is not None:
        await call.write(lambda ctx: outcomes.end(ctx, seen.row, "errored", seen.failure))
    elif seen.report is not None:
        await _write_down(call, seen)
    else:
        await _check_head(call, seen)


async def _write_down(call: Call, seen: Look) -> None:
    """At the provider, if it lies there, and then here: a process that dies in between finds its mark there."""
    if seen.connection is not None and (why := await _why_not_written(call, seen)) is not None:
        log.warning("review_not_written", review=seen.row.pr_review_id, reason=why)
        await call.write(lambda ctx: outcomes.not_written(ctx, seen, why))
        return
    crash_point("review_written")
    await call.write(lambda ctx: outcomes.end(ctx, seen.row, "completed", None, seen.report))


async def _why_not_written(call: Call, seen: Look) -> str | None:
    if not seen.may_write:
        return "The organization's git permissions do not allow it to write there."
    row, found = seen.row, seen.report or {}
    remarks = [Remark(*one) for one in report.remarks(found)]
    summary = report.text(found, row.commit_sha, with_remarks=False)
    draft = ReviewDraft(row.pr_review_id, row.commit_sha, summary, report.text(found, row.commit_sha), remarks)
    try:
        async with asyncio.timeout(outcomes.LEASE / 2):
            await provider_of(call.runtime.keyring, seen.connection).review(row.provider_path, row.number, draft)
    except ProviderError as error:
        return str(error)
    except Exception as error:  # one connection that cannot be used must not stop the others
        return f"{type(error).__name__}."
    return None


async def _check_head(call: Call, seen: Look) -> None:
    """A review that runs is of the pull request's head, or of nothing that anybody wants to know."""
    now = await _details(call, seen)
    moved = None
    if now is not None and now.fact.state != "open":
        moved = f"its pull request, which is {now.fact.state} by now"
    elif now is not None and now.head_commit != seen.row.commit_sha:
        moved = f"a new push: the head is {now.head_commit[:12]} by now"

    def work(ctx: Context) -> None:
        if moved is not None:
            outcomes.cancel(ctx, seen.row, moved)
        else:
            outcomes.look_again(ctx, seen.row, ctx.now + ctx.runtime.settings.pull_request_check_seconds)

    await call.write(work)


async def _details(call: Call, seen: Look) -> PullRequestDetails | None:
    """How the pull request stands; None when nobody can say now."""
    row = seen.row
    try:
        if seen.pull_request is not None:
            return await at_forge(call.runtime, seen.pull_request)
        async with asyncio.timeout(outcomes.LEASE / 2):
            provider = provider_of(call.runtime.keyring, seen.connection)
            return await provider.pull_request_details(row.provider_path, row.number)
    except Exception as error:  # as above
        log.warning("review_head_not_checked", review=row.pr_review_id, reason=str(error) or type(error).__name__)
        return None
