"""Handler of `GET /v3/self`. Needs no database: the guard has read the caller already."""

from cogmill.domain.identity.schemas import PatUserSelf, SelfOut, ServiceUserSelf
from cogmill.web.call import Call


async def get_self(call: Call) -> SelfOut:
    caller = call.caller
    assert caller is not None  # noqa: S101 - the row's reach lets nobody else in
    if caller.service_user_id is not None:
        return ServiceUserSelf(
            principal_type="service_user",
            service_user_id=caller.service_user_id,
            service_user_name=caller.name,
            org_id=caller.org_id,
        )
    return PatUserSelf(
        principal_type="pat_user",
        api_key_id=caller.api_key_id,
        api_key_name=caller.api_key_name,
        user_id=caller.principal_id,
        user_name=caller.name,
        org_id=caller.org_id,
    )
