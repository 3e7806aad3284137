"""The commands that families of resources have in common: list, view, create, edit, delete, and one list of each."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.families import Columns, Family, Part
from cogmill.cli.output import JsonFlag, busy, clean, connect, guarded, note, print_json, stdout
from cogmill.cli.values import body_of

if TYPE_CHECKING:
    from cogmill.client import Client, Resources

Named = Annotated[str, typer.Argument(metavar="NAME", help="Id or name.")]
Shared = Annotated[bool, typer.Option("--enterprise", help="Those of the whole enterprise.")]
First = Annotated[int, typer.Option("--first", min=1, max=200, help="How many at most.")]
After = Annotated[str | None, typer.Option("--after", help="Where the page before ended; the list tells it.")]
Values = Annotated[list[str] | None, typer.Argument(metavar="FIELD=VALUE…", help="@FILE, @-: from a file, stdin.")]
From = Annotated[str | None, typer.Option("--from", metavar="FILE", help="A JSON object with fields; - for stdin.")]


def commands(family: Family) -> typer.Typer:
    """The group of a family's commands."""
    app = typer.Typer(name=family.command, help=family.about, no_args_is_help=True)
    app.command("list", help=f"List {family.noun}s.")(_list(family))
    app.command("view", help=f"Show one {family.noun}.")(_view(family))
    if family.fields:
        app.command("create", help=f"Make a {family.noun}.", epilog=_fields(family, "create"))(_create(family))
        app.command("delete", help=f"Delete a {family.noun}.")(_delete(family))
    if family.edit is not None:
        about = f"Change a {family.noun}; what is not named stays."
        app.command("edit", help=about, epilog=_fields(family, "edit"))(_edit(family))
    if family.part is not None:
        app.command(family.part.command, help=family.part.about)(_part(family, family.part))
    return app


def _fields(family: Family, doing: str) -> str:
    return (
        "Fields: " + "; ".join(f"{one.name}: {one.about}" for one in family.fields if one.only in {None, doing}) + "."
    )


@contextmanager
def reached(family: Family, is_shared: bool = False) -> "Iterator[tuple[Client, Resources]]":
    """The client, and the family in the organization or the enterprise."""
    if is_shared and family.shared_path is None:
        raise typer.BadParameter(f"The enterprise has no {family.command} of its own.", param_hint="--enterprise")
    from cogmill.client import Resources

    with connect() as client, busy("Asking the server…"):
        path = family.shared_path if is_shared else None
        yield client, Resources(client.http, path or family.path.format(org_id=client.org_id()), family.paging)


def id_of(family: Family, resources: "Resources", named: str) -> str:
    """The id: as it is if it looks like one, else of the one with this name."""
    beginning = {"scheduled_session_id": "sched-"}.get(family.id, family.id.removesuffix("_id") + "-")
    if named.startswith(beginning):
        return named
    return str(resources.one(named, family.id, family.name)[family.id])


def _found(family: Family, resources: "Resources", named: str) -> dict[str, Any]:
    if not family.is_read_singly:
        return resources.one(named, family.id, family.name)
    return resources.get(id_of(family, resources, named))


def _list(family: Family) -> Any:
    @guarded
    def list_(first: First = 100, after: After = None, enterprise: Shared = False, json_: JsonFlag = False) -> None:
        with reached(family, enterprise) as (_, resources):
            answer = resources.page(first, after, {})
            following = resources.next_(answer, after)
        show_list(answer, family.columns, following, json_)

    return list_


def _view(family: Family) -> Any:
    @guarded
    def view(named: Named, enterprise: Shared = False, json_: JsonFlag = False) -> None:
        with reached(family, enterprise) as (_, resources):
            found = _found(family, resources, named)
            if family.text is not None:
                found |= {family.text: resources.linked(found[family.id], family.text)}
        show(found, json_)

    return view


def _create(family: Family) -> Any:
    @guarded
    def create(values: Values = None, from_: From = None, enterprise: Shared = False, json_: JsonFlag = False) -> None:
        body = body_of(family, values or [], from_, "create")
        with reached(family, enterprise) as (_, resources):
            made = resources.create(body)
        tell(family, made, "created", json_)
        if family.once is not None and made.get(family.once) and not json_:
            note(f"Its {family.once}, which nothing shows again:")
            typer.echo(made[family.once])

    return create


def _edit(family: Family) -> Any:
    @guarded
    def edit(
        named: Named, values: Values = None, from_: From = None, enterprise: Shared = False, json_: JsonFlag = False
    ) -> None:
        body = body_of(family, values or [], from_, "edit")
        if not body:
            raise typer.BadParameter("Say what to change: FIELD=VALUE.")
        method = family.shared_edit if enterprise else family.edit
        with reached(family, enterprise) as (_, resources):
            id_ = id_of(family, resources, named)
            if method == "PUT" and family.text is None:  # it is written as a whole
                before = resources.get(id_)
                body = {one.name: before.get(one.name) for one in family.fields} | body
            changed = resources.change(method or "PATCH", id_, body)
        tell(family, changed, "changed", json_)

    return edit


def _delete(family: Family) -> Any:
    @guarded
    def delete(named: Named, enterprise: Shared = False, json_: JsonFlag = False) -> None:
        with reached(family, enterprise) as (_, resources):
            before = _found(family, resources, named)
            gone = resources.delete(before[family.id]) or before
        tell(family, gone, "deleted", json_)

    return delete


def _part(family: Family, part: Part) -> Any:
    @guarded
    def list_part(
        named: Named, first: First = 50, after: After = None, enterprise: Shared = False, json_: JsonFlag = False
    ) -> None:
        from cogmill.client import Resources

        with reached(family, enterprise) as (client, resources):
            where = "enterprise" if enterprise else f"organizations/{client.org_id()}"
            path = part.path.format(where=where, id=id_of(family, resources, named))
            found = Resources(client.http, path, "cursor")
            answer = found.page(first, after, {})
            following = found.next_(answer, after)
        show_list(answer, part.columns, following, json_)

    return list_part


def show_list(answer: dict[str, Any], columns: Columns, following: str | None, json_: bool) -> None:
    """A page: the API's own JSON, or a table."""
    if json_:
        print_json(answer)
        return
    from cogmill.cli.tables import resource_table
    from cogmill.client import items

    if found := items(answer):
        stdout().print(resource_table(columns, found))
    else:
        note("None here.")
    if following is not None:
        note(f"There are more: --after {following}")


def show(found: dict[str, Any], json_: bool) -> None:
    """One resource: its fields, longer texts last."""
    if json_:
        print_json(found)
        return
    from cogmill.cli.tables import plain

    texts = {name: plain(value) for name, value in found.items()}
    for name, text in sorted(texts.items(), key=lambda one: "\n" in one[1]):
        stdout().print(clean(f"{name}:\n{text}" if "\n" in text else f"{name}: {text}"), soft_wrap=True)


def tell(family: Family, one: dict[str, Any], done: str, json_: bool) -> None:
    """What became of a resource."""
    if json_:
        print_json(one)
        return
    name = one.get(family.name) or one.get("type")
    what = f"{name} ({one[family.id]})" if name != one[family.id] else name
    stdout().print(clean(f"{done}: {what}"), soft_wrap=True)
