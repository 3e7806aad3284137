"""`cogmill accounts`: people who sign in, directly on the data folder."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cogmill.cli.output import USAGE, clean, fail, print_json, stdout

app = typer.Typer(name="accounts", help="People who sign in on this server.", no_args_is_help=True)
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail address.")]
RoleOption = Annotated[str, typer.Option("--role", help="Enterprise role of a new user: its name or internal name.")]
NameOption = Annotated[str | None, typer.Option("--name", help="The person's name.")]


@app.command()
def create(
    email: Email, role: RoleOption = "enterprise_member", name: NameOption = None, data: DataOption = None,
    json_: JsonFlag = False,
) -> None:  # fmt: skip
    """Create an account; its password is asked for, or read from standard input."""
    from cogmill.access.passwords import hash_password
    from cogmill.domain.sign_ins import accounts

    email = _email(email, json_)
    hashed = hash_password(_password(json_))
    with _opened(data, json_) as place:
        said: dict[str, Any] = {"email": email, "role": role}
        with place.change("create_account", None, said) as db:
            said["user_id"] = accounts.create(db, place.enterprise_id, email, role, name, hashed)
    _tell({"user_id": said["user_id"], "email": email}, f"Created {email}.", json_)


@app.command()
def invite(
    email: Email, role: RoleOption = "enterprise_member", name: NameOption = None, data: DataOption = None,
    json_: JsonFlag = False,
) -> None:  # fmt: skip
    """Print a link with which the person sets a password once; makes the user where there is none."""
    from cogmill.domain.sign_ins import accounts, invitations
    from cogmill.kit.clock import system_clock

    email = _email(email, json_)
    with _opened(data, json_) as place:
        said: dict[str, Any] = {"email": email}
        with place.change("invite_user", None, said) as db:
            row = accounts.find_or_create(db, place.enterprise_id, email, role, name)
            said["user_id"] = row.user_id
            made = invitations.make(db, place.keyring, place.settings, row, system_clock())
    _tell(made.model_dump(), f"Give {email} this link. It works once:\n{made.invitation_url}", json_)


@app.command("list")
def list_(data: DataOption = None, json_: JsonFlag = False) -> None:
    """List people, with what they can sign in with."""
    from cogmill.domain.sign_ins import accounts
    from cogmill.kit.clock import system_clock

    with _opened(data, json_) as place, place.read() as db:
        shown = accounts.list_all(db, place.enterprise_id, place.settings, system_clock())
    if json_:
        print_json({"items": shown})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("E-MAIL", "STATE", "BROWSERS", "NAME"):
        table.add_column(title, no_wrap=title != "NAME")
    for one in shown:
        table.add_row(clean(one["email"]), one["state"], str(one["browser_sessions"]), clean(one["name"] or ""))
    stdout().print(table)


@app.command("set-password")
def set_password(email: Email, data: DataOption = None, json_: JsonFlag = False) -> None:
    """Set a password, asked for or read from standard input; signs the person out everywhere."""
    from cogmill.access.passwords import hash_password

    hashed = hash_password(_password(json_))
    _change("set_password", email, data, json_, "Password set; signed out everywhere.", password_hash=hashed)


@app.command("sign-out")
def sign_out(email: Email, data: DataOption = None, json_: JsonFlag = False) -> None:
    """Sign a person out everywhere. API keys go on working."""
    _change("sign_out_everywhere", email, data, json_, "Signed out everywhere.")


@app.command()
def disable(email: Email, data: DataOption = None, json_: JsonFlag = False) -> None:
    """Switch an account off: signed out everywhere, no sign-in and no key works until 'enable'."""
    from cogmill.kit.clock import system_clock

    _change("disable_account", email, data, json_, "Switched off.", disabled_at=system_clock())


@app.command()
def enable(email: Email, data: DataOption = None, json_: JsonFlag = False) -> None:
    """Switch an account on again, with password, roles and keys as they were."""
    _change("enable_account", email, data, json_, "Switched on.", disabled_at=None)


def _change(action: str, email: str, data: Path | None, json_: bool, done: str, **values: Any) -> None:
    from cogmill.access import browser_sessions
    from cogmill.domain.sign_ins import accounts

    email = _email(email, json_)
    with _opened(data, json_) as place:
        said: dict[str, Any] = {"email": email}
        with place.change(action, None, said) as db:
            row = accounts.find(db, place.enterprise_id, email)
            ended = browser_sessions.end_all(db, row.user_id, **values)
            said |= {"user_id": row.user_id, "ended_sessions": ended}
    _tell({"user_id": row.user_id, "email": email, "ended_sessions": ended}, f"{email}: {done}", json_)


def _opened(data: Path | None, json_: bool) -> Any:
    from cogmill.administration.place import opened

    return opened(data, json_=json_)


def _tell(shown: dict[str, Any], text: str, json_: bool) -> None:
    if json_:
        print_json(shown)
    else:
        typer.echo(clean(text))


def _email(given: str, json_: bool) -> str:
    email = given.strip().lower()
    name, _, host = email.partition("@")
    if not name or not host or "@" in host or len(email) > 320 or not email.isprintable() or " " in email:
        raise fail(f"{given!r} is no e-mail address.", USAGE, json_=json_)
    return email


def _password(json_: bool) -> str:
    """Asked for on a terminal, else the first line of standard input; never an argument, which others could see."""
    from cogmill.access.passwords import LONGEST, SHORTEST

    if sys.stdin.isatty():
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if not SHORTEST <= len(given) <= LONGEST:
        raise fail(f"A password has {SHORTEST} to {LONGEST} characters.", USAGE, json_=json_)
    return str(given)
