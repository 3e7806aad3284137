"""`cogmill usage`: check that all sums of what was used are what the ledger says, directly on the data folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.output import FAILED, clean, print_json

if TYPE_CHECKING:
    from cogmill.domain.usage.verify import Difference

app = typer.Typer(name="usage", help="What was used, as this server's data folder has it.", no_args_is_help=True)
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def root() -> None:
    """What was used, as this server's data folder has it."""


@app.command()
def verify(data: DataOption = None, json_: JsonFlag = False) -> None:
    """Add up the usage ledger anew and compare every sum with it; exit code 1 when one is different."""
    from cogmill.administration.place import opened
    from cogmill.domain.usage.verify import check

    with opened(data, json_=json_) as place, place.snapshot() as db:
        found = check(db)
    if json_:
        shown = [_as_json(one) for one in found.first]
        print_json(
            {"equal": not found.different, "records": found.records, "sums": found.sums,
             "different": found.different, "first": shown}
        )  # fmt: skip
    else:
        state = "all equal" if not found.different else f"{found.different} DIFFERENT"
        typer.echo(f"{found.records} records, {found.sums} sums: {state}.")
        for one in found.first:
            key = ", ".join(str(part) for part in one.key if part != "")
            typer.echo(clean(f"  {one.of} ({key}): kept {_amounts(one.kept)}, by the ledger {_amounts(one.ledger)}"))
    raise typer.Exit(FAILED if found.different else 0)


def _as_json(one: "Difference") -> dict[str, Any]:
    return {"of": one.of, "key": list(one.key), "kept": _named(one.kept), "ledger": _named(one.ledger)}


def _named(amounts: tuple[int, ...] | None) -> dict[str, int] | None:
    from cogmill.domain.usage.ledger import AMOUNTS

    return None if amounts is None else dict(zip(AMOUNTS, amounts, strict=False))


def _amounts(amounts: tuple[int, ...] | None) -> str:
    if amounts is None:
        return "nothing"
    return " ".join(f"{name}={value}" for name, value in (_named(amounts) or {}).items())
