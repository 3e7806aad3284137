"""Commands for the limits of a cycle: list, set, clear."""

from typing import Annotated

import typer

from cogmill.cli.output import JsonFlag, busy, clean, connect, guarded, print_json, stdout

Organization = Annotated[str | None, typer.Option("--org", metavar="ORG", help="Of this organization.")]
User = Annotated[str | None, typer.Option("--user", metavar="USER", help="Of this user, by id.")]
Enterprise = Annotated[bool, typer.Option("--enterprise", help="Of the whole enterprise.")]


@guarded
def list_(json_: JsonFlag = False) -> None:
    """List all limits, with what of each is used and set aside in the current cycle."""
    with connect() as client, busy("Asking the server…"):
        found = client.acu_limits.list_()
    if json_:
        print_json({"items": [one.raw() for one in found]})
        return
    from cogmill.cli.tables import acu_limit_table

    stdout().print(acu_limit_table(found))


@guarded
def set_(
    acus: Annotated[int, typer.Argument(metavar="ACUS", min=0, help="What a cycle may use; 0: nothing may run.")],
    org: Organization = None,
    user: User = None,
    enterprise: Enterprise = False,
    json_: JsonFlag = False,
) -> None:
    """Set a limit. One that is used up already puts to sleep what runs."""
    _change(acus, org, user, enterprise, json_)


@guarded
def clear(org: Organization = None, user: User = None, enterprise: Enterprise = False, json_: JsonFlag = False) -> None:
    """Clear a limit; sessions that it stopped go on by a message or a wake."""
    _change(None, org, user, enterprise, json_)


def _change(acus: int | None, org: str | None, user: str | None, enterprise: bool, json_: bool) -> None:
    if [org is not None, user is not None, enterprise].count(True) != 1:
        raise typer.BadParameter("name just one of --org, --user and --enterprise", param_hint="limit")
    with connect() as client, busy("Asking the server…"):
        client.acu_limits.change(acus, org, user)
    if json_:
        print_json({"org_id": org, "user_id": user, "cycle_acu_limit": acus})
        return
    whose = org or user or "the enterprise"
    text = f"{whose}: no limit" if acus is None else f"{whose}: {acus} ACUs a cycle"
    stdout().print(clean(text), soft_wrap=True)
