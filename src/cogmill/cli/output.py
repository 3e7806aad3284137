"""What all commands print with: JSON, terminal-safe text, progress on stderr, errors as one block with an exit code."""

import functools
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from cogmill.client import Client, ClientError

P = ParamSpec("P")
FAILED, USAGE, REFUSED, NOT_AUTHENTICATED, INTERRUPTED = 1, 2, 3, 4, 130

JsonFlag = Annotated[bool, typer.Option("--json", help="Print the API's JSON instead of text.")]
SessionId = Annotated[
    str, typer.Argument(metavar="SESSION", help="Id, with or without devin-, its beginning, or its URL.")
]

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?", re.DOTALL)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Text that is safe to show: what agents and servers send must not steer the terminal."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    if "\r" in text:  # progress bars: only the last state of a line counts
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROLS.sub("", text)


def stdout() -> "Console":
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:  # a pipe has no width: nothing may be cut off
        console.width = 200
    return console


def stderr() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def print_json_line(value: Any) -> None:
    typer.echo(json.dumps(value, separators=(",", ":")))
    sys.stdout.flush()


def note(text: str) -> None:
    """A remark beside the result."""
    stderr().print(clean(text), style="dim", soft_wrap=True)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Say on a terminal that something takes its time."""
    console = stderr()
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


@contextmanager
def connect() -> "Iterator[Client]":
    """The client for the environment's server and key."""
    import os

    from cogmill.client import Client, Target

    target = Target.from_environment(os.environ)
    target.key  # noqa: B018  (without a key there is nothing to ask a server)
    with Client(target) as client:
        yield client


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """The command, with every failure that users can meet told in a block and turned into its exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            from cogmill.client import ClientError

            if not isinstance(error, ClientError):
                raise
            if kwargs.get("json_"):
                print_json_error(**json_error(error))
            else:
                print_error(error)
            raise typer.Exit(exit_code(error)) from None

    return run


def print_json_error(message: str, exit_code: int, **more: Any) -> None:
    """How every command with --json tells an error: one line on stderr, the last one; stdout keeps to results."""
    error = {"message": message, "exit_code": exit_code} | {name: value for name, value in more.items() if value}
    typer.echo(json.dumps({"error": error}), err=True)


def fail(message: str, code: int, *, json_: bool, hint: str | None = None) -> typer.Exit:
    """Tell an error that is not the client's; raise what comes back."""
    if json_:
        print_json_error(message, code, hint=hint)
    else:
        typer.echo(f"Error: {message}" + (f"\n  what to do: {hint}" if hint else ""), err=True)
    return typer.Exit(code)


def json_error(error: "ClientError") -> dict[str, Any]:
    """What a script wants to know of a client's error."""
    from cogmill.client import AnswerError

    known: dict[str, Any] = {
        "message": error.message,
        "exit_code": exit_code(error),
        "hint": error.hint or _hint(error),
    }
    if isinstance(error, AnswerError):
        fields = [{"where": one.where, "message": one.message} for one in error.fields]
        known |= {"status": error.status, "request_id": error.request_id, "permission": error.permission}
        known["fields"] = fields
    return known


def exit_code(error: "ClientError") -> int:
    from cogmill.client import BadInput, NoKey, NotAuthenticated, Refused

    if isinstance(error, BadInput):
        return USAGE
    if isinstance(error, NoKey | NotAuthenticated):
        return NOT_AUTHENTICATED
    return REFUSED if isinstance(error, Refused) else FAILED


def print_error(error: "ClientError") -> None:
    """What went wrong, where, and what to do, on stderr."""
    from rich.text import Text

    from cogmill.client import AnswerError

    block = Text.assemble(("Error: ", "bold red"), clean(error.message))
    rows: list[tuple[str, str]] = []
    if isinstance(error, AnswerError):
        rows += [("field", f"{field.where}: {field.message}") for field in error.fields]
        if error.permission:
            rows.append(("permission", error.permission))
        if error.request_id:
            rows.append(("request id", f"{error.request_id} (HTTP {error.status})"))
        else:
            rows.append(("answer", f"HTTP {error.status}"))
    hint = error.hint or _hint(error)
    if hint:
        rows.append(("what to do", hint))
    for name, value in rows:
        block.append(f"\n  {name}: ", style="dim")
        block.append(clean(value))
    stderr().print(block, soft_wrap=True)


def _hint(error: "ClientError") -> str | None:
    from cogmill.client import AnswerError

    if not isinstance(error, AnswerError):
        return None
    return {
        400: "Correct the request as said above.",
        403: "Ask an administrator for a role with this permission, or use another key.",
        404: "Check the id (the `list` commands show yours) and that COGMILL_ORG_ID is the right organization.",
        409: "The present state does not allow this; look at it first, with `cogmill sessions view` say.",
        413: "Send a smaller file.",
        422: "Correct the named fields.",
        429: "Too many requests: wait a little and try again.",
    }.get(error.status)
