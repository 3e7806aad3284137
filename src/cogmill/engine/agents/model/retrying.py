"""Asks a backend again when its trouble may pass, with growing, random pauses and an end."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from cogmill.engine.agents.model.wire import Backend, ModelFailure, Reply, Request


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient to be with a provider."""

    attempts: int = 6
    base: float = 1.0
    cap: float = 60.0
    longest_wait: float = 300.0
    """A provider that asks for more than this is given up for now."""

    def pause(self, attempt: int, retry_after: float | None) -> float:
        pause: float = min(self.cap, self.base * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        # Jitter on top of what the provider asked for, so that waiting sessions do not return all at once.
        return pause if retry_after is None else retry_after + min(pause, 1.0)


async def complete(backend: Backend, request: Request, policy: RetryPolicy, on_text: Callable[[str], None]) -> Reply:
    """The answer, after as many attempts as the policy allows. ModelFailure says why there is none."""
    for attempt in range(1, policy.attempts + 1):
        try:
            return await backend.complete(request, on_text)
        except ModelFailure as failure:
            if failure.kind != "retryable":
                raise
            pause = policy.pause(attempt, failure.retry_after)
            if attempt == policy.attempts or (failure.retry_after or 0) > policy.longest_wait:
                raise ModelFailure("retryable", _given_up(failure, attempt)) from failure
            on_text(f"\n[{failure.text} Trying again in {pause:.0f} seconds.]\n")
            await asyncio.sleep(pause)
    raise AssertionError("a policy has at least one attempt")


def _given_up(failure: ModelFailure, attempts: int) -> str:
    asked = f", and asks to wait {failure.retry_after:.0f} seconds" if failure.retry_after else ""
    return f"{failure.text} Given up after {attempts} attempt{'s' * (attempts > 1)}{asked}."
