"""The events command: a page of the log, a search in it, or the live stream."""

from typing import Annotated, Any

import typer

from cogmill.cli.output import JsonFlag, SessionId, busy, connect, guarded, note, print_json, stdout


@guarded
def events(
    session: SessionId,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show all steps, then new ones live.")] = False,
    since: Annotated[int, typer.Option(min=0, help="With --follow: begin behind this sequence number.")] = 0,
    first: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 100,
    after: Annotated[str | None, typer.Option(help="Cursor of the page before (end_cursor).")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; repeatable.")] = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="Only this event type; repeatable.")] = None,
    search: Annotated[str | None, typer.Option(help="Only events that contain this text.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Show what happened in a session."""
    if category and type_:
        raise typer.BadParameter("--category and --type exclude each other.", param_hint="--type")
    if follow and (after or category or type_ or search):
        raise typer.BadParameter("--follow shows everything; it takes --since only.", param_hint="--follow")
    if since and not follow:
        raise typer.BadParameter("--since goes with --follow; pages take --after.", param_hint="--since")
    with connect() as client:
        with busy("Asking the server…"):
            session_id = client.session_id(session)
        if follow:
            from cogmill.cli.follow import follow_session

            raise typer.Exit(follow_session(client, session_id, json_=json_, after=since, from_log=True))
        query: dict[str, Any] = {
            "first": first, "after": after, "categories": category, "event_types": type_, "query": search
        }  # fmt: skip
        with busy("Asking the server…"):
            page = client.list_events(session_id, query)
    if json_:
        print_json(page.raw())
        return
    from cogmill.cli.tables import event_table

    if not page.items:
        note("No events.")
        return
    stdout().print(event_table(page.items))
    if page.has_next_page:
        note(f"There are more: --after {page.end_cursor}")
