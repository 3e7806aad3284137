"""Commands that change a session: message, stop, sleep, wake, archive."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cogmill.cli.output import JsonFlag, SessionId, busy, connect, guarded, print_json, print_json_line, stdout

if TYPE_CHECKING:
    from cogmill.client import Client, Session


@guarded
def message(
    session: SessionId,
    text: Annotated[str, typer.Argument(metavar="MESSAGE", help="What to say; - reads it from standard input.")],
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Show the steps that come after it, live.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Say something to a session; a suspended one wakes up."""
    from cogmill.cli.follow import follow_session

    body = typer.get_text_stream("stdin").read() if text == "-" else text
    if not body.strip():
        raise typer.BadParameter("The message is empty.", param_hint="MESSAGE")
    with connect() as client:
        with busy("Sending…"):
            session_id = client.session_id(session)
            after = client.last_seq(session_id) if follow else 0
            answer = client.send_message(session_id, body)
        if follow:
            if json_:
                print_json_line(answer.raw())
            raise typer.Exit(follow_session(client, session_id, json_=json_, after=after, until_answered=True))
        _show(answer, "message sent", json_)


@guarded
def stop(
    session: SessionId,
    archive: Annotated[bool, typer.Option("--archive", help="Archive it too.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Terminate a session for good; it cannot be resumed."""
    _change(session, "Stopping…", "stopped", json_, lambda client, found: client.terminate(found, archive=archive))


@guarded
def sleep(session: SessionId, json_: JsonFlag = False) -> None:
    """Suspend a session; a message or `wake` resumes it."""
    _change(session, "Suspending…", "put to sleep", json_, lambda client, found: client.sleep(found))


@guarded
def wake(session: SessionId, json_: JsonFlag = False) -> None:
    """Resume a suspended session."""
    _change(session, "Waking…", "woken", json_, lambda client, found: client.wake(found))


@guarded
def archive(session: SessionId, json_: JsonFlag = False) -> None:
    """Archive a session: it stays readable and can no longer be changed."""
    _change(session, "Archiving…", "archived", json_, lambda client, found: client.archive(found))


def _change(session: str, doing: str, done: str, json_: bool, action: "Callable[[Client, str], Session]") -> None:
    with connect() as client, busy(doing):
        answer = action(client, client.session_id(session))
    _show(answer, done, json_)


def _show(session: "Session", done: str, json_: bool) -> None:
    from cogmill.cli.tables import status_text

    if json_:
        print_json(session.raw())
        return
    from rich.text import Text

    stdout().print(Text.assemble(session.session_id, f" {done} · ", status_text(session)), soft_wrap=True)
