"""`cogmill export` and `cogmill import`: a whole instance, or one organization, as one file."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.output import clean, print_json, stderr

if TYPE_CHECKING:
    from cogmill.kit.settings import Settings
    from cogmill.transfer.archive import Archive
    from cogmill.transfer.running import Target

DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TELL_EVERY = 10.0
"""Seconds between two lines on standard error that is no terminal."""
PATIENCE = 1.0
"""Seconds to wait for a server that is just stopping."""
LEFT_OUT = (
    "Not in it: workspaces of sessions, so that sleeping ones wake up without files; snapshots, code indexes and "
    "mirrors, which are made anew after an import."
)


def export(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    org: Annotated[str | None, typer.Option("--org", metavar="ORG_ID", help="Only this organization.")] = None,
    data: DataOption = None,
    json_: JsonFlag = False,
) -> None:
    """Write everything, or one organization, to a file; the server may run meanwhile. Keep the keys file as well."""
    from cogmill.administration.place import opened
    from cogmill.transfer import exporting

    with opened(data, json_=json_) as place, _progress() as told:
        if not file.parent.is_dir():
            raise FileNotFoundError(2, "There is no such folder", str(file.parent))
        with place.change("export_org" if org else "export_instance", org, {"file": file.name}) as db:
            if org is not None:
                exporting.check_organization(db, org)
        with place.snapshot() as db:
            done = exporting.write(
                db, place.settings.data, place.keyring, file, enterprise_id=place.enterprise_id, org_id=org, told=told
            )
    size = file.stat().st_size
    if json_:
        print_json({"file": str(file), "bytes": size} | done)
        return
    rows = sum(done["rows"].values())
    typer.echo(clean(f"Wrote {file}: {rows} rows, {done['files']} files, {size >> 10} KB.\n{LEFT_OUT}"))
    if org is None:
        typer.echo(
            f"Secrets are in it sealed. They open, and API keys work, only with {place.settings.keys_file} "
            "(and COGMILL_MASTER_KEY, where it is set): keep a copy of it elsewhere than the export."
        )
    else:
        typer.echo(
            "API keys, webhooks, and the values of secrets are not in it: they are made anew where it is imported."
        )


def import_(
    file: Annotated[Path, typer.Argument(help="A file of 'cogmill export'.")],
    new_keys: Annotated[
        bool,
        typer.Option("--new-keys", help="Without the instance's keys file: API keys and secrets' values are lost."),
    ] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Give an import up that was cut.")] = False,
    data: DataOption = None,
    json_: JsonFlag = False,
) -> None:
    """Read an instance into an empty data folder, or an organization into one that has others. The server must stop."""
    from cogmill.administration.place import loaded
    from cogmill.preconditions import Unusable, check_database_url
    from cogmill.transfer.archive import Archive, Damaged

    with loaded(data, json_=json_) as settings, _progress() as told:
        check_database_url(settings)
        try:
            with Archive(file) as archive:
                done = _discard(settings, archive) if discard else _import(settings, archive, new_keys, told)
        except Damaged as error:
            raise Unusable(f"{file} cannot be imported: {error}.") from None
    if json_:
        print_json(done)
    else:
        typer.echo(clean("\n".join(_text(done))))


def _import(settings: "Settings", archive: "Archive", new_keys: bool, told: Callable[[str], None]) -> dict[str, Any]:
    from cogmill.administration.place import account
    from cogmill.kit.settings import SettingsError
    from cogmill.preconditions import make_data_folder
    from cogmill.transfer import importing, running

    of_organization = archive.manifest.get("scope") == "organization"
    if of_organization and new_keys:
        raise SettingsError("--new-keys is for whole instances: an organization never brings keys along.")
    importing.checked(archive, told)
    if of_organization:
        with _target(settings) as target:
            return running.import_organization(target, archive, told)
    make_data_folder(settings)
    with _alone(settings):
        return running.import_instance(settings, archive, new_keys=new_keys, told=told, account=account())


def _discard(settings: "Settings", archive: "Archive") -> dict[str, Any]:
    from cogmill.preconditions import Unusable
    from cogmill.transfer import running

    if archive.manifest.get("scope") != "organization":
        raise Unusable("To give up the import of a whole instance, remove the data folder and empty the database.")
    with _target(settings) as target:
        return running.discard(target, archive)


@contextmanager
def _target(settings: "Settings") -> "Iterator[Target]":
    """The instance that an organization moves to, while no server runs on it."""
    from cogmill.administration.place import account, open_place
    from cogmill.transfer.running import Target

    place = open_place(settings, importing=True)
    try:
        with _alone(settings):
            yield Target(settings, place.keyring, place.engine, place.enterprise_id, account())
    finally:
        place.engine.dispose()


@contextmanager
def _alone(settings: "Settings") -> Iterator[None]:
    """Refuse while a server runs on the data folder or the database."""
    from cogmill.kit.settings import SettingsError
    from cogmill.preconditions import Unusable
    from cogmill.sole_server import take_over

    try:
        hold = take_over(settings, PATIENCE)
    except SettingsError as error:
        raise Unusable(str(error)) from None
    with hold:
        yield


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """How far it is, on standard error: in place on a terminal, else a line now and then."""
    console = stderr()
    if console.is_terminal:
        with console.status("…") as status:
            yield lambda text: status.update(clean(text))
        return
    last = time.monotonic()

    def told(text: str) -> None:
        nonlocal last
        if time.monotonic() - last > TELL_EVERY:
            last = time.monotonic()
            typer.echo(clean(text), err=True)

    yield told


def _text(done: dict[str, Any]) -> Iterator[str]:
    if done.get("discarded"):
        yield f"Gave up the import of {done['org_id']}. A running server removes what was here of it."
        return
    what = "the instance" if done["scope"] == "instance" else f"{done['org_id']} ({done['name']})"
    yield f"Imported {what}: {done['rows']} rows, {done['files']} files. Start the server with 'cogmill serve'."
    if done.get("enterprise_key"):
        yield "Under the new keys no API key of before works. An administrator's, shown this once:"
        yield f"  enterprise_key  {done['enterprise_key']}"
        yield "To be made anew: API keys, webhooks, git connections, files of blueprints, addresses of automations."
        yield "The audit log is linked anew under the new keys; its record of this import says so."
    if done["scope"] == "organization":
        yield f"Switched off, so that nothing happens twice: {done['schedules_off']} schedules, and automations."
        yield "To be made anew: API keys, webhooks, permissions for repositories, files of blueprints."
        yield "Members come without passwords: invite them ('cogmill accounts invite') if they are not known here."
    if done["secrets_to_set"]:
        yield f"Secrets without a value, to be set again: {done['secrets_to_set']}. Their notes say so."
