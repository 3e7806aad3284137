"""What the repository itself says of a report: which files there are, the lines that are shown, whose they are."""

import asyncio
import hashlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from cogmill.domain.code_scans.paths import OWNERS_FILES, Owners, is_wanted, nearest, relative
from cogmill.domain.code_scans.reports import Place, Report, Reported, Wrong, moved
from cogmill.scm.git import Bounds, GitError, run_git

LARGEST_FILE = 2 * 1024**2
MOST_BYTES = 32 * 1024**2
"""Of files that are read together."""
MOST_LINES = 200
LONGEST_CODE = 20_000


@dataclass(frozen=True, slots=True)
class Source:
    """Where a report's files are looked up."""

    git_dir: Path | None
    """None: the repository has never been fetched; then nothing is checked."""
    commit: str | None
    root: str | None = None
    """The clone's folder in the sandbox, which absolute paths begin with."""
    is_strict: bool = True
    """The report is about just this commit: a file that is not there is a mistake."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A finding with what the repository says of it."""

    reported: Reported
    fingerprint: str
    code_owners: list[str]


@dataclass(slots=True)
class Evidence:
    """Files of one commit."""

    files: frozenset[str] | None = None
    lines: dict[str, list[str]] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)


async def resolve(git_dir: Path, commit: str | None) -> str | None:
    """The full hash of a commit, of the default branch's newest without one; None when it is not there."""
    name = f"{commit or 'HEAD'}^{{commit}}"
    try:
        out = await run_git(["rev-parse", "--verify", "--quiet", "--end-of-options", name], git_dir=git_dir)
    except GitError:
        return None
    return out.decode().strip()


async def prove(report: Report, source: Source, profile: Any | None) -> list[Proved]:
    """The findings that can stand, looked up in the repository; what is wrong with others is added to the problems."""
    evidence = await _gather(report, source)
    return await asyncio.to_thread(_proved, report, source, evidence, profile)


def _proved(report: Report, source: Source, evidence: Evidence, profile: Any | None) -> list[Proved]:
    findings = []
    for number, one in enumerate(report.findings, 1):
        try:
            findings.append(_placed(one, source, evidence, profile))
        except Wrong as problem:
            report.refuse(number, str(problem))
    owners = cache(lambda path: evidence.owners.of([path]))
    return [
        Proved(one, fingerprint, list(dict.fromkeys(who for place in one.places for who in owners(place.file_path))))
        for one, fingerprint in _fingerprints(findings)
    ]


async def _gather(report: Report, source: Source) -> Evidence:
    """Read the commit's list of files, and those that the report names."""
    evidence = Evidence()
    if source.git_dir is None or source.commit is None:
        return evidence
    listed = await run_git(["ls-tree", "-r", "-z", "--name-only", source.commit], git_dir=source.git_dir)
    evidence.files = frozenset(listed.decode("utf-8", "replace").split("\0")) - {""}
    named = {relative(place.file_path, source.root) for one in report.findings for place in one.places}
    wanted = {found for path in named if path and (found := nearest(path, evidence.files))}
    owners = next((path for path in OWNERS_FILES if path in evidence.files), None)
    texts = await _texts(source.git_dir, source.commit, sorted(wanted | ({owners} if owners else set())))
    evidence.lines = {path: text.splitlines() for path, text in texts.items()}
    evidence.owners = Owners.read(texts.get(owners, "")) if owners else Owners()
    return evidence


async def _texts(git_dir: Path, commit: str, paths: list[str]) -> dict[str, str]:
    """Contents of files by path; what is too large, or is no file, is left out."""
    plain = [path for path in paths if "\n" not in path]
    if not plain:
        return {}
    asked = "".join(f"{commit}:{path}\n" for path in plain).encode()
    out = await run_git(["cat-file", "--batch-check=%(objecttype) %(objectsize)"], git_dir=git_dir, input=asked)
    sizes = {}
    for path, line in zip(plain, out.decode("utf-8", "replace").splitlines(), strict=False):
        kind, _, length = line.partition(" ")
        if kind == "blob" and int(length) <= LARGEST_FILE:
            sizes[path] = int(length)
    found: dict[str, str] = {}
    part: list[str] = []
    for path, size in sizes.items():
        if part and sum(sizes[one] for one in part) + size > MOST_BYTES:
            found |= await _batch(git_dir, commit, part)
            part = []
        part.append(path)
    return found | (await _batch(git_dir, commit, part) if part else {})


async def _batch(git_dir: Path, commit: str, paths: list[str]) -> dict[str, str]:
    asked = "".join(f"{commit}:{path}\n" for path in paths).encode()
    bounds = Bounds(output=MOST_BYTES + LARGEST_FILE + 200 * len(paths))
    out = await run_git(["cat-file", "--batch=%(objectsize)"], git_dir=git_dir, input=asked, bounds=bounds)
    found, at = {}, 0
    for path in paths:
        end = out.index(b"\n", at)
        size = int(out[at:end])
        found[path] = out[end + 1 : end + 1 + size].decode("utf-8", "replace")
        at = end + 2 + size
    return found


def _placed(one: Reported, source: Source, evidence: Evidence, profile: Any | None) -> Reported:
    """The finding with paths of the repository and its code. Wrong says why it cannot stand."""
    places = []
    for place in one.places:
        path = relative(place.file_path, source.root)
        if path is None:
            raise Wrong(f"{place.file_path[:200]!r} is no path within the repository")
        known = nearest(path, evidence.files) if evidence.files is not None else path.lstrip("/")
        if known is None and source.is_strict:
            raise Wrong(f"{path[:200]!r} is not in the repository at {(source.commit or '')[:12]}")
        places.append(_with_code(moved(place, known or path.lstrip("/")), evidence.lines.get(known or "")))
    include, exclude = (profile.include_globs, profile.exclude_globs) if profile is not None else (None, None)
    if places and not is_wanted(places[0].file_path, include, exclude):
        raise Wrong(f"{places[0].file_path[:200]!r} is left out by the profile's patterns")
    return replace(one, places=tuple(places))


def _with_code(place: Place, lines: list[str] | None) -> Place:
    if lines is None:
        return replace(place, code=None if place.code is None else place.code[:LONGEST_CODE])
    start = min(place.start_line, max(len(lines), 1))
    end = max(start, min(place.end_line, len(lines)))
    code = "\n".join(lines[start - 1 : min(end, start - 1 + MOST_LINES)]).replace("\0", "")
    return replace(place, start_line=start, end_line=end, code=code[:LONGEST_CODE])


def _fingerprints(findings: list[Reported]) -> list[tuple[Reported, str]]:
    """What makes a finding the same one in a later scan: category, file and code, not its lines, which move.

    Of several that agree in these, each is the n-th one from the top.
    """
    keys = [_key(one) for one in findings]
    order: dict[str, list[int]] = defaultdict(list)
    by_place = sorted(range(len(findings)), key=lambda at: _position(findings[at]))
    for at in by_place:
        order[keys[at]].append(at)
    places = {at: number for found in order.values() for number, at in enumerate(found)}
    return [(one, _digest(f"{keys[at]}\n{places[at]}")) for at, one in enumerate(findings)]


def _key(one: Reported) -> str:
    first = one.places[0] if one.places else None
    code = "" if first is None else " ".join((first.code or "").split())
    shown = code or one.title.casefold()
    return "\n".join(((one.category or "").casefold(), "" if first is None else first.file_path, shown))


def _position(one: Reported) -> tuple[int, str]:
    return (one.places[0].start_line if one.places else 0, one.title)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
