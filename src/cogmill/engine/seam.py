"""What the rest of the server knows of the engine that runs sessions: a few verbs, so that drivers can be exchanged."""

from typing import Protocol


class Engine(Protocol):
    """Runs sessions. The database is the truth: an engine that starts finds all its work there.

    A driver for many machines does the same with one workflow per session and one activity around
    `runner.run_session`, which drives the session from its log and writes under the session's epoch.
    """

    async def start(self) -> None:
        """Take up every session that was queued or running when the last process ended."""

    def runnable(self, row_id: int, org_id: str, priority: int) -> None:
        """A session waits to be run. Never refuses; a full engine lets it wait."""

    def cancelled(self, row_id: int) -> None:
        """A session was ended or put to sleep: stop its run and kill its processes."""

    def runs(self, row_id: int) -> bool:
        """Whether a session runs now; one whose process was cut, and which waits to be taken up, does not."""

    def limited(self) -> None:
        """A limit of the cycle was set or changed: what runs looks at once."""

    def due(self, loop: str) -> None:
        """A background loop, by its name, has something to do now or at another time than it knows."""

    async def stop(self) -> None:
        """Checkpoint what runs and return; the next start goes on there."""
