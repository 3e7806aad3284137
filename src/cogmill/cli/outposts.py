"""Commands for outposts: create, list, view, delete, queue, and the loop of a worker."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cogmill.cli.output import JsonFlag, busy, clean, connect, guarded, print_json, stdout

if TYPE_CHECKING:
    from cogmill.client.outposts import Outpost

Named = Annotated[str, typer.Argument(metavar="OUTPOST", help="Id or name.")]


@guarded
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    org: Annotated[
        list[str] | None, typer.Option("--org", metavar="ORG", help="Organization that may use it; default: all.")
    ] = None,
    platform: Annotated[str | None, typer.Option(help="What its machines are, e.g. linux.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Make an outpost: a queue of sessions for workers of your own."""
    body = {"name": name, "platform": platform, "description": description, "allowed_org_ids": org or None}
    with connect() as client, busy("Asking the server…"):
        made = client.outposts.create(body)
    _show(made, "created", json_)


@guarded
def list_(json_: JsonFlag = False) -> None:
    """List the outposts."""
    with connect() as client, busy("Asking the server…"):
        found = client.outposts.list_()
    if json_:
        print_json({"items": [one.raw() for one in found]})
        return
    from cogmill.cli.tables import outpost_table

    stdout().print(outpost_table(found))


@guarded
def view(outpost: Named, json_: JsonFlag = False) -> None:
    """Show one outpost."""
    with connect() as client, busy("Asking the server…"):
        found = client.outposts.find(outpost)
    if json_:
        print_json(found.raw())
        return
    from cogmill.cli.tables import outpost_table

    stdout().print(outpost_table([found]))
    orgs = "all organizations" if found.spec.allowed_org_ids is None else ", ".join(found.spec.allowed_org_ids)
    stdout().print(clean(f"May be used by: {orgs}"), soft_wrap=True)
    if found.spec.description:
        stdout().print(clean(found.spec.description), soft_wrap=True)


@guarded
def delete(outpost: Named, json_: JsonFlag = False) -> None:
    """Delete an outpost that no session needs any more."""
    with connect() as client, busy("Asking the server…"):
        gone = client.outposts.delete(client.outposts.find(outpost).metadata.outpost_id)
    _show(gone, "deleted", json_)


@guarded
def queue(
    outpost: Annotated[str | None, typer.Argument(metavar="OUTPOST", help="Id or name; default: all.")] = None,
    phase: Annotated[str | None, typer.Option(help="pending: those that wait for a worker; or claimed.")] = None,
    json_: JsonFlag = False,
) -> None:
    """List the sessions of outposts that have not ended."""
    if phase not in {None, "pending", "claimed"}:
        raise typer.BadParameter(f"{phase!r} is neither pending nor claimed.", param_hint="--phase")
    with connect() as client, busy("Asking the server…"):
        outpost_id = None if outpost is None else client.outposts.find(outpost).metadata.outpost_id
        found = client.outposts.whole_queue(outpost_id, phase)
    if json_:
        print_json({"items": [one.raw() for one in found]})
        return
    from cogmill.cli.tables import queue_table

    stdout().print(queue_table(found))


@guarded
def work(
    outpost: Annotated[str, typer.Option(metavar="OUTPOST", help="Whose sessions to run: id or name.")],
    acceptor_id: Annotated[
        str | None, typer.Option("--acceptor-id", metavar="NAME", help="What to call this worker; default: its host.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when one session has ended or sleeps.")] = False,
    state: Annotated[Path | None, typer.Option("--state", help="Folder for the files of sessions.")] = None,
    head_start: Annotated[
        float,
        typer.Option(min=0, max=3600, help="Seconds that a resumed session waits for the worker that has its files."),
    ] = 10.0,
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Run sessions WITHOUT isolation.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Run sessions of an outpost on this machine, one at a time; only connects outwards."""
    from cogmill.cli.outposts_work import Worker, usual_name, usual_state

    with connect() as client:
        found = client.outposts.find(outpost)
        folder = (state or usual_state()).expanduser().absolute()
        name = acceptor_id or usual_name()
        worker = Worker(client, found, name, folder, unsafe=unsafe_no_sandbox, head_start=head_start, json_=json_)
        worker.work(once=once)


def _show(one: "Outpost", what: str, json_: bool) -> None:
    if json_:
        print_json(one.raw())
        return
    stdout().print(clean(f"{what}: {one.spec.name} ({one.metadata.outpost_id})"), soft_wrap=True)
