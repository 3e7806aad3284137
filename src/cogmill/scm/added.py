"""What commits add: the text that a push would bring into the world."""

from pathlib import Path

from cogmill.scm.bundles import Quarantine
from cogmill.scm.errors import BundleTooLarge
from cogmill.scm.git import Bounds, GitError, run_git

MOST = 64 * 1024**2
_LOOK = Bounds(timeout=120.0, output=MOST, memory=1024**3)


async def added_text(repository: Path, head: str, quarantine: Quarantine) -> str:
    """Messages, authors, file names and added lines of the commits up to `head` that are new to the repository."""
    args = ["log", "--format=%an %ae%n%B", "--patch", "--diff-merges=combined", "-U0", "--text", "--no-color",
            "--no-ext-diff", "--no-textconv", "--no-renames", head, "--not", "--all"]  # fmt: skip
    try:
        said = await run_git(args, git_dir=repository, env=quarantine.environment, bounds=_LOOK)
    except GitError as error:
        raise BundleTooLarge(f"What the commits add could not be looked through for secrets: {error}") from None
    lines = said.decode("utf-8", "replace").split("\n")
    return "\n".join(line.lstrip("+") for line in lines if not line.startswith("-"))
