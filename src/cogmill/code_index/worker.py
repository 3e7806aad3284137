"""The process that builds an index: `python -m cogmill.code_index.worker index|drop …`; tells progress as JSON lines.

It works alone with untrusted contents: bounded memory, low priority, and what was read is kept when it dies.
"""

import fcntl
import json
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cogmill.code_index.languages import GRAMMARS, language_of
from cogmill.code_index.skipping import LARGEST_FILE, MOST_FILES, skips_content, skips_path
from cogmill.code_index.store import Key, Store, batches, connect
from cogmill.code_index.symbols import Symbol, symbols_of
from cogmill.code_index.tree import Blobs, Change, Git
from cogmill.kit.faults import crash_point
from cogmill.scm.git import GitError

BATCH_BLOBS, BATCH_LETTERS = 200, 4 * 1024 * 1024
PATIENCE = 2
"""A file at which the process died so often is indexed without symbols."""


class TooMany(Exception):
    """The branch has more files than are indexed."""


def tell(**facts: Any) -> None:
    """One line to the server; it is gone when nobody reads any more, and so are we."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


class Parsing:
    """Remembers on disk which file is being parsed, so that the next process knows at which one this one died."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / "parsing", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        words = os.read(self._descriptor, 200).decode("ascii", "replace").split()
        self._died_at, self._deaths = (words[0], int(words[1])) if len(words) == 2 else ("", 0)

    def symbols(self, key: Key, content: bytes) -> list[Symbol]:
        blob, language = key
        deaths = self._deaths if blob == self._died_at else 0
        if language not in GRAMMARS or deaths >= PATIENCE:
            return []
        self._note(f"{blob} {deaths + 1}")
        crash_point("index_parsing")
        try:
            return symbols_of(language, content)
        except (MemoryError, RecursionError):
            return []
        finally:
            self._note("")

    def _note(self, text: str) -> None:
        os.pwrite(self._descriptor, text.ljust(100).encode(), 0)


def index(repository: Path, folder: Path, branch: str, commit: str) -> None:
    """Bring one branch of the index to a commit, reading only what the index does not have."""
    git, store = Git(repository), Store(connect(folder))
    before = store.commit_of(branch)
    if before == commit:
        tell(total=0, parsed=0, skipped=0, done=0)
        return
    whole = before is None or not git.has_commit(before)
    found = git.files(commit) if whole or before is None else git.changes(before, commit)
    changes, skipped = _wanted(found)
    keys = [(change.blob, language) for change, language in changes if change.blob is not None]
    lacking = store.lacking(keys)
    tell(total=len(lacking), parsed=0, skipped=skipped, done=0)
    done = left_out = 0
    for part in batches(_read(repository, lacking, Parsing(folder)), BATCH_BLOBS, BATCH_LETTERS):
        store.add(part)
        crash_point("index_batch")
        done += len(part)
        left_out += sum(text is None for _, text, _ in part)
        tell(total=len(lacking), parsed=done - left_out, skipped=skipped + left_out, done=done)
    store.switch(branch, commit, changes, whole=whole)
    store.forget_strays()
    crash_point("index_switched")


def _wanted(found: Iterator[Change]) -> tuple[list[tuple[Change, str]], int]:
    """The changes that concern the index, with their languages, and how many paths are skipped."""
    changes, skipped = [], 0
    for change in found:
        if skips_path(change.path):
            skipped += 1
            continue
        changes.append((change, language_of(change.path)))
        if len(changes) > MOST_FILES:
            raise TooMany(f"The branch has more than {MOST_FILES} files that are no one else's; it is not indexed.")
    return changes, skipped


def _read(
    repository: Path, keys: Sequence[Key], parsing: Parsing
) -> Iterator[tuple[Key, str | None, Sequence[Symbol]]]:
    with Blobs(repository, LARGEST_FILE) as blobs:
        for key, (_, content) in zip(keys, blobs.read(blob for blob, _ in keys), strict=True):
            if content is None or skips_content(content):
                yield key, None, []
            else:
                yield key, content.decode("utf-8", "replace"), parsing.symbols(key, content)


def _hold(folder: Path) -> int:
    """One writer for an index: the orphan of a killed server notices by its closed pipe, and we wait for that."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def main(arguments: list[str]) -> int:
    """`index MEMORY FOLDER REPOSITORY BRANCH COMMIT` or `drop MEMORY FOLDER BRANCH`."""
    action, memory, folder, *rest = arguments
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    os.nice(10)
    held = _hold(Path(folder))
    try:
        if action == "index":
            index(Path(rest[0]), Path(folder), rest[1], rest[2])
        else:
            Store(connect(Path(folder))).drop(rest[0])
    except BrokenPipeError:
        return 1
    except (GitError, TooMany) as error:
        tell(error=str(error))
        return 1
    except MemoryError:
        tell(error=f"Indexing needs more than the {memory} bytes of index_memory.")
        return 1
    finally:
        os.close(held)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
