"""`cogmill legacy usage` and `cogmill migrate-guide`: who still calls the old APIs, and what to call instead."""

from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from cogmill.cli.output import FAILED, USAGE, clean, fail, print_json, stdout

app = typer.Typer(name="legacy", help="The old APIs, v1 and v2, on this server's data folder.", no_args_is_help=True)
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DAYS = 30


@app.callback()
def root() -> None:
    """The old APIs, v1 and v2, on this server's data folder."""


@app.command()
def usage(
    days: Annotated[int, typer.Option(min=1, max=90, help="How far to look back.")] = DAYS,
    data: DataOption = None,
    json_: JsonFlag = False,
) -> None:
    """Show which keys called v1 and v2, how often and when last; a server adds its calls every few seconds."""
    shown = _by_key(_calls(data, json_, days=days))
    if json_:
        print_json({"days": days, "keys": shown})
        return
    _print_keys(shown, days)


def migrate_guide(
    key: Annotated[str | None, typer.Option("--key", metavar="ID", help="Only this key, by its id.")] = None,
    org: Annotated[str | None, typer.Option("--org", metavar="ID", help="Only keys of this organization.")] = None,
    data: DataOption = None,
    json_: JsonFlag = False,
) -> None:
    """Show the calls of v1 and v2 of the last 30 days, and the v3 call that replaces each."""
    if key is not None and org is not None:
        raise fail("Name a key or an organization, not both.", USAGE, json_=json_)
    shown = _by_key(_calls(data, json_, days=DAYS, key=key, org=org))
    if json_:
        print_json({"days": DAYS, "keys": shown})
        return
    _print_guide(shown)


def _calls(
    data: Path | None, json_: bool, *, days: int, key: str | None = None, org: str | None = None
) -> list[dict[str, Any]]:
    from cogmill.administration.place import opened
    from cogmill.domain.api_keys import legacy_usage
    from cogmill.domain.organizations.deleted import list_all
    from cogmill.kit.clock import system_clock

    with opened(data, json_=json_) as place, place.read() as db:
        if key is not None and not legacy_usage.is_legacy_key(db, place.enterprise_id, key):
            raise fail(f"There is no legacy key {key!r}. 'cogmill legacy usage' lists ids.", FAILED, json_=json_)
        if org is not None and org not in {row.org_id for row in list_all(db, place.enterprise_id)}:
            raise fail(f"There is no organization {org!r}.", FAILED, json_=json_)
        since = system_clock() - (days - 1) * legacy_usage.DAY
        rows = legacy_usage.calls_since(db, place.enterprise_id, since, api_key_id=key, org_id=org)
    return [row._asdict() for row in rows]


def _by_key(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each key, with its operations, the most called one first."""
    from cogmill.api.legacy.table import LEGACY

    known = {op.id: op for op in LEGACY}
    shown = []
    for key_id, group in groupby(rows, lambda row: row["api_key_id"]):
        calls = sorted(group, key=lambda row: (-row["calls"], row["operation"]))
        first = calls[0]
        shown.append({
            "api_key_id": key_id, "api_key_name": first["name"], "org_id": first["org_id"],
            "user_email": first["email"], "is_revoked": first["revoked_at"] is not None,
            "calls": sum(int(one["calls"]) for one in calls), "last_call_at": int(max(one["at"] for one in calls)),
            "operations": [_operation(known.get(one["operation"]), one) for one in calls],
        })  # fmt: skip
    return sorted(shown, key=lambda one: -one["last_call_at"])


def _operation(op: Any, counted: dict[str, Any]) -> dict[str, Any]:
    return {
        "operation": counted["operation"], "call": f"{op.method} {op.address}" if op else None,
        "calls": int(counted["calls"]), "last_call_at": int(counted["at"]),
        "v3": list(op.legacy.successors) if op else [],
    }  # fmt: skip


def _owner(one: dict[str, Any]) -> str:
    return clean(f"{one['api_key_name']} ({one['user_email'] or one['org_id']})")


def _print_keys(shown: list[dict[str, Any]], days: int) -> None:
    from rich.table import Table

    from cogmill.cli.tables import when

    if not shown:
        typer.echo(f"No key called v1 or v2 in the last {days} days.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("KEY", "CALLS", "LAST CALL", "NAME"):
        table.add_column(name, no_wrap=name != "NAME")
    for one in shown:
        table.add_row(one["api_key_id"], str(one["calls"]), when(one["last_call_at"]), _owner(one))
    stdout().print(table)


def _print_guide(shown: list[dict[str, Any]]) -> None:
    if not shown:
        typer.echo(f"No calls of v1 or v2 in the last {DAYS} days: nothing is left to move.")
    for one in shown:
        typer.echo(f"{one['api_key_id']} {_owner(one)}: {one['calls']} calls")
        for call in one["operations"]:
            typer.echo(f"  {call['calls']:>7} x {call['call'] or call['operation']}")
            for successor in call["v3"] or ["nothing in v3 takes its place"]:
                typer.echo(f"            -> {successor}")
