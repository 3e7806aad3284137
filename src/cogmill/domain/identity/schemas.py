"""What `GET /v3/self` answers for each kind of caller."""

from typing import Literal

from cogmill.web.params import Out


class ServiceUserSelf(Out):
    principal_type: Literal["service_user"]
    service_user_id: str
    service_user_name: str
    org_id: str | None


class PatUserSelf(Out):
    principal_type: Literal["pat_user"]
    api_key_id: str
    api_key_name: str
    user_id: str
    user_name: str
    org_id: str | None


class DevinBrainUserSelf(Out):
    principal_type: Literal["devin_brain"]
    devin_id: str
    org_id: str
    user_id: str
    creator_service_user_id: str | None


class WindsurfSessionUserSelf(Out):
    principal_type: Literal["windsurf_session"]
    org_id: str
    user_id: str
    user_name: str | None


SelfOut = ServiceUserSelf | PatUserSelf | DevinBrainUserSelf | WindsurfSessionUserSelf
