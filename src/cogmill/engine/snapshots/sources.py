"""The repositories of a build: fetched, at which commit, and the blueprint that a repository itself brings."""

from dataclasses import dataclass, replace
from pathlib import Path

from cogmill.access.context import Runtime
from cogmill.domain.blueprints.form import LONGEST, Form, Malformed, parse
from cogmill.engine.snapshots.inputs import Part, Unbuildable
from cogmill.engine.workspace import Source, fetch_source
from cogmill.kit.errors import Refusal
from cogmill.scm.git import Bounds, GitError, OutputTooLarge, run_git
from cogmill.scm.mirrors import MirrorCache, MirrorRefs, read_refs
from cogmill.scm.provider import ProviderError

OWN_FILE = ".devin/blueprint.yaml"
"""In a repository whose blueprint says nothing, this file of its default branch is the blueprint."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A repository as it is when the build begins."""

    source: Source
    refs: MirrorRefs
    branch: str
    commit: str


async def fetch(
    runtime: Runtime, mirrors: MirrorCache, org_id: str, part: Part, since: float
) -> tuple[Source, MirrorRefs]:
    """Bring its mirror up to date. Unbuildable says why that is not possible."""
    assert part.repo_name is not None  # noqa: S101 - asked for those only
    try:
        source = await fetch_source(runtime, mirrors, org_id, part.repo_name, since)
        return source, await read_refs(source.mirror)
    except (Refusal, GitError, ProviderError, OSError) as error:
        raise Unbuildable(f"{part.label}: it cannot be fetched: {error}") from None


async def settle(part: Part, source: Source, refs: MirrorRefs) -> tuple[Part, Fetched]:
    """The part with the repository's own blueprint, if that counts, and the commit to clone.

    Unbuildable says what is wrong with the file or the branch.
    """
    try:
        if part.form == Form():
            part = await _with_own_file(part, source.mirror, refs.base()[1])
        return part, Fetched(source, refs, *refs.base(part.form.branch))
    except (Refusal, GitError) as error:
        raise Unbuildable(f"{part.label}: {error}") from None


async def _with_own_file(part: Part, mirror: Path, commit: str) -> Part:
    try:
        text = await _own_file(mirror, commit)
        if text is None:
            return part
        return replace(part, form=parse(text, "repo"), origin=f"{OWN_FILE} at {commit[:12]}")
    except (Malformed, UnicodeDecodeError, OutputTooLarge) as error:
        said = f"It may have at most {LONGEST} bytes." if isinstance(error, OutputTooLarge) else str(error)
        raise Unbuildable(f"{part.label}: {OWN_FILE} at {commit[:12]}: {said}") from None


async def _own_file(mirror: Path, commit: str) -> str | None:
    """Its text; None when there is no plain file of that name."""
    found = await run_git(["ls-tree", "-z", commit, "--", OWN_FILE], git_dir=mirror)
    mode, _, rest = found.decode("utf-8", "replace").partition(" ")
    kind, _, blob = rest.partition("\t")[0].partition(" ")
    if kind != "blob" or not mode.startswith("100"):
        return None
    return (await run_git(["cat-file", "blob", blob], git_dir=mirror, bounds=Bounds(output=LONGEST))).decode()
