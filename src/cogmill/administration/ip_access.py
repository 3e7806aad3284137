"""`cogmill ip-access`: from where callers may come, directly on the data folder: the way back in after a lock-out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cogmill.cli.output import print_json

app = typer.Typer(name="ip-access", help="The IP access list of this server's data folder.", no_args_is_help=True)
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(data: DataOption = None, json_: JsonFlag = False) -> None:
    """List the addresses and ranges from which callers may come."""
    from cogmill.access.addresses import read_ranges
    from cogmill.administration.place import opened

    with opened(data, json_=json_) as place, place.read() as db:
        ranges = read_ranges(db, place.enterprise_id)
    if json_:
        print_json({"ip_ranges": ranges})
    else:
        typer.echo("\n".join(ranges) or "The list is empty: callers may come from anywhere.")


@app.command()
def clear(data: DataOption = None, json_: JsonFlag = False) -> None:
    """Empty the list, so that callers may come from anywhere again. A running server follows within a second."""
    from cogmill.administration.place import opened
    from cogmill.domain.ip_ranges import service

    with opened(data, json_=json_) as place:
        said: dict[str, Any] = {"setting": "ip_access_list", "added": []}
        with place.change("update_enterprise_settings", None, said) as db:
            said["removed"] = removed = service.clear(db, place.enterprise_id)
    if json_:
        print_json({"ip_ranges": [], "removed": removed})
    else:
        typer.echo(f"Ranges cleared: {len(removed)}. A running server lets in everybody within a second.")
