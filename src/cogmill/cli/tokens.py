"""Commands for personal access tokens, one's own or another user's: list, create, revoke."""

from typing import Annotated

import typer

from cogmill.cli.keys import Days, Status, check_status, end_of, show_new, show_page, show_revoked
from cogmill.cli.output import JsonFlag, busy, connect, guarded

User = Annotated[
    str | None, typer.Option("--user", metavar="USER", help="Id or e-mail address of another user; else yourself.")
]
TokenId = Annotated[str, typer.Argument(metavar="TOKEN", help="Id of the token; `cogmill tokens list` shows it.")]


@guarded
def list_(user: User = None, status: Status = "active", json_: JsonFlag = False) -> None:
    """List personal access tokens; they themselves are shown only when they are made."""
    check_status(status)
    with connect() as client, busy("Asking the server…"):
        page = client.administration.tokens(user, status)
    show_page(page, json_)


@guarded
def create(
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    user: User = None,
    days: Days = None,
    json_: JsonFlag = False,
) -> None:
    """Make a personal access token, which does what its user may; it is printed this once."""
    with connect() as client, busy("Asking the server…"):
        made = client.administration.create_token(user, name, end_of(days))
    show_new(made, json_)


@guarded
def revoke(token: TokenId, user: User = None, json_: JsonFlag = False) -> None:
    """Switch a token off at once and for good."""
    with connect() as client, busy("Asking the server…"):
        gone = client.administration.revoke_token(user, token)
    show_revoked(gone, json_)
