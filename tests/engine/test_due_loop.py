"""The driver of loops that wait for a point in time: asleep until then, awake at once when told of more."""

import asyncio
import time

from cogmill.engine.loops.due import DueLoop


class Work:
    """Notes when it ran; answers the given times."""

    def __init__(self, *answers):
        self.answers, self.ran = list(answers), asyncio.Queue()

    async def run_once(self):
        self.ran.put_nowait(time.monotonic())
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_it_sleeps_until_something_is_due_and_is_woken_by_news():
    work = Work(1000.05, None, None)
    loop = DueLoop("test", work.run_once, lambda: 1000.0)
    running = asyncio.create_task(loop.run())
    first, second = [await asyncio.wait_for(work.ran.get(), 5) for _ in range(2)]
    assert second - first >= 0.04
    await asyncio.sleep(0.05)
    assert work.ran.empty()
    loop.wake()
    await asyncio.wait_for(work.ran.get(), 5)
    running.cancel()


async def test_a_failure_is_no_end(monkeypatch):
    monkeypatch.setattr(DueLoop, "AFTER_FAILURE", 0.01)
    work = Work(OSError("away"), None)
    running = asyncio.create_task(DueLoop("test", work.run_once, lambda: 0.0).run())
    for _ in range(2):
        await asyncio.wait_for(work.ran.get(), 5)
    running.cancel()


async def test_it_looks_again_without_news(monkeypatch):
    monkeypatch.setattr(DueLoop, "LONGEST_SLEEP", 0.02)
    work = Work()
    running = asyncio.create_task(DueLoop("test", work.run_once, lambda: 0.0).run())
    for _ in range(3):
        await asyncio.wait_for(work.ran.get(), 5)
    running.cancel()
