"""What a build is made of: blueprints, files and secrets, read in one transaction when it starts."""

from dataclasses import dataclass, field
from typing import Any

from cogmill.access.context import Context
from cogmill.domain.blueprints import files
from cogmill.domain.blueprints.form import Form, Level, Malformed, parse
from cogmill.domain.blueprints.service import level, of_builds
from cogmill.domain.secrets.use import nearest, stored, variable_names
from cogmill.domain.sessions.create import local_paths
from cogmill.engine.variables import SessionSecret
from cogmill.scm.errors import RepositoryRefused
from cogmill.scm.repositories import parse_repository


class Unbuildable(Exception):
    """Why nothing can be built; the text is for the log."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a blueprint, for its steps."""

    name: str
    variable: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One blueprint of the build."""

    blueprint_id: str
    level: Level
    repo_name: str | None
    form: Form
    files: tuple[File, ...]
    origin: str | None = None
    """Where its text stands, if that is the repository itself."""

    @property
    def label(self) -> str:
        if self.repo_name is not None:
            return f"Repository {self.repo_name}"
        return "Enterprise" if self.level == "enterprise" else "Organization"


@dataclass(frozen=True, slots=True)
class Inputs:
    parts: list[Part]
    secrets: list[SessionSecret]
    base: Any | None = None
    """The newest build whose snapshot is there, if this one may go on from it."""


def read_inputs(ctx: Context, org_id: str) -> Inputs:
    """Unbuildable when there are no blueprints."""
    rows = of_builds(ctx, org_id)
    if not rows:
        raise Unbuildable("There is no blueprint: create one for the organization or a repository first.")
    brought: dict[str, list[File]] = {}
    for row, content in files.opened(ctx, [row.blueprint_id for row in rows]):
        brought.setdefault(row.blueprint_id, []).append(File(row.name, row.env_var_name, content))
    parts = [
        Part(row.blueprint_id, level(row), row.repo_name, _form(row), tuple(brought.get(row.blueprint_id, ())))
        for row in rows
    ]
    return Inputs(parts, _secrets(ctx, parts))


def _form(row: Any) -> Form:
    try:
        return parse(row.contents, level(row))
    except Malformed as error:  # saved by a version that knew another form
        raise Unbuildable(f"Blueprint {row.blueprint_id}: {error}") from None


def _secrets(ctx: Context, parts: list[Part]) -> list[SessionSecret]:
    """Those of the organization and of the repositories; nobody's personal ones."""
    local, names = local_paths(ctx.runtime.settings), []
    for part in parts:
        if part.repo_name is not None:
            try:
                names.append(parse_repository(part.repo_name, local).name)
            except RepositoryRefused as error:
                raise Unbuildable(f"{part.label}: {error}") from None
    taken = nearest(stored(ctx, None, None, names))
    return [
        SessionSecret(name, one.value, one.kind, one.is_sensitive)
        for name, one in zip(variable_names(taken), taken, strict=True)
    ]
