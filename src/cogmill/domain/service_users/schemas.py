"""What goes in and out when a service user is made; names and meanings are the contract's."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cogmill.web.params import Body, Out

MOST_SECONDS = 31_536_000
"""A year."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]


class ServiceUserIn(Body):
    name: Name
    role_id: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    ttl_seconds: Annotated[int, Field(ge=1, le=MOST_SECONDS, description="Its life, and that of all its keys")]


class RoleRefOut(Out):
    role_id: str
    role_name: str
    role_type: Literal["enterprise", "org"]


class RoleAssignmentRefOut(Out):
    role: RoleRefOut
    org_id: str | None


class ProvisionedServiceUserOut(Out):
    name: str
    role_assignments: list[RoleAssignmentRefOut]
    service_user_id: str
    expires_at: int | None


class ServiceUserProvisionedOut(Out):
    service_user: ProvisionedServiceUserOut
    token: str = Field(description="shown this once")
