"""The commands that need the server itself; the rest of the command line only speaks to one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cogmill.administration import (
    accounts,
    audit,
    hypervisors,
    ip_access,
    legacy,
    metrics,
    organizations,
    secrets,
    transfers,
    usage,
)
from cogmill.cli.app import app, outposts_app, secrets_app
from cogmill.cli.output import FAILED, USAGE, fail
from cogmill.demo.run import demo
from cogmill.worker.command import remote

__all__ = ["app"]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
HostOption = Annotated[str | None, typer.Option(help="Address to listen on.")]
PortOption = Annotated[int | None, typer.Option(help="Port to listen on.")]

config_app = typer.Typer(name="config", help="Settings of the server.", no_args_is_help=True)
app.add_typer(config_app)
app.add_typer(accounts.app)
app.add_typer(organizations.app)
app.add_typer(audit.app)
app.add_typer(hypervisors.app)
app.add_typer(ip_access.app)
secrets_app.command("rotate-master-key")(secrets.rotate_master_key)
app.add_typer(legacy.app)
app.add_typer(metrics.app)
app.command("migrate-guide")(legacy.migrate_guide)
app.add_typer(usage.app)
app.command()(transfers.export)
app.command("import")(transfers.import_)
app.command()(demo)
outposts_app.command("remote")(remote)


def _settings(flags: dict[str, Any], json_: bool) -> Any:
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


@app.command()
def init(data: DataOption = None, host: HostOption = None, port: PortOption = None, json_: JsonFlag = False) -> None:
    """Create data folder, database, keys and the first administrators; print their API keys once."""
    settings = _settings({"data": data, "host": host, "port": port}, json_)
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


@app.command()
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
    settings = _settings(flags | {"unsafe_no_sandbox": unsafe_no_sandbox}, json_)
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


@config_app.command("show")
def config_show(data: DataOption = None, json_: JsonFlag = False) -> None:
    """Print the effective settings, secrets masked."""
    from pydantic import SecretStr

    settings = _settings({"data": data}, json_)
    shown = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        plain = value is None or isinstance(value, bool | int | float | str)
        shown[name] = "**********" if isinstance(value, SecretStr) else value if plain else _text(value)
    if json_:
        typer.echo(json.dumps(shown, indent=2))
        return
    for name, value in shown.items():
        typer.echo(f"{name:30} {'' if value is None else value}")


def _text(value: Any) -> Any:
    return [str(one) for one in value] if isinstance(value, list) else str(value)


@app.command()
def doctor(data: DataOption = None, json_: JsonFlag = False) -> None:
    """Check sandbox, git, model, clock, disk, data, keys, database, address: each ok, or what to do (exit code 1)."""
    settings = _settings({"data": data}, json_)
    from cogmill.doctor import examine

    findings = examine(settings)
    is_healthy = all(finding.is_ok is not False for finding in findings)
    if json_:
        words = {True: "ok", None: "note", False: "failed"}
        checks = [{"name": f.name, "status": words[f.is_ok], "detail": f.detail} for f in findings]
        typer.echo(json.dumps({"healthy": is_healthy, "checks": checks}, indent=2))
    else:
        from rich.console import Console

        console = Console(highlight=False, markup=False)
        marks = {True: ("ok    ", "green"), None: ("note  ", "yellow"), False: ("FAILED", "bold red")}
        for finding in findings:
            mark, style = marks[finding.is_ok]
            console.print(mark, style=style, end=" ")
            console.print(f"{finding.name:9} {finding.detail}", soft_wrap=True)
    raise typer.Exit(0 if is_healthy else 1)


@app.command()
def openapi(json_: JsonFlag = False) -> None:  # noqa: ARG001 - the document is JSON either way
    """Print the API document (OpenAPI 3.1)."""
    from cogmill.api.document import document

    typer.echo(json.dumps(document(), indent=2))
