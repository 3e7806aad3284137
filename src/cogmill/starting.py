"""The commands that start a server. Here alone, so that a server does not hold all the other commands in memory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cogmill.cli.output import FAILED, USAGE, fail

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
HostOption = Annotated[str | None, typer.Option(help="Address to listen on.")]
PortOption = Annotated[int | None, typer.Option(help="Port to listen on.")]


def read_settings(flags: dict[str, Any], json_: bool) -> Any:
    """The settings, with those that were given as flags; a mistake in them ends the command."""
    from cogmill.kit.settings import SettingsError, load

    try:
        return load(flags)
    except SettingsError as error:
        raise fail(str(error), USAGE, json_=json_) from None


def _attempt(action: Callable[[], Any], settings: Any, json_: bool) -> Any:
    """Run a step of the server's start; what an operator can put right is said in one line."""
    from sqlalchemy.exc import SQLAlchemyError

    from cogmill.kit.settings import SettingsError
    from cogmill.migrations.upgrade import NewerDatabase
    from cogmill.preconditions import Unusable, explain_database

    try:
        return action()
    except SettingsError as error:
        raise fail(str(error), USAGE, json_=json_) from None
    except (NewerDatabase, Unusable) as error:
        raise fail(str(error), FAILED, json_=json_) from None
    except SQLAlchemyError as error:
        raise fail(explain_database(settings, error), FAILED, json_=json_) from None
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        raise fail(f"{about}{error.strerror or error}", FAILED, json_=json_) from None


def _first_keys(settings: Any, installation: Any) -> dict[str, str]:
    keys = installation.first_keys
    return {
        "base_url": settings.base_url,
        "enterprise_key": keys.enterprise_key,
        "org_id": keys.org_id,
        "org_key": keys.org_key,
    }


def init(data: DataOption = None, host: HostOption = None, port: PortOption = None, json_: JsonFlag = False) -> None:
    """Create data folder, database, keys and the first administrators; print their API keys once."""
    settings = read_settings({"data": data, "host": host, "port": port}, json_)
    from cogmill.preconditions import check_database_url
    from cogmill.server import prepare

    _attempt(lambda: check_database_url(settings), settings, json_)
    installation = _attempt(lambda: prepare(settings), settings, json_)
    if installation.first_keys is None:
        done = f"{settings.data} is initialised already; its keys were shown then and cannot be shown again."
        typer.echo(json.dumps({"initialised": True, "data": str(settings.data)}) if json_ else done)
        return
    shown = _first_keys(settings, installation)
    if json_:
        typer.echo(json.dumps(shown, indent=2))
        return
    typer.echo(f"Initialised {settings.data}. Keep these keys: they are shown this once.\n")
    for name, value in shown.items():
        typer.echo(f"  {name:15} {value}")
    typer.echo(f"\nTry: export COGMILL_URL={shown['base_url']} COGMILL_API_KEY={shown['org_key']}")


def serve(
    data: DataOption = None,
    host: HostOption = None,
    port: PortOption = None,
    behind_proxy: Annotated[
        bool | None, typer.Option("--behind-proxy", help="A TLS proxy is in front; allows listening beyond loopback.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", help="PEM file of the TLS certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="PEM file of its key.")] = None,
    unsafe_no_sandbox: Annotated[
        bool | None, typer.Option("--unsafe-no-sandbox", help="Run sessions WITHOUT isolation.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Serve API, pages and engine until SIGTERM. Initialises and migrates first where needed."""
    flags = {"data": data, "host": host, "port": port, "behind_proxy": behind_proxy, "log_level": log_level}
    flags |= {"tls_cert": tls_cert, "tls_key": tls_key}
    settings = read_settings(flags | {"unsafe_no_sandbox": unsafe_no_sandbox}, json_)
    from cogmill import server
    from cogmill.kit.logs import configure
    from cogmill.preconditions import listen
    from cogmill.sole_server import take_over

    configure(settings.log_level, settings.log_format)
    _attempt(lambda: server.check_serving(settings), settings, json_)
    with _attempt(lambda: take_over(settings), settings, json_) as hold:
        door = _attempt(lambda: listen(settings), settings, json_)  # before keys are made, which are shown once
        with door:
            _serve(settings, hold, door, json_)


def _serve(settings: Any, hold: Any, door: Any, json_: bool) -> None:
    from cogmill import server
    from cogmill.kit.logs import logger

    installation = _attempt(lambda: server.prepare(settings), settings, json_)
    if installation.first_keys is not None and not json_:
        typer.echo("First start. Keep these keys: they are shown this once.")
        for name, value in _first_keys(settings, installation).items():
            typer.echo(f"  {name:15} {value}")
    if settings.unsafe_no_sandbox:
        logger("server").warning("sandbox_switched_off", advice="sessions run without isolation on this machine")

    def ready() -> None:
        first = _first_keys(settings, installation) if installation.first_keys else {"base_url": settings.base_url}
        typer.echo(json.dumps({"ready": True} | first) if json_ else f"Cogmill serves at {settings.base_url}")

    _attempt(lambda: server.serve(settings, installation, hold, door, ready), settings, json_)
