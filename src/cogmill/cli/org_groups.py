"""Commands for groups of organizations that share a limit of the cycle: list, make, change members, delete."""

from typing import TYPE_CHECKING, Annotated

import typer

from cogmill.cli.output import JsonFlag, busy, clean, connect, guarded, note, print_json, stdout

if TYPE_CHECKING:
    from cogmill.client import Client, OrgGroup

Name = Annotated[str, typer.Argument(metavar="GROUP", help="Its name.")]


@guarded
def list_(json_: JsonFlag = False) -> None:
    """List the groups, with their limits and organizations."""
    with connect() as client, busy("Asking the server…"):
        groups = client.acu_limits.groups()
    if json_:
        print_json({"groups": {name: one.raw() for name, one in groups.items()}})
        return
    from cogmill.cli.tables import org_group_table

    if not groups:
        note("No groups here. One is made by: cogmill limits group NAME --add ORG")
        return
    stdout().print(org_group_table(groups))


@guarded
def change(
    name: Name,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="ORG", help="Take it in; repeatable.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="ORG", help="Let it go; repeatable.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the group, and its limit with it.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Make a group of organizations or change who is in it; `limits set ACUS --group GROUP` sets what they share."""
    if delete and (add or remove):
        raise typer.BadParameter("goes with neither --add nor --remove", param_hint="--delete")
    from cogmill.client import OrgGroup

    with connect() as client, busy("Asking the server…"):
        groups = client.acu_limits.groups()
        if delete or remove:
            _require(groups, name)
        known = groups.pop(name, OrgGroup(org_ids=[], max_cycle_acus=None))
        if not delete:
            stay = [one for one in known.org_ids if one not in (remove or [])]
            org_ids = list(dict.fromkeys([*stay, *(add or [])]))
            groups[name] = OrgGroup(org_ids=org_ids, max_cycle_acus=known.max_cycle_acus)
        after = client.acu_limits.replace_groups(groups)
    _show(name, after.get(name), json_)


def set_limit(client: "Client", name: str, acus: int | None) -> None:
    """What the organizations of a group share; None: no limit."""
    from cogmill.client import OrgGroup

    groups = client.acu_limits.groups()
    _require(groups, name)
    groups[name] = OrgGroup(org_ids=groups[name].org_ids, max_cycle_acus=acus)
    client.acu_limits.replace_groups(groups)


def _require(groups: "dict[str, OrgGroup]", name: str) -> None:
    if name not in groups:
        from cogmill.client import BadInput

        hint = "`cogmill limits groups` shows them; `cogmill limits group NAME --add ORG` makes one."
        raise BadInput(f"There is no group {name!r}.", hint=hint)


def _show(name: str, group: "OrgGroup | None", json_: bool) -> None:
    if json_:
        print_json({"group": name} | (group.raw() if group is not None else {"deleted": True}))
        return
    members = "deleted" if group is None else f"{len(group.org_ids)} organization{'s' * (len(group.org_ids) != 1)}"
    limit = "" if group is None or group.max_cycle_acus is None else f", {group.max_cycle_acus} ACUs a cycle"
    stdout().print(clean(f"{name}: {members}{limit}"), soft_wrap=True)
