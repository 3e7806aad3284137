"""Commands for the API keys of service users: list, create, rotate, revoke."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cogmill.cli.output import JsonFlag, busy, clean, connect, guarded, note, print_json, stdout

if TYPE_CHECKING:
    from cogmill.client import ApiKey, NewApiKey, Page

ServiceUser = Annotated[str, typer.Argument(metavar="SERVICE_USER", help="Id of the service user.")]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Id of the key; `cogmill keys list` shows it.")]
Days = Annotated[
    int | None, typer.Option("--days", min=1, max=36_500, help="Days until it expires; never if left out.")
]
Status = Annotated[str, typer.Option(help="active, revoked, expired or all.")]
STATUSES = ("active", "revoked", "expired", "all")


@guarded
def list_(
    service_user: ServiceUser,
    status: Status = "active",
    json_: JsonFlag = False,
) -> None:
    """List the keys of a service user; tokens are shown only when they are made."""
    check_status(status)
    with connect() as client, busy("Asking the server…"):
        page = client.administration.keys(service_user, status)
    show_page(page, json_)


@guarded
def create(
    service_user: ServiceUser,
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    days: Days = None,
    json_: JsonFlag = False,
) -> None:
    """Make a further key; its token is printed this once."""
    with connect() as client, busy("Asking the server…"):
        made = client.administration.create_key(service_user, name, end_of(days))
    show_new(made, json_)


@guarded
def rotate(
    service_user: ServiceUser,
    key: KeyId,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Both work until you revoke the old one.")] = False,
    days: Days = None,
    json_: JsonFlag = False,
) -> None:
    """Replace a key by a new one, whose token is printed this once."""
    with connect() as client, busy("Asking the server…"):
        made = client.administration.rotate_key(service_user, key, expires_at=end_of(days), keep_old=keep_old)
    show_new(made, json_)
    if keep_old and not json_:
        note(f"The old key works until: cogmill keys revoke {service_user} {key}")


@guarded
def revoke(service_user: ServiceUser, key: KeyId, json_: JsonFlag = False) -> None:
    """Switch a key off at once and for good."""
    with connect() as client, busy("Asking the server…"):
        gone = client.administration.revoke_key(service_user, key)
    show_revoked(gone, json_)


def check_status(status: str) -> None:
    if status not in STATUSES:
        raise typer.BadParameter(f"{status!r} is not one of {', '.join(STATUSES)}.", param_hint="--status")


def end_of(days: int | None) -> int | None:
    return None if days is None else int(time.time()) + days * 86_400


def show_page(page: "Page[ApiKey]", json_: bool) -> None:
    if json_:
        print_json(page.raw())
        return
    from cogmill.cli.tables import key_table

    stdout().print(key_table(page.items))


def show_revoked(gone: "ApiKey", json_: bool) -> None:
    if json_:
        print_json(gone.raw())
    else:
        stdout().print(clean(f"revoked: {gone.api_key_name} ({gone.api_key_id})"))


def show_new(made: "NewApiKey", json_: bool) -> None:
    """The token alone on stdout, so that a script can take it."""
    if json_:
        print_json(made.raw())
        return
    note(f"{made.api_key_name} ({made.api_key_id}); the token is shown this once:")
    typer.echo(clean(made.token))
