"""Handler of `GET /v3/self`. Needs no database: the guard has read the caller already."""

from cogmill.domain.identity import service
from cogmill.domain.identity.schemas import SelfOut
from cogmill.web.call import Call


async def get_self(call: Call) -> SelfOut:
    assert call.caller is not None  # noqa: S101 - the row's reach lets nobody else in
    return service.present(call.caller)
