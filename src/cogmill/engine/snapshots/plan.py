"""What a build runs: everything from nothing, or only what has changed on top of the last snapshot."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, Literal

from cogmill.engine.snapshots.inputs import Part

Redo = Literal["all", "maintenance", "nothing"]


@dataclass(frozen=True, slots=True)
class Plan:
    """`base_build_id` None: from nothing, for the `reason`. Else what is run of each blueprint, by its id."""

    reason: str | None
    base_build_id: str | None = None
    redo: Mapping[str, Redo] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    """Where the clones of the base lie in the workspace."""

    def of(self, part: Part) -> Redo:
        return self.redo.get(part.blueprint_id, "all")


def described(part: Part, commit: str | None) -> dict[str, Any]:
    """A part for comparing it with what it will be in later builds; the texts are not kept."""
    form = part.form
    return {
        "label": part.label, "repo_name": part.repo_name, "branch": form.branch, "commit": commit,
        "initialize": _digest([asdict(step) for step in form.initialize]),
        "maintenance": _digest([asdict(step) for step in form.maintenance]),
        "files": _digest([[file.name, file.variable, sha256(file.content).hexdigest()] for file in part.files]),
    }  # fmt: skip


def _digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]


def choose(parts: Sequence[Part], now: Mapping[str, dict[str, Any]], base: Any | None) -> Plan:
    """Compare with the build `base`, whose snapshot is there.

    A wide part (enterprise, organization) that is new, or whose initialize or files have changed, stands below all that
    was built after it, and a part that is gone left things behind: then everything is built from nothing.
    """
    if base is None:
        return Plan("there is no snapshot yet to go on from")
    before: dict[str, dict[str, Any]] = base.made_of["parts"]
    gone = [was["label"] for blueprint_id, was in before.items() if blueprint_id not in now]
    if gone:
        return Plan(f"{gone[0]} is not part of it any more")
    redo: dict[str, Redo] = {}
    for part in parts:
        is_now, was = now[part.blueprint_id], before.get(part.blueprint_id)
        redo[part.blueprint_id] = _redo(is_now, was)
        if redo[part.blueprint_id] == "all" and part.repo_name is None:
            return Plan(f"initialize or files of {part.label} have changed")
    folders = {one["blueprint_id"]: one["folder"] for one in base.made_of["clones"]}
    return Plan(None, base.build_id, redo, folders)


def _redo(now: dict[str, Any], was: dict[str, Any] | None) -> Redo:
    if was is None or any(now[name] != was[name] for name in ("initialize", "files")):
        return "all"
    if any(now[name] != was[name] for name in ("maintenance", "commit", "branch")):
        return "maintenance"
    return "nothing"
