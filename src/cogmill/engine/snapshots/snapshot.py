"""A finished snapshot: where it lies, which clones it holds, what sessions are told of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENVRC = ".cogmill/envrc"
"""Below HOME: variables that steps of a build leave for later steps and for sessions."""


def place_of_mirror(forge_name: str) -> str:
    """Where commands of a sandbox see the mirror of a repository, read-only."""
    return f"/repos/{forge_name.replace('/', '__')}.git"


def snapshot_folder(data: Path, build_id: str) -> Path:
    """Holds `workspace/` and `home/`; nothing is written there once the build has succeeded."""
    return data / "snapshots" / build_id


@dataclass(slots=True)
class Snapshot:
    """What a session begins with."""

    build_id: str
    context: dict[str, Any] = field(default_factory=dict)
    may_borrow: frozenset[str] = frozenset()
    """Names of the repositories whose mirrors are shown to the session."""

    def folder(self, data: Path) -> Path:
        return snapshot_folder(data, self.build_id)

    @property
    def clone_folders(self) -> dict[str, str]:
        """Folder in the workspace by the repository's name at its forge."""
        return {one["name"]: one["folder"] for one in self.context.get("clones", [])}

    def binds(self, data: Path) -> dict[str, Path]:
        """The clones borrow the objects of mirrors, which must lie where they lay during the build."""
        found = {place_of_mirror(one["name"]): data / one["mirror"] for one in self.context.get("clones", [])}
        wanted = {place_of_mirror(name) for name in self.may_borrow}
        return {place: path for place, path in found.items() if place in wanted and path.is_dir()}

    @property
    def has_variables(self) -> bool:
        return bool(self.context.get("has_variables"))

    def text(self) -> str | None:
        """Maintenance and knowledge for the agent; None when the blueprints say nothing."""
        parts = []
        for one in self.context.get("parts", []):
            lines = [f"{note['name']}:\n{note['contents'].strip()}" for note in one["knowledge"]]
            if one["maintenance"]:
                scripts = "\n".join(script.strip() for script in one["maintenance"])
                lines.insert(
                    0, f"maintenance (brings dependencies up to date; was run when this was built):\n{scripts}"
                )
            if lines:
                parts.append(f"## {one['label']}, in {one['folder']}\n" + "\n\n".join(lines))
        return "\n\n".join(parts) or None
