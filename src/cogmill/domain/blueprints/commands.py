"""Blueprints of repositories made of lists of commands, as older clients send them."""

from collections.abc import Sequence

import yaml

from cogmill.access.context import Context
from cogmill.domain.blueprints import service
from cogmill.domain.blueprints.schemas import BlueprintIn, BlueprintPatch

Named = tuple[str, Sequence[str] | None]
"""What commands are for, and the commands."""


def keep(ctx: Context, repo_name: str, run: Sequence[Named], notes: Sequence[Named]) -> None:
    """The repository has a blueprint of these commands: builds run the first ones, sessions are told the others.

    Without any, a blueprint that is there stays as it is.
    """
    contents = written(run, notes)
    there = service.list_all(ctx, repo_name)
    if not there:
        service.create(ctx, BlueprintIn(repo_name=repo_name, contents=contents))
    elif contents:
        service.change(ctx, there[0].blueprint_id, BlueprintPatch(contents=contents))


def written(run: Sequence[Named], notes: Sequence[Named]) -> str:
    """The text of such a blueprint."""
    sections = {
        "maintenance": [{"name": name, "run": "\n".join(commands)} for name, commands in run if commands],
        "knowledge": [{"name": name, "contents": "\n".join(commands)} for name, commands in notes if commands],
    }
    given = {name: entries for name, entries in sections.items() if entries}
    return yaml.safe_dump(given, sort_keys=False, allow_unicode=True) if given else ""
