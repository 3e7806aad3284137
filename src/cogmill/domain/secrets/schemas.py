"""What goes in and out of secrets; names and meanings are the contract's. No answer holds a value."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from cogmill.web.params import Body, Out

LONGEST = 65_536
SecretType = Literal["cookie", "key-value", "totp"]
AccessType = Literal["org", "personal"]


class SecretIn(Body):
    type: SecretType
    key: Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)] = Field(
        description="names the environment variable: other characters than letters, digits and _ become _"
    )
    value: Annotated[SecretStr, Field(min_length=1, max_length=LONGEST)] = Field(
        description="cookie: base64 of JSON; totp: the base32 secret or an otpauth://totp/ address"
    )
    note: Annotated[str, StringConstraints(max_length=4096)] | None = None
    is_sensitive: bool = Field(True, description="false: its value is not cut out of what sessions show")
    access_type: AccessType = Field("org", description="extension; personal: for your own sessions only")
    repository: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = Field(
        None, description="extension; only for sessions on this repository, named as in the session's list"
    )


class SecretOut(Out):
    secret_id: str
    secret_type: SecretType
    key: str
    note: str | None
    is_sensitive: bool
    access_type: AccessType
    repository: str | None = Field(description="extension")
    created_at: int
    created_by: str
    updated_at: int | None
    updated_by: str | None
