"""Commands for the limits of a cycle: list, set, clear."""

from typing import Annotated

import typer

from cogmill.cli.org_groups import set_limit
from cogmill.cli.output import JsonFlag, busy, clean, connect, guarded, print_json, stdout

Organization = Annotated[str | None, typer.Option("--org", metavar="ORG", help="Of this organization.")]
User = Annotated[str | None, typer.Option("--user", metavar="USER", help="Of this user, by id.")]
Group = Annotated[str | None, typer.Option("--group", metavar="GROUP", help="Shared by this group of organizations.")]
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
    group: Group = None,
    enterprise: Enterprise = False,
    json_: JsonFlag = False,
) -> None:
    """Set a limit. One that is used up already puts to sleep what runs."""
    _change(acus, {"org_id": org, "user_id": user, "group_name": group}, enterprise=enterprise, json_=json_)


@guarded
def clear(
    org: Organization = None,
    user: User = None,
    group: Group = None,
    enterprise: Enterprise = False,
    json_: JsonFlag = False,
) -> None:
    """Clear a limit; sessions that it stopped go on by a message or a wake."""
    _change(None, {"org_id": org, "user_id": user, "group_name": group}, enterprise=enterprise, json_=json_)


def _change(acus: int | None, named: dict[str, str | None], *, enterprise: bool, json_: bool) -> None:
    given = [one for one in named.values() if one is not None]
    if len(given) + enterprise != 1:
        raise typer.BadParameter("name just one of --org, --user, --group and --enterprise", param_hint="limit")
    with connect() as client, busy("Asking the server…"):
        if (group := named["group_name"]) is not None:
            set_limit(client, group, acus)
        else:
            client.acu_limits.change(acus, named["org_id"], named["user_id"])
    if json_:
        print_json({**named, "cycle_acu_limit": acus})
        return
    whose = next(iter(given), "the enterprise")
    text = f"{whose}: no limit" if acus is None else f"{whose}: {acus} ACUs a cycle"
    stdout().print(clean(text), soft_wrap=True)
