"""Commands that look at sessions: list, view, diff, record."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cogmill.cli.output import (
    FAILED,
    JsonFlag,
    SessionId,
    busy,
    clean,
    connect,
    fail,
    guarded,
    note,
    print_json,
    stdout,
)


@guarded
def list_(
    *,
    first: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 20,
    after: Annotated[str | None, typer.Option(help="Cursor of the page before (end_cursor).")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only sessions with this tag; repeatable.")] = None,
    repo: Annotated[list[str] | None, typer.Option(help="Only sessions on this repository; repeatable.")] = None,
    archived: Annotated[bool | None, typer.Option("--archived/--active", help="Only archived, or only others.")] = None,
    json_: JsonFlag = False,
) -> None:
    """List sessions, newest first."""
    query: dict[str, Any] = {"first": first, "after": after, "tags": tag, "repo_names": repo, "is_archived": archived}
    with connect() as client, busy("Asking the server…"):
        page = client.list_sessions(query)
    if json_:
        print_json(page.raw())
        return
    from cogmill.cli.tables import session_table

    if not page.items:
        note('No sessions here. Start one with: cogmill run "PROMPT"')
        return
    console = stdout()
    console.print(session_table(page.items, console.width))
    if page.has_next_page:
        note(f"There are more: --after {page.end_cursor}")


@guarded
def view(session: SessionId, json_: JsonFlag = False) -> None:
    """Show a session."""
    with connect() as client, busy("Asking the server…"):
        found = client.get_session(client.session_id(session))
    if json_:
        print_json(found.raw())
        return
    from cogmill.cli.tables import session_details

    stdout().print(session_details(found))


@guarded
def diff(session: SessionId, json_: JsonFlag = False) -> None:
    """Show what a session changed, as a unified diff."""
    with connect() as client, busy("Asking the server…"):
        answer = client.diff(client.session_id(session))
    if json_:
        print_json(answer.raw())
        return
    from cogmill.cli.tables import diff_text

    changed = [part for part in answer.diffs if part.diff.strip()]
    if not changed:
        note("The session has changed nothing.")
    for part in changed:
        if len(answer.diffs) > 1:
            note(f"# {part.repo} ({part.base_branch} … {part.branch})")
        if stdout().is_terminal:
            stdout().print(diff_text(part.diff), soft_wrap=True)
        else:  # byte for byte, so that `git apply` can read it
            typer.echo(part.diff, nl=not part.diff.endswith("\n"))


@guarded
def record(
    session: SessionId,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write; - is standard output.", metavar="FILE")
    ],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Save a session's model conversation as a recording for the replay agent; the server redacts secrets."""
    import json

    to_stdout = str(output) == "-"
    if not to_stdout and output.exists() and not force:
        raise typer.BadParameter(f"{output} exists already; --force overwrites it.", param_hint="--output")
    with connect() as client, busy("Fetching the recording…"):
        session_id = client.session_id(session)
        text = json.dumps(client.recording(session_id), indent=2) + "\n"
    if to_stdout:
        typer.echo(text, nl=False)
        return
    try:
        _write(output, text)
    except OSError as error:
        raise fail(f"cannot write {clean(str(output))}: {error.strerror}", FAILED, json_=json_) from None
    if json_:
        print_json({"session_id": session_id, "file": str(output.resolve()), "bytes": len(text.encode())})
    else:
        note(f'Recorded in {output}. Play it with: cogmill run "PROMPT" --agent replay --recording {output}')


def _write(path: Path, text: str) -> None:
    """Whole or not at all; readable by the owner only, since it holds a conversation."""
    import os

    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
