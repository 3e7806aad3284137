"""Passwords: argon2id, off the event loop, a bounded number at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cogmill.kit.errors import LimitReached
from cogmill.kit.slowdown import Slowdown

T = TypeVar("T")
SHORTEST, LONGEST = 12, 1024
AT_ONCE = 2
"""Each takes 64 MiB and a good part of a core."""
MOST_WAITING = 32
HASHER = PasswordHasher()


class Busy(LimitReached):
    """So many sign in at this moment that waiting longer would help nobody."""

    def __init__(self) -> None:
        super().__init__("Too many people sign in at this moment. Try again shortly.", headers={"retry-after": "2"})


def hash_password(password: str) -> str:
    return HASHER.hash(password)


@cache
def _nobodys() -> str:
    """What the password of somebody who has none is compared with, so that it takes as long."""
    return HASHER.hash("nobody has this password")


def _fits(stored: str | None, password: str) -> bool:
    nobodys = _nobodys()  # asked for every time: only the process's first sign-in waits for it, whoever it is
    try:
        return HASHER.verify(stored or nobodys, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@dataclass(slots=True)
class SignIns:
    """What guards sign-ins in this process."""

    by_account: Slowdown = field(default_factory=lambda: Slowdown(burst=10, every=30))
    by_address: Slowdown = field(default_factory=lambda: Slowdown(burst=30, every=5))
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _waiting: int = 0

    def check(self, account: str | None, address: str) -> None:
        """Take one attempt of the account and the address, or refuse with 429."""
        waits = [self.by_address.wait(address)]
        if account is not None and waits[0] == 0:
            waits.append(self.by_account.wait(account))
        if (seconds := max(waits)) > 0:
            headers = {"retry-after": str(seconds)}
            raise LimitReached(f"Too many attempts. Try again in {seconds} seconds.", headers=headers)

    def succeeded(self, account: str | None, address: str) -> None:
        self.by_address.give_back(address)
        if account is not None:
            self.by_account.give_back(account)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether this is the password; takes as long when there is none."""
        return await self._in_turn(lambda: _fits(stored, password))

    async def hash(self, password: str) -> str:
        return await self._in_turn(lambda: hash_password(password))

    async def rehash(self, stored: str, password: str) -> str | None:
        """A fresh hash when the stored one was made with other parameters than today's."""
        return await self.hash(password) if HASHER.check_needs_rehash(stored) else None

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
