"""Paths of a repository: clean ones, patterns that name some of them, and who owns them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

OWNERS_FILES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS", ".gitea/CODEOWNERS")
"""Where the file may lie; the first one that is there counts."""
LONGEST = 1000
MOST_RULES = 10_000
MOST_OWNERS = 20


def relative(path: str, root: str | None) -> str | None:
    """The path within the repository; None for one that lies outside of it, or is none. An absolute one without a known
    root keeps its slash."""
    if "://" in path or path.startswith("file:"):
        parts = urlsplit(path)
        if parts.scheme != "file":
            return None
        path = unquote(parts.path)
    path = path.replace("\\", "/")
    if root is not None and path.startswith(f"{root}/"):
        path = path[len(root) + 1 :]
    if not path or len(path) > LONGEST or any(ord(char) < 32 for char in path):
        return None
    is_absolute = path.startswith("/")
    segments = [one for one in path.split("/") if one not in {"", "."}]
    if not segments or ".." in segments or (is_absolute and root is not None):
        return None
    return ("/" if is_absolute else "") + "/".join(segments)


def nearest(path: str, files: frozenset[str]) -> str | None:
    """The file that a path means: itself, or the longest end of an absolute path of another machine."""
    if path in files:
        return path
    segments = path.strip("/").split("/")
    if not path.startswith("/"):
        return None
    ends = ("/".join(segments[at:]) for at in range(len(segments)))
    return next((one for one in ends if one in files), None)


def matches(glob: str, path: str) -> bool:
    """Whether a pattern such as src/**/*.py names the file. `*` stays within a folder, `**` stands for any folders.

    In time of the product of their lengths, whatever the pattern.
    """
    head, is_folder = (glob[:-3], True) if glob.endswith("/**") else (glob, False)
    if "*" not in head and "?" not in head:
        return path.startswith(f"{head}/") if is_folder else path == head
    fits = {0}  # how many segments of the path the pattern may have used up so far
    segments = path.split("/")
    *folders, last = glob.split("/")
    for part in folders:
        if part == "**":
            fits = set(range(min(fits), len(segments) + 1))
        else:
            fits = {at + 1 for at in fits if at < len(segments) and _segment(part, segments[at])}
        if not fits:
            return False
    if last == "**":
        return min(fits) < len(segments)
    return len(segments) - 1 in fits and _segment(last, segments[-1])


def _segment(part: str, name: str) -> bool:
    """Whether a pattern without slashes names the file or folder."""
    at = place = kept = 0
    star = -1
    while place < len(name):
        if at < len(part) and part[at] == "*":
            star, kept, at = at, place, at + 1
        elif at < len(part) and part[at] in {"?", name[place]}:
            at, place = at + 1, place + 1
        elif star >= 0:
            kept += 1
            at, place = star + 1, kept
        else:
            return False
    return not part[at:].strip("*")


def is_wanted(path: str, include: Sequence[str] | None, exclude: Sequence[str] | None) -> bool:
    """Whether a profile's patterns leave the file in."""
    if include and not any(matches(one, path) for one in include):
        return False
    return not any(matches(one, path) for one in exclude or ())


@dataclass(frozen=True, slots=True)
class Owners:
    """The rules of a CODEOWNERS file; the last one that fits a file counts."""

    rules: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()

    @classmethod
    def read(cls, text: str) -> "Owners":
        """As GitHub reads it; sections of GitLab are passed over, what makes no sense is left out."""
        rules = []
        for line in text.splitlines()[-MOST_RULES:]:
            words = line.split("#", 1)[0].split()
            if not words or words[0].startswith(("[", "^[", "!")) or len(words[0]) > LONGEST:
                continue
            owners = tuple(one[:200] for one in words[1:] if "@" in one)[:MOST_OWNERS]
            rules.append((_globs(words[0]), owners))
        return cls(tuple(rules))

    def of(self, paths: Iterable[str]) -> list[str]:
        """Everybody who owns one of the files, each once."""
        return list(dict.fromkeys(owner for path in paths for owner in self._of(path)))[:MOST_OWNERS]

    def _of(self, path: str) -> tuple[str, ...]:
        fitting = (owners for globs, owners in reversed(self.rules) if any(matches(one, path) for one in globs))
        return next(fitting, ())


def _globs(pattern: str) -> tuple[str, ...]:
    """What a line's pattern names: a file or a folder, anywhere unless a slash ties it to a place."""
    bare = pattern.strip("/")
    is_tied = "/" in pattern.rstrip("/")
    start = bare if is_tied else f"**/{bare}"
    if pattern.endswith("/"):
        return (f"{start}/**",)
    return (start,) if bare.endswith("*") and "/" in bare else (start, f"{start}/**")
