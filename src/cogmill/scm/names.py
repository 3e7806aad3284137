"""Names of repositories, branches and commits: what we accept and what we derive."""

import re
import unicodedata

from cogmill.scm.errors import RepositoryRefused, UnknownBranch
from cogmill.scm.git import HASH

_SEGMENT = re.compile(r"\w[\w.-]*")
_SEGMENT_BYTES = 100  # owner, name and a suffix must fit one file name of 255 bytes
_BRANCH_BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|^[-/.]|/\.|\.lock(/|$)|[/.]$|^@$")
_SLUG_LENGTH = 40
SESSION_PREFIX = "cogmill/"


def is_segment(text: str) -> bool:
    """Whether this may be an owner or a repository name; it becomes a folder name, so no dots first, no `.git` last."""
    good = _SEGMENT.fullmatch(text) is not None and len(text.encode()) <= _SEGMENT_BYTES
    return good and ".." not in text and not text.endswith((".git", ".lock", "."))


def repository_name(text: str) -> tuple[str, str]:
    """Owner and name, refused unless both are plain."""
    owner, slash, name = unicodedata.normalize("NFC", text).partition("/")
    if not slash or not is_segment(owner) or not is_segment(name):
        raise RepositoryRefused(f"{text[:200]!r} is no repository name; write owner/name.")
    return owner, name


def as_segment(text: str) -> str:
    """The nearest name that `is_segment` accepts."""
    text = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", text))
    text = re.sub(r"\.{2,}", ".", text.encode()[:_SEGMENT_BYTES].decode("utf-8", "ignore"))
    while text.endswith((".git", ".lock", ".")):
        text = text.rpartition(".")[0]
    return text.lstrip(".-") or "repository"


def is_branch(name: str) -> bool:
    """Git's own rules for branch names, without asking git."""
    return bool(name) and len(name.encode(errors="replace")) <= 200 and _BRANCH_BAD.search(name) is None


def branch_ref(name: str) -> str:
    if not is_branch(name):
        raise UnknownBranch(f"{name[:200]!r} is no branch name.")
    return f"refs/heads/{name}"


def is_hash(text: str) -> bool:
    return HASH.fullmatch(text) is not None


def revision(text: str) -> str:
    """A commit hash or a branch in a form that git cannot take for an option or anything else."""
    return text if is_hash(text) else branch_ref(text)


def work_branch_name(session_id: str, title: str | None = None) -> str:
    """The branch of a session: `cogmill/<8 characters of its id>-<slug of the title>`."""
    short = re.sub(r"[^0-9a-z]", "", session_id.removeprefix("devin-").lower())[:8] or "session"
    plain = unicodedata.normalize("NFKD", title or "").encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].strip("-")
    return SESSION_PREFIX + (f"{short}-{slug}" if slug else short)
