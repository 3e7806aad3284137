"""Follow a session live until it settles, and say how it ended."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cogmill.cli.output import FAILED, INTERRUPTED, clean, note, print_json_line, stderr, stdout
from cogmill.cli.render import StepPrinter
from cogmill.cli.tables import status_words

if TYPE_CHECKING:
    from cogmill.client import Client, Event, Session

_WAITING = {
    "waiting_for_user": "The session waits for your answer: cogmill sessions message {id} TEXT --follow",
    "waiting_for_approval": "The session waits for an approval.",
}


def verdict(status: str, detail: str | None, session_id: str) -> tuple[int, str] | None:
    """Exit code and sentence when a session has settled; None while it works."""
    if status == "exit":
        return 0, "The session has ended."
    if status == "error":
        return FAILED, "The session failed."
    if status == "suspended":
        return FAILED, f"The session is suspended ({detail or 'no reason given'}); a message or `wake` resumes it."
    if status == "running" and detail == "finished":
        return 0, "The session has finished."
    if status == "running" and detail in _WAITING:
        return FAILED, _WAITING[detail].format(id=session_id)
    return None


class Progress:
    """What the events so far say about the session's state."""

    def __init__(self, session_id: str, floor: int, until_answered: bool) -> None:
        self._session_id = session_id
        self._floor = floor
        self._is_answering = not until_answered
        self._status: tuple[str, str | None] = ("new", None)

    def take(self, event: "Event") -> bool:
        """Note the event; true when the session has settled."""
        if event.event_type == "status_changed":
            detail = event.contents.get("status_detail")
            self._status = (str(event.contents.get("status", "")), None if detail is None else str(detail))
        elif event.event_type == "user_message":  # what was settled before it no longer counts
            self._is_answering = True
            self._status = ("running", "working")
        return self._is_answering and event.seq >= self._floor and self.verdict() is not None

    def verdict(self) -> tuple[int, str] | None:
        return verdict(*self._status, self._session_id)


def follow_session(
    client: "Client",
    session_id: str,
    *,
    json_: bool,
    after: int = 0,
    from_log: bool = False,
    until_answered: bool = False,
) -> int:
    """Print events as they come; the exit code says how the session settled.

    `from_log`: first all that is in the log already, whose old settled states do not end the following.
    `until_answered`: states before the next user message do not count.
    """
    floor = client.last_seq(session_id) if from_log else 0
    progress = Progress(session_id, floor, until_answered)
    if from_log and after >= floor and (settled := _settled_now(client, session_id)) is not None:
        return _conclude(client.get_session(session_id), settled, json_)
    try:
        _stream(client, session_id, after, progress, json_)
    except KeyboardInterrupt:
        note(f"\nStopped watching; the session goes on. Again: cogmill sessions events {session_id} --follow")
        return INTERRUPTED
    session = client.get_session(session_id)
    settled = progress.verdict() or verdict(session.status, session.status_detail, session_id)
    return _conclude(session, settled or (FAILED, "The stream ended before the session did."), json_)


def _settled_now(client: "Client", session_id: str) -> tuple[int, str] | None:
    session = client.get_session(session_id)
    return verdict(session.status, session.status_detail, session_id)


def _stream(client: "Client", session_id: str, after: int, progress: Progress, json_: bool) -> None:
    console = stdout()
    spinner_console = console if console.is_terminal else stderr()
    spinner: Any = nullcontext()
    if spinner_console.is_terminal:
        spinner = spinner_console.status("Waiting for the session…")
    with spinner:
        printer = StepPrinter(console, on_doing=getattr(spinner, "update", None))
        for event in client.stream_events(session_id, after=after, on_trouble=_trouble):
            if json_:
                print_json_line(event.raw())
            else:
                printer.show(event)
            if progress.take(event):
                break
        printer.finish()


def _trouble(reason: str) -> None:
    note(f"{reason} Reconnecting…")


def _conclude(session: "Session", settled: tuple[int, str], json_: bool) -> int:
    code, sentence = settled
    if json_:
        print_json_line(session.raw())
        note(sentence)
        return code
    console = stdout()
    console.print(Text(f"\n{sentence}", style="bold green" if code == 0 else "bold yellow"), soft_wrap=True)
    facts = Text.assemble(status_words(session.status, session.status_detail), f" · {session.acus_consumed:.3f} ACUs")
    console.print(facts, soft_wrap=True)
    for pull in session.pull_requests:
        console.print(Text(clean(f"pull request ({pull.pr_state or 'unknown'}): {pull.pr_url}")), soft_wrap=True)
    console.print(Text(clean(session.url), style="dim"), soft_wrap=True)
    return code
