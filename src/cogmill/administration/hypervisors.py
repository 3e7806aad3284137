"""`cogmill hypervisors`: the processes that run sessions, and whether they shall take more."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.output import FAILED, fail, print_json

if TYPE_CHECKING:
    from cogmill.administration.place import Place

app = typer.Typer(name="hypervisors", help="The processes that run sessions.", no_args_is_help=True)
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Which = Annotated[str | None, typer.Argument(help="Its id; default: the one of this data folder.")]
BETWEEN_LOOKS = 0.5


@app.command("list")
def list_(data: DataOption = None, json_: JsonFlag = False) -> None:
    """List them with their state, sessions that run, and seconds since they were heard of."""
    from cogmill.administration.place import opened
    from cogmill.domain.hypervisors.service import described
    from cogmill.kit.clock import system_clock

    now = system_clock()
    with opened(data, json_=json_) as place, place.read() as db:
        shown = [_shown(row, now) for row in db.execute(described(now).order_by("id"))]
    if json_:
        print_json(shown)
        return
    for one in shown:
        drained = ", takes no sessions" if one["drained"] else ""
        typer.echo(
            f"{one['hypervisor_id']}  {one['status']:12} {one['running']}/{one['capacity']} sessions, "
            f"heard of {one['seconds_since_heartbeat']} s ago{drained}"
        )
    if not shown:
        typer.echo("No server has run on this database yet.")


def _shown(row: Any, now: float) -> dict[str, Any]:
    return {
        "hypervisor_id": row.hypervisor_id, "status": row.status, "drained": row.drained_at is not None,
        "running": row.running, "capacity": row.capacity,
        "seconds_since_heartbeat": max(int(now - row.last_heartbeat), 0),
        "cloud_provider_instance_id": row.instance_id,
    }  # fmt: skip


@app.command()
def drain(
    which: Which = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when none of its sessions runs any more.")] = False,
    data: DataOption = None,
    json_: JsonFlag = False,
) -> None:
    """Have it take no more sessions and builds, over restarts, until 'undrain'. What runs goes on to its end."""
    from cogmill.administration.place import opened
    from cogmill.domain.hypervisors import service

    with opened(data, json_=json_) as place:
        shown = _change(place, which, is_drained=True, json_=json_)
        while wait and not _is_still(shown):
            time.sleep(BETWEEN_LOOKS)
            shown = _look(place, shown["hypervisor_id"])
    if json_:
        print_json(shown)
    elif wait:
        typer.echo(f"{shown['hypervisor_id']} is {shown['status']}; none of its sessions runs.")
    else:
        typer.echo(f"{shown['hypervisor_id']} takes no more sessions from {service.BEAT:.0f} seconds on.")


@app.command()
def undrain(which: Which = None, data: DataOption = None, json_: JsonFlag = False) -> None:
    """Have it take sessions again."""
    from cogmill.administration.place import opened
    from cogmill.domain.hypervisors import service

    with opened(data, json_=json_) as place:
        shown = _change(place, which, is_drained=False, json_=json_)
    if json_:
        print_json(shown)
    else:
        typer.echo(f"{shown['hypervisor_id']} takes sessions again from {service.BEAT:.0f} seconds on.")


def _change(place: "Place", which: str | None, *, is_drained: bool, json_: bool) -> dict[str, Any]:
    from cogmill.domain.hypervisors import service
    from cogmill.kit.clock import system_clock
    from cogmill.kit.identity import read_identity

    hypervisor_id = which or read_identity(place.settings.data)
    if hypervisor_id is None:
        raise fail("No server has run on this data folder yet: name a hypervisor.", FAILED, json_=json_)
    said = {"hypervisor_id": hypervisor_id, "is_drained": is_drained}
    change = service.drain if is_drained else service.undrain
    with place.change("update_enterprise_hypervisor_settings", None, said) as db:
        change(db, hypervisor_id, system_clock())
    return _look(place, hypervisor_id)


def _look(place: "Place", hypervisor_id: str) -> dict[str, Any]:
    from cogmill.domain.hypervisors.service import find
    from cogmill.kit.clock import system_clock

    now = system_clock()
    with place.read() as db:
        row = find(db, hypervisor_id, now)
    heard = row.drained_at is None or row.last_heartbeat > row.drained_at
    return {**_shown(row, now), "heard": heard}


def _is_still(shown: dict[str, Any]) -> bool:
    """Whether it has heard of it and runs nothing, or is not there at all."""
    return shown["status"] in {"terminated", "disconnected"} or (shown["heard"] and shown["running"] == 0)
