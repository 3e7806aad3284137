"""The run command: start a session, and follow it if wanted."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cogmill.cli.output import JsonFlag, busy, connect, guarded, note, print_json, print_json_line, stdout

if TYPE_CHECKING:
    from cogmill.client import Session

AGENTS = ("model", "runbook", "replay")
_SLUG = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)+")
_SCP_LIKE = re.compile(r"[\w.-]+@[\w.-]+:.+")
_FILE = {"exists": True, "dir_okay": False, "readable": True}


@guarded
def run(
    prompt: Annotated[str | None, typer.Argument(metavar="PROMPT", help="What to do.")] = None,
    *,
    repo: Annotated[
        list[str] | None, typer.Option(help="Repository: folder, URL or owner/name; repeatable.", metavar="REPO")
    ] = None,
    agent: Annotated[str | None, typer.Option(help=f"{', '.join(AGENTS)}; else the server chooses.")] = None,
    recording: Annotated[Path | None, typer.Option(help="Recording that the replay agent plays.", **_FILE)] = None,
    playbook: Annotated[str | None, typer.Option(help="Id of a playbook.", metavar="ID")] = None,
    title: Annotated[str | None, typer.Option(help="Name of the session.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Tag; repeatable.")] = None,
    max_acu: Annotated[int | None, typer.Option(min=1, help="Most ACUs the session may use.")] = None,
    mode: Annotated[str | None, typer.Option(help="normal, fast or lite.")] = None,
    platform: Annotated[
        str | None, typer.Option(help="Where it runs: linux (this server) or the id of an outpost.")
    ] = None,
    attach: Annotated[list[Path] | None, typer.Option(help="File to give along; repeatable.", **_FILE)] = None,
    output_schema: Annotated[
        Path | None, typer.Option(help="JSON schema file: the session must answer in this shape.", **_FILE)
    ] = None,
    prompt_file: Annotated[
        Path | None, typer.Option(help="Read the prompt from a file; - is standard input.", metavar="FILE")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Show the steps live until it is done.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Start a session.

    With --follow: exit code 0 when the session finishes, 1 when it fails, is suspended or waits for you.
    With --follow --json: one JSON object a line; first the session, then its events, last the session again.
    """
    if agent is not None and agent not in AGENTS:
        raise typer.BadParameter(f"choose one of {', '.join(AGENTS)}.", param_hint="--agent")
    if recording is not None and agent not in {None, "replay"}:
        raise typer.BadParameter("only the replay agent plays a recording.", param_hint="--recording")
    body: dict[str, Any] = {
        "prompt": _prompt(prompt, prompt_file),
        "repos": [repo_address(item) for item in repo or []] or None,
        "agent": "replay" if recording is not None else agent,
        "playbook_id": playbook,
        "title": title,
        "tags": tag or None,
        "max_acu_limit": max_acu,
        "devin_mode": mode,
        "platform": platform,
        "structured_output_schema": _schema(output_schema),
    }
    _start(body, attach or [], recording, follow, json_)


def _start(body: dict[str, Any], attach: list[Path], recording: Path | None, follow: bool, json_: bool) -> None:
    with connect() as client:
        from cogmill.cli.follow import follow_session
        from cogmill.client import SessionCreate

        with busy("Uploading…" if attach or recording else "Creating the session…"):
            if attach:
                body["attachment_urls"] = [client.upload(path).url for path in attach]
            if recording is not None:
                body["recording"] = client.upload(recording).url
            session = client.create_session(SessionCreate.model_validate(body))
        if follow:
            if json_:
                print_json_line(session.raw())
            else:
                note(f"{session.session_id}\n{session.url}")
            raise typer.Exit(follow_session(client, session.session_id, json_=json_))
    _show(session, json_)


def _show(session: "Session", json_: bool) -> None:
    if json_:
        print_json(session.raw())
        return
    from cogmill.cli.tables import session_details

    stdout().print(session_details(session))
    note(f"Watch it: cogmill sessions events {session.session_id} --follow")


def repo_address(given: str) -> str:
    """Folders become absolute, since the server does not know where we stand; URLs and owner/name stay."""
    if "://" in given or _SCP_LIKE.fullmatch(given):
        return given
    path = Path(given).expanduser()
    if path.is_dir():
        return str(path.resolve())
    if path.is_absolute():  # may exist on the server's machine
        return str(path)
    if _SLUG.fullmatch(given) and not given.startswith("."):
        return given
    raise typer.BadParameter(f"{given} is no folder here, no URL and no owner/name.", param_hint="--repo")


def _prompt(prompt: str | None, file: Path | None) -> str:
    if (prompt is None) == (file is None):
        raise typer.BadParameter("give either PROMPT or --prompt-file.", param_hint="PROMPT")
    text = prompt
    if file is not None:
        text = _read(file, "--prompt-file")
    if text is None or not text.strip():
        raise typer.BadParameter("the prompt is empty.", param_hint="PROMPT")
    return text


def _schema(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    import json

    try:
        schema = json.loads(_read(file, "--output-schema"))
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f"{file} is not JSON (line {error.lineno}).", param_hint="--output-schema") from None
    if not isinstance(schema, dict):
        raise typer.BadParameter(f"{file} must hold a JSON object.", param_hint="--output-schema")
    return schema


def _read(file: Path, option: str) -> str:
    try:
        return typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise typer.BadParameter(f"{file} is not readable UTF-8 text.", param_hint=option) from None
