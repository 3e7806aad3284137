"""A session's secrets as environment variables of its commands."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cogmill.domain.secrets import cookies, totp


@dataclass(frozen=True, slots=True)
class SessionSecret:
    """One secret of one session, open."""

    name: str
    value: str = field(repr=False)
    kind: str
    is_sensitive: bool


class Variables(Mapping[str, str]):
    """Reading a TOTP secret gives the code of that moment: every command has one that counts, and none the secret."""

    def __init__(self, secrets: Sequence[SessionSecret]) -> None:
        self._secrets = {one.name: one for one in secrets}

    @property
    def all(self) -> list[SessionSecret]:
        return list(self._secrets.values())

    def __getitem__(self, name: str) -> str:
        one = self._secrets[name]
        return totp.code(one.value, time.time()) if one.kind == "totp" else one.value

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

    def __len__(self) -> int:
        return len(self._secrets)


def to_hide(secrets: Sequence[SessionSecret]) -> dict[str, str]:
    """Names and values of those that nothing may show; of cookies also the values that are found inside."""
    hidden = {one.name: one.value for one in secrets if one.is_sensitive}
    for one in secrets:
        inside = cookies.values(one.value) if one.is_sensitive and one.kind == "cookie" else []
        hidden |= {f"{one.name}.{number}": value for number, value in enumerate(inside, 1)}
    return hidden
