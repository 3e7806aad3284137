"""Commands for connections to git providers: add, list, check, remove."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cogmill.cli.output import FAILED, JsonFlag, busy, clean, connect, guarded, print_json, stdout

SECRETS = {
    "github_token": "token", "github_individual_token": "token", "gitlab_token": "token", "gitea_token": "token",
    "github_app": "private_key", "git_https": "password", "git_ssh": "private_key",
}  # fmt: skip
"""What the secret of each kind of connection is called."""
Named = Annotated[str, typer.Argument(metavar="CONNECTION", help="Id, name or host.")]


@guarded
def add(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help=", ".join(SECRETS))],
    address: Annotated[
        str | None, typer.Option(help="e.g. https://git.example.com; default: github.com, gitlab.com")
    ] = None,
    api_address: Annotated[str | None, typer.Option(help="The provider's API, if not at the usual place.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    username: Annotated[str | None, typer.Option(help="git_https: whose the password is.")] = None,
    app: Annotated[str | None, typer.Option(help="github_app: id of the app.")] = None,
    installation: Annotated[str | None, typer.Option(help="github_app: id of its installation.")] = None,
    secret_file: Annotated[
        Path | None, typer.Option(help="File with the token, password or private key; - is standard input.")
    ] = None,
    known_hosts: Annotated[Path | None, typer.Option(help="git_ssh: file with the host's public keys.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Connect a provider. Its secret is read from a file or asked for, never given in the command."""
    if kind not in SECRETS:
        raise typer.BadParameter(f"{kind!r} is no type of connection; say one of {', '.join(SECRETS)}.")
    body = {"git_provider_type": kind, "address": address, "api_address": api_address, "name": name}
    body |= {"username": username, "app": app, "installation": installation}
    body[SECRETS[kind]] = _secret(SECRETS[kind], secret_file)
    body["known_hosts"] = _text(known_hosts, "--known-hosts") if known_hosts is not None else None
    with connect() as client, busy("Asking the server…"):
        made = client.git_connections.create(body)
    if json_:
        print_json(made.raw())
        return
    stdout().print(clean(f"added: {made.git_provider_type} at {made.host} ({made.git_connection_id})"), soft_wrap=True)
    stdout().print(
        clean(f"  webhook: {made.webhook_url}\n  its secret, shown this once: {made.webhook_secret}"), soft_wrap=True
    )
    stdout().print(f"Next: cogmill git-connections check {made.git_connection_id}", soft_wrap=True)


@guarded
def list_(json_: JsonFlag = False) -> None:
    """List the connections of the enterprise."""
    with connect() as client, busy("Asking the server…"):
        found = client.git_connections.list_()
    if json_:
        print_json({"items": [one.raw() for one in found]})
        return
    from cogmill.cli.tables import connection_table

    stdout().print(connection_table(found))


@guarded
def check(connection: Named, json_: JsonFlag = False) -> None:
    """Ask the provider whose the credentials are; exit code 1 when it refuses them."""
    with connect() as client, busy("Asking the provider…"):
        found = client.git_connections.check(client.git_connections.find(connection).git_connection_id)
    if json_:
        print_json(found.raw())
    else:
        stdout().print(clean(f"{'ok' if found.works else 'FAILED'}: {found.detail}"), soft_wrap=True)
    if not found.works:
        raise typer.Exit(FAILED)


@guarded
def remove(connection: Named, json_: JsonFlag = False) -> None:
    """Take a connection away, and every organization's permission for it."""
    with connect() as client, busy("Asking the server…"):
        gone = client.git_connections.remove(client.git_connections.find(connection).git_connection_id)
    if json_:
        print_json(gone.raw())
        return
    stdout().print(
        clean(f"removed: {gone.git_provider_type} at {gone.host} ({gone.git_connection_id})"), soft_wrap=True
    )


def _secret(called: str, file: Path | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise typer.BadParameter(
                f"Give the {called} in a file, or - for standard input.", param_hint="--secret-file"
            )
        return str(typer.prompt(called.replace("_", " ").capitalize(), hide_input=True))
    text = sys.stdin.read() if str(file) == "-" else _text(file, "--secret-file")
    return text if called == "private_key" else text.strip()


def _text(file: Path, option: str) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}", param_hint=option) from None
