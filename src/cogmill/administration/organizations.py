"""`cogmill organizations`: which there are, and taking back a deleted one, directly on the data folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.output import clean, print_json, stdout

if TYPE_CHECKING:
    from cogmill.kit.settings import Settings

app = typer.Typer(name="organizations", help="Organizations of this server's data folder.", no_args_is_help=True)
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OrgId = Annotated[str, typer.Argument(metavar="ORG_ID", help="Id, as 'cogmill organizations list' shows it.")]


@app.command("list")
def list_(
    only_deleted: Annotated[bool, typer.Option("--deleted", help="Only deleted ones.")] = False,
    data: DataOption = None,
    json_: JsonFlag = False,
) -> None:
    """List organizations, deleted ones with the time until which they can be restored."""
    from cogmill.administration.place import opened
    from cogmill.domain.organizations.deleted import list_all

    with opened(data, json_=json_) as place:
        with place.read() as db:
            rows = list_all(db, place.enterprise_id)
        shown = [_shown(row, place.settings) for row in rows if row.deleted_at is not None or not only_deleted]
    if json_:
        print_json({"items": shown})
        return
    _print_table(shown)


@app.command()
def restore(org_id: OrgId, data: DataOption = None, json_: JsonFlag = False) -> None:
    """Restore a deleted organization: its data, members and keys are as they were; its sessions sleep."""
    from cogmill.administration.place import opened
    from cogmill.domain.organizations import deleted
    from cogmill.kit.clock import system_clock

    with opened(data, json_=json_) as place:
        said: dict[str, Any] = {}
        days = place.settings.organization_retention_days
        with place.change("restore_org", org_id, said) as db:
            row = deleted.restore(db, place.enterprise_id, org_id, system_clock(), days)
            said["name"] = row.name
        shown = _shown(row, place.settings)
    if json_:
        print_json(shown)
    else:
        typer.echo(clean(f"Restored {row.org_id} ({row.name}). Its keys work again."))


def _shown(row: Any, settings: "Settings") -> dict[str, Any]:
    from cogmill.domain.organizations.deleted import restorable_until

    gone = row.deleted_at is not None
    until = int(restorable_until(row.deleted_at, settings.organization_retention_days)) if gone else None
    return {
        "org_id": row.org_id,
        "name": row.name,
        "created_at": int(row.created_at),
        "deleted_at": int(row.deleted_at) if gone else None,
        "restorable_until": until,
        "purged_at": None if row.purged_at is None else int(row.purged_at),
    }


def _print_table(shown: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from cogmill.cli.tables import when
    from cogmill.kit.clock import system_clock

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("ORGANIZATION", "CREATED", "STATE", "NAME"):
        table.add_column(name, no_wrap=name != "NAME")
    for one in shown:
        state = "live"
        if one["deleted_at"] is not None:
            is_over = one["restorable_until"] < system_clock() or one["purged_at"] is not None
            state = "deleted for good" if is_over else f"deleted, restorable until {when(one['restorable_until'])}"
            state += ", data removed" if one["purged_at"] is not None else ""
        table.add_row(one["org_id"], when(one["created_at"]), state, clean(one["name"]))
    stdout().print(table)
