"""News for watchers: who follows a key is woken when items are published under it. Holds no truth, only the latest."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable


class Feed:
    """The latest items of one key, numbered without gaps by whoever publishes them."""

    KEPT = 1024

    def __init__(self) -> None:
        self.watchers = 0
        self.version = 0
        """Grows with every publication."""
        self._items: OrderedDict[int, bytes] = OrderedDict()
        self._changed: asyncio.Future[None] | None = None

    def publish(self, items: list[tuple[int, bytes]]) -> None:
        """Keep the items and wake the watchers. Costs the publisher the same for one watcher and for a thousand."""
        self.version += 1
        self._items.update(items)
        while len(self._items) > self.KEPT:
            self._items.popitem(last=False)
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None

    def since(self, number: int) -> list[tuple[int, bytes]]:
        """Items that follow `number` without a gap; empty when there are none or the next one is not kept any more."""
        found: list[tuple[int, bytes]] = []
        while (item := self._items.get(number + 1)) is not None:
            number += 1
            found.append((number, item))
        return found

    async def changed(self, seen: int, timeout: float) -> bool:
        """Wait for a publication after version `seen`; False after `timeout` seconds without one."""
        if self.version != seen:
            return True
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait([self._changed], timeout=timeout)
        return bool(done)


class Hub:
    """The feeds that somebody watches."""

    def __init__(self) -> None:
        self._feeds: dict[int, Feed] = {}
        self.closing = False

    def publish(self, key: int, items: Callable[[], list[tuple[int, bytes]]]) -> None:
        """Show the items to whoever watches; they are made only if somebody does."""
        feed = self._feeds.get(key)
        if feed is not None:
            feed.publish(items())

    def join(self, key: int) -> Feed:
        feed = self._feeds.setdefault(key, Feed())
        feed.watchers += 1
        return feed

    def leave(self, key: int) -> None:
        feed = self._feeds[key]
        feed.watchers -= 1
        if feed.watchers == 0:
            del self._feeds[key]

    @property
    def watchers(self) -> int:
        return sum(feed.watchers for feed in self._feeds.values())

    def close(self) -> None:
        """Wake every watcher, so that streams can end when the server stops."""
        self.closing = True
        for feed in self._feeds.values():
            feed.publish([])
