"""`cogmill audit`: check the audit log's chain and export it, directly on the data folder."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.output import FAILED, USAGE, clean, fail, print_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cogmill.domain.audit_logs.verify import Checked

app = typer.Typer(name="audit", help="The audit log of this server's data folder.", no_args_is_help=True)
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HeadOption = Annotated[
    str | None, typer.Option("--head", help="A head that was printed or exported earlier: it must still be there.")
]
TimeOption = Annotated[str | None, typer.Option(metavar="TIME", help="Unix seconds or ISO 8601 (UTC without a zone).")]
SAYS = {
    "changed": "was changed after it was written",
    "missing": "does not follow the one before it: records between them are missing",
    "inserted": "was not written by the server: it was inserted",
    "reordered": "does not stand where it was written: records changed places",
}


@app.command()
def verify(head: HeadOption = None, data: DataOption = None, json_: JsonFlag = False) -> None:
    """Check every record of the audit log against its chain; exit code 1 when one is not as it was written."""
    from cogmill.administration.place import opened
    from cogmill.domain.audit_logs.verify import check, enterprises

    heads = frozenset({head} if head else ())
    with opened(data, json_=json_) as place, place.read() as db:
        chains = [check(db, place.keyring, one, heads) for one in enterprises(db)]
    is_cut = head is not None and not any(one.passed for one in chains) and all(one.broken is None for one in chains)
    is_sound = not is_cut and all(one.broken is None for one in chains)
    if json_:
        shown = [_as_json(one) for one in chains]
        print_json({"sound": is_sound, "head_found": None if head is None else not is_cut, "chains": shown})
    else:
        _print(chains, is_cut)
    raise typer.Exit(0 if is_sound else FAILED)


def _as_json(one: "Checked") -> dict[str, Any]:
    broken = one.broken
    return {
        "enterprise_id": one.enterprise_id, "records": one.count, "unlinked": one.unlinked, "head": one.head,
        "broken": None if broken is None else {
            "reason": broken.reason, "number": broken.number, "audit_log_id": broken.audit_log_id,
            "action": broken.action, "created_at": broken.created_at,
        },
    }  # fmt: skip


def _print(chains: "list[Checked]", is_cut: bool) -> None:
    for one in chains:
        about = f"{one.enterprise_id}: {one.count} records"
        if one.unlinked:
            about += f" ({one.unlinked} of them from before there was a chain)"
        broken = one.broken
        if broken is None:
            typer.echo(clean(f"{about}, all as they were written. Head: {one.head or '-'}"))
            continue
        when = datetime.fromtimestamp(broken.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        typer.echo(
            clean(
                f"{about} are as they were written, then BROKEN at number {broken.number}:\n"
                f"  {broken.audit_log_id} ({broken.action}, {when}) {SAYS[broken.reason]} [{broken.reason}]."
            )
        )
    if not chains:
        typer.echo("The audit log is empty.")
    if is_cut:
        typer.echo("BROKEN: the given head is not in the log: its end was cut off, or it was written anew.")


@app.command()
def export(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File; standard output otherwise.")] = None,
    after: TimeOption = None,
    before: TimeOption = None,
    data: DataOption = None,
    json_: JsonFlag = False,
) -> None:
    """Write the audit log as JSON Lines, oldest first. The last line holds the head, for `audit verify --head`."""
    from cogmill.administration.place import opened
    from cogmill.domain.audit_logs.verify import enterprises, head

    since, until = _moment(after, "--after", json_), _moment(before, "--before", json_)
    with opened(data, json_=json_) as place, place.read() as db, _sink(output) as file:
        ends = {one: head(db, one) for one in enterprises(db)}  # a server may go on writing behind them
        count = 0
        for record in _records(db, ends, since, until):
            file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
            count += 1
        heads = {one: value for one, (_, value) in ends.items()}
        closing = {"head": heads.get(place.enterprise_id, ""), "heads": heads, "exported": count}
        file.write(json.dumps(closing) + "\n")


def _records(
    db: "Connection", ends: dict[str, tuple[int, str]], since: float | None, until: float | None
) -> Iterator[dict[str, Any]]:
    from cogmill.domain.audit_logs.verify import records

    for enterprise_id, (last, _) in ends.items():
        for row in db.execute(records(enterprise_id, since, until, last)):
            record = row._asdict()
            del record["id"]
            yield record


@contextmanager
def _sink(output: Path | None) -> Iterator[IO[str]]:
    """Standard output, or a file that appears under its name only when it is complete."""
    if output is None:
        import sys

        yield sys.stdout
        return
    part = output.with_name(f".{output.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _moment(text: str | None, option: str, json_: bool) -> float | None:
    if text is None:
        return None
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else _iso(text)
    except ValueError:
        raise fail(f"{option}: {text!r} is no time. Give unix seconds or ISO 8601.", USAGE, json_=json_) from None


def _iso(text: str) -> float:
    given = datetime.fromisoformat(text)
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
