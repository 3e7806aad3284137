"""The commands that need the server itself; the rest of the command line only speaks to one."""

import json
from typing import Any

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
from cogmill.demo.run import demo
from cogmill.starting import DataOption, JsonFlag, init, read_settings, serve
from cogmill.worker.command import remote

__all__ = ["app"]

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
app.command()(init)
app.command()(serve)


@config_app.command("show")
def config_show(data: DataOption = None, json_: JsonFlag = False) -> None:
    """Print the effective settings, secrets masked."""
    from pydantic import SecretStr

    settings = read_settings({"data": data}, json_)
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
    settings = read_settings({"data": data}, json_)
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
