"""A bare repository whose commits tests write."""

import os
import subprocess
from pathlib import Path

PLAIN = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org", "LC_ALL": "C.UTF-8",
}  # fmt: skip


class Repository:
    """`write` makes a commit on a branch: files by path, None removes one."""

    def __init__(self, folder: Path, branch: str = "main") -> None:
        self.folder = folder
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            self.git("init", "-q", "--bare", f"--initial-branch={branch}", str(folder), where=False)
        self.branch = branch

    def git(self, *args: str, input: bytes = b"", where: bool = True, **environment: str) -> str:
        place = [f"--git-dir={self.folder}"] if where else []
        done = subprocess.run(
            ["git", *place, *args], input=input, env=PLAIN | environment, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def write(self, files: dict[str, str | bytes | None], branch: str | None = None) -> str:
        branch = branch or self.branch
        index = {"GIT_INDEX_FILE": str(self.folder / "tests-index")}
        (self.folder / "tests-index").unlink(missing_ok=True)
        head = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        if head:
            self.git("read-tree", head, **index)
        entries = "".join(f"{self._entry(content)}\t{path}\n" for path, content in files.items())
        self.git("update-index", "--index-info", input=entries.encode(), **index)
        tree = self.git("write-tree", **index)
        commit = self.git("commit-tree", tree, "-m", "Change", *(["-p", head] if head else []))
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def _entry(self, content: str | bytes | None) -> str:
        if content is None:
            return f"0 {'0' * 40}"
        raw = content.encode() if isinstance(content, str) else content
        return f"100644 {self.git('hash-object', '-w', '--stdin', input=raw)}"
