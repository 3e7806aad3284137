"""Commands for roles: list, create, edit, delete."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.output import JsonFlag, busy, clean, connect, guarded, print_json, stdout

if TYPE_CHECKING:
    from cogmill.client import Client, Role

RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="Id or name.")]
Kind = Annotated[str | None, typer.Option("--type", help="org or enterprise, where both have a role of this name.")]
Permissions = Annotated[
    list[str] | None, typer.Option("--permission", "-p", metavar="NAME", help="A permission it holds; repeatable.")
]
From = Annotated[
    str | None, typer.Option("--permissions-from", metavar="ROLE", help="Begin with all permissions of this role.")
]
TYPES = ("org", "enterprise")


def _checked_type(kind: str | None) -> None:
    if kind is not None and kind not in TYPES:
        raise typer.BadParameter(f"{kind!r} is no type of role; say org or enterprise.", param_hint="--type")


@guarded
def list_(kind: Kind = None, json_: JsonFlag = False) -> None:
    """List the default roles and your own."""
    _checked_type(kind)
    with connect() as client, busy("Asking the server…"):
        roles = [one for one in client.administration.roles() if kind in {None, one.role_type}]
    if json_:
        print_json({"items": [one.raw() for one in roles]})
        return
    from cogmill.cli.tables import role_table

    stdout().print(role_table(roles))


@guarded
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    kind: Annotated[str, typer.Option("--type", help="org: given in one organization; enterprise: above them all.")],
    permission: Permissions = None,
    permissions_from: From = None,
    json_: JsonFlag = False,
) -> None:
    """Make a role that holds just these permissions."""
    _checked_type(kind)
    with connect() as client, busy("Asking the server…"):
        held = _begin_with(client, permissions_from) | set(permission or [])
        made = client.administration.create_role(name, kind, sorted(held))
    _show(made, "created", json_)


@guarded
def edit(
    role: RoleName,
    kind: Kind = None,
    name: Annotated[str | None, typer.Option("--name", help="A new name.")] = None,
    permission: Permissions = None,
    permissions_from: From = None,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="NAME", help="One more; repeatable.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="NAME", help="One less; repeatable.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Rename a role, or change what all who have it may do: --permission says all, --add and --remove a difference."""
    _checked_type(kind)
    is_whole, is_difference = bool(permission or permissions_from), bool(add or remove)
    if is_whole and is_difference:
        raise typer.BadParameter("--permission and --permissions-from say all; --add and --remove do not go with them.")
    if not (is_whole or is_difference or name):
        raise typer.BadParameter("Say what to change: --name, --permission, --permissions-from, --add or --remove.")
    with connect() as client, busy("Asking the server…"):
        found = client.administration.role(role, kind)
        changes: dict[str, Any] = {"name": name} if name else {}
        if is_whole:
            changes["permissions"] = sorted(_begin_with(client, permissions_from) | set(permission or []))
        elif is_difference:
            _refuse_unheld(found, remove or [])
            changes["permissions"] = sorted((set(found.permissions) | set(add or [])) - set(remove or []))
        changed = client.administration.update_role(found.role_id, changes)
    _show(changed, "changed", json_)


@guarded
def delete(role: RoleName, kind: Kind = None, json_: JsonFlag = False) -> None:
    """Delete a role of your own that nobody has any more."""
    _checked_type(kind)
    with connect() as client, busy("Asking the server…"):
        gone = client.administration.delete_role(client.administration.role(role, kind).role_id)
    _show(gone, "deleted", json_)


def _begin_with(client: "Client", named: str | None) -> set[str]:
    """What another role holds. The API refuses what this type of role cannot hold, so nothing is left out unsaid."""
    return set() if named is None else set(client.administration.role(named).permissions)


def _refuse_unheld(role: "Role", names: list[str]) -> None:
    """A removal that removes nothing is most likely a misspelling, and would leave a right in place."""
    if unheld := sorted(set(names) - set(role.permissions)):
        raise typer.BadParameter(f"Role {role.role_name!r} does not hold {unheld[0]!r}.", param_hint="--remove")


def _show(role: "Role", done: str, json_: bool) -> None:
    if json_:
        print_json(role.raw())
        return
    stdout().print(clean(f"{done}: {role.role_name} ({role.role_type}, {role.role_id})"))
    if done != "deleted":
        for one in role.permissions or ["(no permission)"]:
            stdout().print(f"  {one}")
