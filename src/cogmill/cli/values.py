"""Reading FIELD=VALUE, files and standard input into what is sent."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import typer

from cogmill.cli.families import Family, Field

FLAGS = {"true": True, "false": False}


def body_of(
    family: Family, given: Sequence[str], whole: str | None, doing: Literal["create", "edit"]
) -> dict[str, Any]:
    """The fields to send: those of a file with a JSON object, then each FIELD=VALUE."""
    fields = {one.name: one for one in family.fields if one.only in {None, doing}}
    body: dict[str, Any] = {}
    if doing == "create":
        body = {one.name: one.default for one in fields.values() if one.default is not None}
    if whole is not None:
        body |= read_object(whole)
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in fields:
            known = ", ".join(fields)
            raise typer.BadParameter(f"{text[:60]!r} is no FIELD=VALUE of a {family.noun}. Fields: {known}.")
        body[name] = _value(fields[name], value)
    return body


def read_object(file: str) -> dict[str, Any]:
    """The JSON object in a file, or on standard input."""
    try:
        found = json.loads(_read(file))
    except ValueError as error:
        raise typer.BadParameter(f"{file} holds no JSON: {error}", param_hint="--from") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{file} must hold one JSON object.", param_hint="--from")
    return found


def secret_of(text: str) -> str:
    """A secret from a file or standard input."""
    return str(_value(Field("secret", "", "secret"), text))


def _value(field: Field, text: str) -> Any:
    """@path is a file, @- standard input, @@… a text that begins with @."""
    is_plain = not text.startswith("@")
    if field.kind == "secret" and (is_plain or text.startswith("@@")):
        raise typer.BadParameter(f"{field.name}: others on this machine see arguments; use @FILE, or @- for stdin.")
    if text.startswith("@@"):
        text = text[1:]
    elif not is_plain:
        text = _read(text[1:])
    return _converted(field, text)


def _converted(field: Field, text: str) -> Any:
    try:
        match field.kind:
            case "flag":
                return FLAGS[text.strip().lower()]
            case "number":
                return int(text)
            case "json":
                return json.loads(text) if text.strip() else None
            case "list":
                return [one.strip() for one in text.split(",") if one.strip()]
            case "clearable":
                return text or None
            case "secret":
                return text.removesuffix("\n").removesuffix("\r")
            case _:
                return text
    except (ValueError, KeyError):
        wanted = {"flag": "true or false", "number": "a whole number", "json": "JSON"}[field.kind]
        raise typer.BadParameter(f"{field.name}: {text[:60]!r} is not {wanted}.") from None


def _read(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is no text in UTF-8.") from None
