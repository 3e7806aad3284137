"""News for watchers: nothing is lost or doubled, and slow readers cost the writer nothing."""

import asyncio
import time
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from cogmill.kit.hub import Feed, Hub


def item(number):
    return number, f"event {number}".encode()


def test_who_follows_gets_what_comes_after():
    feed = Feed()
    feed.publish([item(1), item(2)])
    feed.publish([item(3)])
    assert feed.since(0) == [item(1), item(2), item(3)]
    assert feed.since(2) == [item(3)]
    assert feed.since(3) == []


def test_a_gap_is_not_jumped_over():
    """Who asks must go to the log: what it missed lies there."""
    feed = Feed()
    feed.publish([item(5), item(6), item(8)])
    assert feed.since(3) == []
    assert feed.since(4) == [item(5), item(6)]
    assert feed.since(6) == []


def test_only_the_latest_are_kept():
    feed = Feed()
    for number in range(1, 3 * Feed.KEPT):
        feed.publish([item(number)])
    assert feed.since(0) == []
    assert len(feed.since(3 * Feed.KEPT - 1 - Feed.KEPT)) == Feed.KEPT


async def test_a_watcher_is_woken():
    feed = Feed()
    waiting = asyncio.create_task(feed.changed(feed.version, 5))
    await asyncio.sleep(0)
    feed.publish([item(1)])
    assert await waiting is True


async def test_what_came_between_looking_and_waiting_is_noticed():
    feed = Feed()
    seen = feed.version
    feed.publish([item(1)])
    assert await asyncio.wait_for(feed.changed(seen, 5), 1)


async def test_waiting_ends_without_news():
    feed = Feed()
    assert await feed.changed(feed.version, 0.01) is False
    assert await feed.changed(feed.version, 0.01) is False


async def test_a_watcher_that_gives_up_takes_nobody_along():
    feed = Feed()
    first = asyncio.create_task(feed.changed(0, 5))
    second = asyncio.create_task(feed.changed(0, 5))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    feed.publish([item(1)])
    assert await asyncio.wait_for(second, 1)


async def test_a_hundred_watchers_of_any_speed_get_everything_once():
    hub, total = Hub(), 500
    log = []

    async def watch(pause):
        feed, seen = hub.join(1), []
        try:
            while len(seen) < total:
                version = feed.version
                after = seen[-1][0] if seen else 0
                new = feed.since(after) or log[after:]
                seen += new
                if not new:
                    await feed.changed(version, 5)
                await asyncio.sleep(pause)
        finally:
            hub.leave(1)
        return seen

    watchers = [asyncio.create_task(watch(pause)) for pause in (0, 0.001, 0.02) for _ in range(34)]
    await asyncio.sleep(0)
    assert hub.watchers == len(watchers)
    for number in range(1, total + 1):
        log.append(item(number))
        hub.publish(1, partial(list, log[-1:]))
        if number % 7 == 0:
            await asyncio.sleep(0)
    for seen in await asyncio.gather(*watchers):
        assert seen == log
    assert hub.watchers == 0


async def test_publishing_costs_the_same_for_one_watcher_and_for_a_thousand():
    async def cost(watchers):
        feed = Feed()
        waiting = [asyncio.create_task(feed.changed(0, 30)) for _ in range(watchers)]
        await asyncio.sleep(0)
        began = time.thread_time()
        for number in range(5000):
            feed.publish([item(number)])
        taken = time.thread_time() - began
        await asyncio.gather(*waiting)
        return taken

    alone = min([await cost(1) for _ in range(3)])
    crowd = min([await cost(1000) for _ in range(3)])
    assert crowd < alone * 5 + 0.02


async def test_keys_do_not_hear_each_other():
    hub = Hub()
    one, two = hub.join(1), hub.join(2)
    hub.publish(1, lambda: [item(1)])
    assert one.since(0) == [item(1)]
    assert two.since(0) == []
    assert two.version == 0


def test_what_nobody_watches_is_not_kept():
    hub = Hub()
    hub.publish(1, lambda: [item(1)])
    first, second = hub.join(1), hub.join(1)
    assert first is second
    assert first.since(0) == []
    hub.leave(1)
    hub.publish(1, lambda: [item(2)])
    assert second.since(1) == [item(2)]
    hub.leave(1)
    assert hub.join(1).since(1) == []


async def test_closing_wakes_everybody():
    hub = Hub()
    feeds = [hub.join(key) for key in range(3)]
    waiting = [asyncio.create_task(feed.changed(feed.version, 30)) for feed in feeds]
    await asyncio.sleep(0)
    hub.close()
    assert await asyncio.gather(*waiting) == [True] * 3
    assert hub.closing


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=30))
def test_since_and_the_log_together_lose_nothing(steps):
    """However publications and looks fall together: 0 publishes one more, 1..3 look as a watcher of that number."""
    feed, log, seen = Feed(), [], {1: [], 2: [], 3: []}
    for step in steps:
        for action in step:
            if action == 0:
                log.append(item(len(log) + 1))
                feed.publish([log[-1]])
            else:
                after = len(seen[action])
                seen[action] += feed.since(after) or log[after:]
    for watcher, had in seen.items():
        assert had == log[: len(had)], watcher
