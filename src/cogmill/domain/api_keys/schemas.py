"""What goes in and out of the key operations; names and meanings are the contract's."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from cogmill.web.params import Body, Out, Query

Name = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
Seconds = Annotated[int, Field(ge=0, le=2**53, description="unix seconds, in the future; null: never")]
KeyStatus = Literal["active", "revoked", "expired", "all"]


class KeyListQuery(Query):
    status: KeyStatus = "active"


class ApiKeyIn(Body):
    name: Name
    expires_at: Seconds | None = None


class RotateIn(Body):
    """May be left out as a whole."""

    new_key_expires_at: Seconds | None = None
    revoke_current: bool = Field(True, description="false: both work until the old one is revoked")

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_fine(cls, sent: Any) -> Any:
        return {} if sent is None else sent


class UserLegacyKeyIn(ApiKeyIn):
    org_id: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = Field(
        None, description="the organization that the key works in; null: the user's only one"
    )


class ApiKeyOut(Out):
    api_key_id: str
    api_key_name: str
    created_at: int
    expires_at: int | None = Field(description="its own end, or its service user's if that is earlier")
    is_active: bool
    last_used_at: int | None = Field(description="exact to a minute")
    revoked_at: int | None


class LegacyKeyOut(ApiKeyOut):
    org_id: str | None


class ApiKeyWithTokenOut(Out):
    token: str = Field(description="shown this once")
    api_key_id: str
    api_key_name: str
