"""What goes in and out of signing in and out."""

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from cogmill.access.passwords import LONGEST, SHORTEST
from cogmill.web.params import Body, Out, Query

Email = Annotated[str, StringConstraints(min_length=1, max_length=320, strip_whitespace=True, to_lower=True)]
GivenPassword = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST)]
NewPassword = Annotated[SecretStr, Field(min_length=SHORTEST, max_length=LONGEST)]
"""Long enough to be hard to guess; no rules on what it is made of."""


class OidcOption(Out):
    name: str
    url: str = Field(description="where a browser begins")


class SignInIn(Body):
    email: Email
    password: GivenPassword


class SignInOptionsOut(Out):
    """The ways to sign in at this server."""

    password: bool
    oidc: OidcOption | None


class OidcQuery(Query):
    """Beginning a sign-in at the provider."""

    next: str = Field("", max_length=4096, description="path of the page to go to afterwards")


class OidcAnswer(Query):
    """What the provider sends the browser back with."""

    code: str | None = Field(None, max_length=4096)
    state: str | None = Field(None, max_length=256)
    error: str | None = Field(None, max_length=256)
    iss: str | None = Field(None, max_length=2048, description="RFC 9207: who answers")


class ChangePasswordIn(Body):
    current_password: GivenPassword
    new_password: NewPassword


class AcceptInvitationIn(Body):
    token: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    password: NewPassword


class AccountOut(Out):
    user_id: str
    email: str


class SignedOutOut(Out):
    user_id: str
    ended_sessions: int


class InvitationOut(Out):
    user_id: str
    email: str
    invitation_url: str = Field(description="to be handed to the user; shown this once, works once")
    expires_at: int
