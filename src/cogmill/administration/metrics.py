"""`cogmill metrics`: comparing the sums that metrics are made of with what they are the sums of."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.output import print_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = typer.Typer(name="metrics", help="Sums behind the metrics of this server's data folder.", no_args_is_help=True)
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(slots=True)
class Checked:
    """What a check found."""

    days: int = 0
    waiting: int = 0
    """Days that are counted one by one for now, and so cannot be wrong."""
    different: list[tuple[str, int]] = field(default_factory=list)
    """Organizations and days whose sums are not what they should be."""


def check(db: "Connection", enterprise_id: str, now: float) -> Checked:
    """Sum up every day anew and compare; then the weeks and months that days are summed up in."""
    from cogmill.domain.metrics.verify import days_of, differs

    found = Checked()
    for scope, day, is_waiting in days_of(db, enterprise_id, now):
        found.days += 1
        if is_waiting:
            found.waiting += 1
        elif differs(db, scope, day):
            found.different.append((scope.one_org, day))
    return found


@app.command()
def verify(
    repair: Annotated[bool, typer.Option("--repair", help="Have wrong days summed up anew.")] = False,
    data: DataOption = None,
    json_: JsonFlag = False,
) -> None:
    """Count everything one by one and compare it with the sums. Exit code 1 when any of them is wrong."""
    from cogmill.administration.place import opened
    from cogmill.domain.metrics.verify import mark_days
    from cogmill.kit.clock import system_clock

    with opened(data, json_=json_) as place:
        with place.read() as db:
            found = check(db, place.enterprise_id, system_clock())
        if repair and found.different:
            said: dict[str, Any] = {"days": len(found.different)}
            with place.change("repair_metrics", None, said) as db:
                mark_days(db, found.different)
    _show(found, repair, json_)
    if found.different and not repair:
        raise typer.Exit(1)


def _show(found: Checked, repair: bool, json_: bool) -> None:
    different = [{"org_id": org_id, "day": day} for org_id, day in found.different]
    if json_:
        print_json({"days": found.days, "waiting": found.waiting, "different": different})
        return
    typer.echo(f"{found.days} days of organizations, {found.waiting} of them not summed up at present.")
    for one in different[:20]:
        typer.echo(f"Wrong: {one['org_id']} on the day that begins at {one['day']}")
    if not different:
        typer.echo("All sums are right.")
    elif repair:
        typer.echo(f"{len(different)} days will be summed up anew by the server; until then they are counted.")
    else:
        typer.echo("'cogmill metrics verify --repair' has them summed up anew.")
