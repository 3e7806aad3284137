"""`cogmill demo`: a server in a temporary folder, one session in it, and what came out."""

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cogmill.cli.follow import Progress
from cogmill.cli.output import FAILED, INTERRUPTED, JsonFlag, clean, fail, guarded, note, print_json, stderr, stdout
from cogmill.cli.render import StepPrinter
from cogmill.cli.tables import diff_text
from cogmill.demo import PROMPT, RECORDING, make_repository, nightly
from cogmill.demo.local_server import LocalServer, ServerDied
from cogmill.demo.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogmill.client import Client, Event, Session


class Scenario(StrEnum):
    """What is shown."""

    FIX = "fix"
    NIGHTLY = "nightly"


RECORDED = (
    "The model's words are recorded; commands, edits, tests, commit and pull request are real: "
    "they are carried out now, in a sandbox."
)
REPLAY_SECONDS, MODEL_SECONDS = 120.0, 1800.0
PATIENCE = 10.0
"""How long the stream tries to reach a server that has gone away."""


@guarded
def demo(
    scenario: Annotated[
        Scenario, typer.Option(help="fix: a bug in a repository; nightly: schedule, playbook, note and secret.")
    ] = Scenario.FIX,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data folder, to look around in it.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Run one session, live, and show what came out. Needs no network.

    `fix` finds and mends a bug in a small repository. `nightly` sets up a secret, a note, a playbook and a schedule,
    and proves that all of them were at work in the session that the schedule started. With COGMILL_MODEL and its key
    set, that model does the work; else recorded words of a model are played, or a program stands in for it.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    model = os.environ.get("COGMILL_MODEL")
    say = note if json_ else _say
    outcome: Outcome | nightly.Nightly
    try:
        with _folder(keep) as folder:
            if scenario is Scenario.NIGHTLY:
                outcome = nightly.Nightly(words_from=model or "stand-in")
                _play_nightly(folder, model, outcome, say, json_)
            else:
                outcome = Outcome(words_from=model or "recording")
                _play(folder, model, outcome, say, json_)
            if keep:
                say(f"Kept. Look around: cogmill serve --data {folder / 'data'} --port {_port(outcome)}")
    except ServerDied as error:
        raise fail(str(error), FAILED, json_=json_) from None
    except KeyboardInterrupt:
        note("Stopped.")
        raise typer.Exit(INTERRUPTED) from None
    if json_:
        print_json(outcome.as_json())
    raise typer.Exit(FAILED if outcome.missing() else 0)


def _say(text: str) -> None:
    stdout().print(Text(clean(text)), soft_wrap=True)


def _port(outcome: Outcome | nightly.Nightly) -> str:
    from urllib.parse import urlsplit

    if isinstance(outcome, nightly.Nightly):
        return str(urlsplit(str(outcome.session.get("url") or "")).port or 8400)
    return str(urlsplit(outcome.session.url).port if outcome.session else 8400)


@contextmanager
def _folder(keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cogmill-demo-"))
    folder.chmod(0o711)  # sandboxes under other user ids pass through to their own folders
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _play(folder: Path, model: str | None, outcome: Outcome, say: Any, json_: bool) -> None:
    from cogmill.client import Client, Target

    say(f"The model is {model}; everything here is real." if model else RECORDED)
    repository = make_repository(folder)
    say(f"Repository: {repository}, a small project in which one test fails")
    server = LocalServer(folder / "data")
    try:
        seconds = server.start()
        say(f"Server: {server.url}, answering after {seconds:.1f} s")
        keys = server.first_keys
        target = Target(server.url, keys["org_key"], keys["org_id"])
        with Client(target) as client, _deadline(server, MODEL_SECONDS if model else REPLAY_SECONDS):
            session = _create(client, repository, model)
            say(f"Session: {session.url}\nPrompt: {PROMPT}\n")
            _follow(client, session.session_id, outcome, json_)
            _collect(client, session.session_id, outcome)
        if not json_:
            _show(outcome, model)
    finally:
        server.stop()


def _play_nightly(folder: Path, model: str | None, outcome: nightly.Nightly, say: Any, json_: bool) -> None:
    def follow(client: "Client", server: LocalServer, session_id: str, take: "Callable[[Event], None]") -> None:
        with _deadline(server, MODEL_SECONDS if model else REPLAY_SECONDS):
            _watch(client, session_id, take, json_)

    nightly.play(folder, model, outcome, say, follow)
    if json_:
        return
    console = stdout()
    console.print(Rule("what came out"), width=min(console.width, 100))
    for name, value in (outcome.session.get("structured_output") or {}).items():
        console.print(Text(clean(f"{name}: {value}")), soft_wrap=True)
    for said, holds in outcome.proofs().items():
        console.print(Text(f"{'yes' if holds else 'NO ':3} {said}", style="green" if holds else "bold red"))
    console.print(Text(f"    ({outcome.places_searched} answers and files were searched for the value)", style="dim"))


@contextmanager
def _deadline(server: LocalServer, seconds: float) -> Iterator[None]:
    """A demonstration that hangs ends: without its server nothing can go on."""
    timer = threading.Timer(seconds, server.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _create(client: "Client", repository: Path, model: str | None) -> "Session":
    from cogmill.client import SessionCreate

    body: dict[str, Any] = {"prompt": PROMPT, "repos": [str(repository)], "agent": "model"}
    if model is None:
        body |= {"agent": "replay", "recording": client.upload(RECORDING).url}
    return client.create_session(SessionCreate.model_validate(body))


def _follow(client: "Client", session_id: str, outcome: Outcome, json_: bool) -> None:
    began = time.monotonic()
    _watch(client, session_id, outcome.take, json_)
    outcome.seconds = time.monotonic() - began


def _watch(client: "Client", session_id: str, take: "Callable[[Event], None]", json_: bool) -> None:
    """Show the session's steps until it has settled."""
    console = stderr() if json_ else stdout()
    progress = Progress(session_id, floor=0, until_answered=False)
    spinner: Any = console.status("Waiting for the session…") if console.is_terminal else nullcontext()
    with spinner:
        printer = StepPrinter(console, on_doing=getattr(spinner, "update", None))
        for event in client.stream_events(session_id, patience=PATIENCE):
            printer.show(event)
            take(event)
            if progress.take(event):
                break
        printer.finish()


def _collect(client: "Client", session_id: str, outcome: Outcome) -> None:
    outcome.session = session = client.get_session(session_id)
    outcome.diff = "\n".join(one.diff for one in client.diff(session_id).diffs)
    if session.pull_requests:
        pull_request_id = session.pull_requests[0].pr_url.rstrip("/").rpartition("/")[2]
        outcome.pull_request = client.pull_request(pull_request_id)


def _show(outcome: Outcome, model: str | None) -> None:
    console, session, pull = stdout(), outcome.session, outcome.pull_request
    if session is None:
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "session": session.url,
        "status": f"{session.status}/{session.status_detail}",
        "steps": f"{len(outcome.steps)} in {outcome.seconds:.1f} s",
        "tests before": str(outcome.before or "not run"),
        "tests after": str(outcome.after or "not run again"),
        "pull request": f"#{pull.number} {pull.title} ({pull.state})" if pull else "none",
        "": pull.url if pull else "",
        "branch": f"{pull.branch} into {pull.base_branch}" if pull else "",
        "ACUs": f"{session.acus_consumed:.4f}",
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(clean(value)))
    width = min(console.width, 100)
    console.print(Rule("diff"), width=width)
    console.print(diff_text(pull.diff if pull else outcome.diff), soft_wrap=True)
    console.print(Rule("what came out"), width=width)
    console.print(table)
    if model is None:
        console.print(Text(f"\n{RECORDED}", style="italic"), soft_wrap=True)
    missing = outcome.missing()
    verdict = f"Not as it should be: {'; '.join(missing)}." if missing else "Failing test found, fixed, and proposed."
    console.print(Text(verdict, style="bold red" if missing else "bold green"), soft_wrap=True)
