"""What requests leave behind in memory, written to the database now and then: no request waits for the disk."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

from sqlalchemy.exc import SQLAlchemyError

from cogmill.kit.db import Database
from cogmill.kit.logs import logger


class Noted(ABC):
    """Notes since the last write; a kill loses those of one interval."""

    INTERVAL: ClassVar[float]
    """Seconds between two writes."""
    AT_ONCE: ClassVar[int] = 500
    """Rows in one transaction, so that other writers are not held up."""
    NOT_WRITTEN: ClassVar[str]
    """The log's word for a write that failed; it is tried again."""

    @abstractmethod
    async def flush(self, database: Database) -> None:
        """Write what was noted; what could not be written is noted still."""

    @asynccontextmanager
    async def written_to(self, database: Database) -> AsyncIterator[None]:
        """While the server runs: write every interval, and once more at the end."""
        writing = asyncio.create_task(self._keep_writing(database))
        try:
            yield
        finally:
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            await self._try_flush(database)

    async def _keep_writing(self, database: Database) -> None:
        while True:
            await asyncio.sleep(self.INTERVAL)
            await self._try_flush(database)

    async def _try_flush(self, database: Database) -> None:
        try:
            await self.flush(database)
        except SQLAlchemyError as error:
            logger("keys").warning(self.NOT_WRITTEN, error=type(error).__name__)
