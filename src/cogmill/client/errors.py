"""What can go wrong between this client and a server, each with what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One entry of the server's answer to malformed input (422)."""

    where: str
    message: str


class ClientError(Exception):
    """Base of everything this client raises on purpose."""

    hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint


class BadInput(ClientError):
    """The caller's own input cannot be sent: a usage mistake, found before any request."""


class NoKey(ClientError):
    """No API key is configured."""

    hint = (
        "Set COGMILL_API_KEY (and COGMILL_URL unless the server is at http://127.0.0.1:8400). "
        "`cogmill init` prints a key once; DEVIN_API_KEY, DEVIN_BASE_URL and DEVIN_ORG_ID are read too."
    )


class NetworkError(ClientError):
    """The server could not be reached or the connection broke."""


class AnswerError(ClientError):
    """The server answered, but not with success."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        request_id: str | None = None,
        fields: tuple[FieldProblem, ...] = (),
        permission: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.request_id = request_id
        self.fields = fields
        self.permission = permission


class NotAuthenticated(AnswerError):
    """401: the key is unknown, expired or revoked."""

    hint = "Check COGMILL_API_KEY and that COGMILL_URL is the server the key belongs to."


class Refused(AnswerError):
    """The server understood and said no (4xx other than 401)."""


class NoOrganization(Refused):
    """The key belongs to no single organization and none was named."""

    hint = "This is an enterprise key: say which organization you mean with COGMILL_ORG_ID=org-… (or DEVIN_ORG_ID)."


class ServerFault(AnswerError):
    """5xx, or an answer that is not what the contract says."""
