"""`cogmill secrets`: the master key of stored secrets, directly on the data folder."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.output import FAILED, fail, print_json

if TYPE_CHECKING:
    from cogmill.administration.place import Place
    from cogmill.kit.crypto import Keyring

DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def rotate_master_key(data: DataOption = None, json_: JsonFlag = False) -> None:
    """Give stored secrets a new master key and new keys of their own, while the server runs.

    A master key in keys.json is made anew. One in the environment, or a key service, is set by you beforehand:
    restart the server with it, and COGMILL_MASTER_KEY_OLD, then run this with the same settings. May be repeated.
    """
    from cogmill.access.key_services import KeyServiceFailed
    from cogmill.administration.place import opened

    with opened(data, json_=json_) as place:
        try:
            said = _rotate(place, json_)
        except KeyServiceFailed as error:
            raise fail(str(error), FAILED, json_=json_) from None
    if json_:
        print_json(said)
    else:
        typer.echo(f"The master key is new ({said['master_key']}). Values sealed anew: {said['resealed']}.")


def _rotate(place: "Place", json_: bool) -> dict[str, Any]:
    import secrets

    from cogmill.access import data_keys
    from cogmill.access.key_services import key_services
    from cogmill.domain.secrets import resealing
    from cogmill.kit.clock import system_clock
    from cogmill.kit.crypto import replace_keys

    settings, keyring = place.settings, place.keyring
    in_file = settings.master_key is None and settings.key_service_url is None
    if in_file:  # both keys are in the file until nothing needs the old one
        keyring = replace(keyring, wrapping=(secrets.token_bytes(32), *keyring.wrapping_keys))
        replace_keys(settings.keys_file, keyring)
    services = key_services(settings, keyring)
    where = "keys.json" if in_file else "key service" if services.transit else "environment"
    said: dict[str, Any] = {"master_key": where}
    with place.change("rotate_master_key", None, said) as db:
        data_keys.ensure(db, services, system_clock())
        data_keys.rewrap(db, services)
        said["data_key"] = data_keys.add(db, services, system_clock())
    keyring = replace(keyring, data_keys=data_keys.StoredDataKeys(place.engine.url, lambda: services))
    resealed = _reseal(place, keyring, json_)
    time.sleep(2 * data_keys.FRESH_SECONDS)  # a server may have sealed with the old key until now
    resealed += _reseal(place, keyring, json_=True)
    with place.writing() as db:
        resealing.forget_unused(db)
    if in_file:
        replace_keys(settings.keys_file, replace(keyring, wrapping=keyring.wrapping[:1]))
    return said | {"resealed": resealed}


def _reseal(place: "Place", keyring: "Keyring", json_: bool) -> int:
    from cogmill.cli.output import stdout
    from cogmill.domain.secrets.resealing import reseal_all

    done = 0
    with stdout().status("Sealing anew …") if not json_ else _quiet() as status:
        for count in reseal_all(place.writing, keyring):
            done += count
            if status is not None:
                status.update(f"Sealing anew … {done}")
    return done


def _quiet() -> Any:
    from contextlib import nullcontext

    return nullcontext()
